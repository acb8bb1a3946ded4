"""Labels as text, so that what a table, a model and a configuration call the same is the same."""

from __future__ import annotations

import polars as pl

_EXACT = 2**53  # whole numbers beyond are not exact as floats


def canonical(values: pl.Series) -> pl.Series:
    """Text by which values are compared: 1, 1.0, "1" and "1.0" are "1"; true and "True" are "true".

    Other text stays as it is, with its case and leading zeros ("007" is not "7"). Nulls stay nulls;
    NaN becomes null.
    """
    if values.dtype in (pl.Boolean, pl.Categorical):
        return canonical(values.cast(pl.String)) if values.dtype == pl.Categorical else values.cast(pl.String)
    if values.dtype.is_float():
        return _floats(values)
    text = values.cast(pl.String)
    if values.dtype.is_integer():
        return text
    return text.to_frame("value").select(_as_text(pl.col("value"))).to_series().alias(values.name)


def canonical_value(value: str | float) -> str:
    """The same for one value, e.g. out of the configuration."""
    text: str = canonical(pl.Series([value]))[0]
    return text


def _floats(values: pl.Series) -> pl.Series:
    frame = values.cast(pl.Float64).fill_nan(None).to_frame("value")
    value = pl.col("value")
    whole = (value == value.floor()) & (value.abs() < _EXACT)
    text = (
        pl.when(whole)
        .then(value.cast(pl.Int64, strict=False).cast(pl.String))
        .otherwise(value.cast(pl.String))
    )
    return frame.select(text).to_series().alias(values.name)


def _as_text(value: pl.Expr) -> pl.Expr:
    lowered = value.str.to_lowercase()
    return (
        pl.when(lowered.is_in(["true", "false"]))
        .then(lowered)
        .when(value.str.contains(r"^-?\d+\.0*$"))
        .then(value.str.replace(r"\.0*$", ""))
        .otherwise(value)
    )
