"""Which values of a column are missing."""

from __future__ import annotations

import polars as pl


def missing_of(column: pl.Series) -> pl.Series:
    """Where a column has no value: null, or NaN, which Polars tells from null and takes for the greatest."""
    missing = column.is_null()
    return missing | column.is_nan().fill_null(value=False) if column.dtype.is_float() else missing
