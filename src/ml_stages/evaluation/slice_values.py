"""The values of a column by which rows are cut into slices."""

from __future__ import annotations

import polars as pl

from ml_stages.errors import StageError

MOST_VALUES = 1000


def slice_values(column: pl.Series) -> pl.Series:
    """The different values; raises :class:`StageError` for more than anybody looks at one by one."""
    if column.dtype.is_nested():
        raise StageError(
            f"evaluation.slices names {column.name!r}, which holds {column.dtype} in each row; expected one "
            "value: make a column of its own of what rows are to be told apart by"
        )
    values = column.unique()
    if values.len() > MOST_VALUES:
        raise StageError(
            f"evaluation.slices names {column.name!r}, which has {values.len():,} values (at most "
            f"{MOST_VALUES:,} make sense as slices); bin it into a column of its own"
        )
    return values
