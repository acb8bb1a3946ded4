"""The base of every section of the configuration."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the configuration: immutable, every key known, no silent conversions of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
