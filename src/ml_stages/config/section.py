"""The base of every section of the configuration."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the configuration: immutable, every key known, no number infinite or NaN.

    What a key means stands in the docstring below it: see :mod:`ml_stages.config.docstrings`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)
