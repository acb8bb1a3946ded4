"""The base of every section of the configuration."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer, ValidatorFunctionWrapHandler, WrapValidator


def _exact(value: Any, as_float: ValidatorFunctionWrapHandler) -> Any:
    return value if type(value) is int else as_float(value)


Number = Annotated[
    float, WrapValidator(_exact), PlainSerializer(lambda number: number, return_type=int | float)
]
"""A number; a whole one keeps all its digits, of which floats have 16."""


class Section(BaseModel):
    """A table of the configuration: immutable, every key known, no number infinite or NaN.

    What a key means stands in the docstring below it: see :mod:`ml_stages.config.docstrings`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)
