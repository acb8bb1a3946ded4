"""Compute distributions from the sampled rows."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import polars as pl

from ml_stages.data.different import Different
from ml_stages.data.distribution import MOST_VALUES, POINTS, Distribution, Numbers, Values

Floats = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.int64]]

FEW_CODES = 20
"""Integers with at most so many different values are counted one by one besides."""
_SPARSE = 4
"""Whole numbers among which there are at least so many times as many values are counted, not sorted."""


def distribution(
    values: pl.Series, distinct: Different, rows: int, missing_kinds: int, *, sensitive: bool
) -> Distribution | None:
    """The distribution of one column's sampled values (typed, nulls and all).

    ``rows`` hold a value, ``missing_kinds`` of the values are nulls or NaN. ``None`` where neither the sample
    tells how many values differ, nor ``distinct``, which has not looked at all of them.
    """
    there = values.drop_nulls()
    is_ordered = values.dtype.is_numeric() or values.dtype.is_temporal()
    ordered = _ordered(there) if is_ordered else np.empty(0)
    counts = None if is_ordered else values_of(there, sensitive=sensitive)
    if distinct.by_sample:
        sampled, different = (len(ordered), _different(there, ordered)) if is_ordered else _counted(counts)
        told = distinct.counted(rows, sampled, sampled - different)
        if told is None:
            return None
        counted, error = told
    else:
        counted, error = distinct.count - (missing_kinds if distinct.error == 0 else 0), distinct.error
    if values.dtype.is_integer() and counted <= FEW_CODES:
        counts = values_of(there, sensitive=sensitive)
    is_text = values.dtype == pl.String
    return Distribution(
        distinct=max(counted, 0),
        distinct_error=error,
        numbers=numbers_of(ordered),
        values=counts,
        lengths=numbers_of(_ordered(there.str.len_chars())) if is_text else None,
    )


def _ordered(values: pl.Series) -> Floats:
    """Numbers without NaN, ascending; whole ones that lie close together are counted, not compared."""
    least, greatest = (values.min(), values.max()) if values.dtype.is_integer() else (None, None)
    if not isinstance(least, int) or not isinstance(greatest, int) or max(-least, greatest) > 2**53:
        return np.sort(as_numbers(values))
    if (greatest - least) * _SPARSE > len(values):
        return np.sort(as_numbers(values))
    counts = np.bincount(values.cast(pl.Int64).to_numpy() - least)
    return np.repeat(np.arange(least, greatest + 1, dtype=np.float64), counts)


def _different(values: pl.Series, ordered: Floats) -> int:
    """How many values differ; ``ordered`` are they as floats, of which two beyond ``2**53`` may be equal."""
    different = int(np.count_nonzero(ordered[1:] != ordered[:-1])) + (len(ordered) > 0)
    return different if different == len(ordered) or values.dtype.is_float() else values.n_unique()


def _counted(values: Values | None) -> tuple[int, int]:
    """Rows, and how many of their values differ."""
    return (values.rows, len(values.counts) + values.other_values) if values else (0, 0)


def as_numbers(values: pl.Series) -> Floats:
    """Numbers without NaN; times as seconds since 1970."""
    if values.dtype.is_temporal():
        return values.cast(pl.Datetime("us")).dt.epoch("us").to_numpy() / 1e6
    numbers = values.cast(pl.Float64).to_numpy()
    missing = np.isnan(numbers)
    return numbers[~missing] if missing.any() else numbers


def numbers_of(ordered: Floats) -> Numbers | None:
    """The empirical distribution of numbers without NaN, ascending, thinned to ``POINTS`` of equal weight."""
    if not len(ordered):
        return None
    changes = ordered[1:] != ordered[:-1]
    different = int(np.count_nonzero(changes)) + 1
    last = _thinned(ordered) if different > POINTS else np.append(np.flatnonzero(changes), len(changes))
    return Numbers(
        rows=len(ordered),
        effective_rows=len(ordered),
        points=ordered[last].tolist(),
        shares=((last + 1) / len(ordered)).round(9).tolist(),
        complete=len(last) == different,
    )


def _thinned(ordered: Floats) -> Indices:
    """Where the last of each of about ``POINTS`` values stands, between which equally many numbers lie."""
    ranks = np.linspace(0, len(ordered) - 1, POINTS).round().astype(np.int64)
    first, after = (np.searchsorted(ordered, ordered[ranks], side=side) for side in ("left", "right"))
    # The value before one that many rows share, so that their weight is known to lie on it alone.
    heavy = first[(first > 0) & (after - first > len(ordered) // POINTS)] - 1
    return np.unique(np.append(after - 1, heavy))


def values_of(values: pl.Series, *, sensitive: bool) -> Values | None:
    """How often each value occurs, by its text; ties in the order of the texts."""
    if values.is_empty():
        return None
    # Whole numbers and booleans are quicker counted as they are; what else reads alike counts as one.
    is_plain = values.dtype == pl.Boolean or values.dtype.is_integer()
    counts = (values if is_plain else values.cast(pl.String)).rename("text").value_counts(name="rows")
    most = _most_frequent(counts.with_columns(pl.col("text").cast(pl.String)))
    names = [fingerprint(text) for text in most["text"]] if sensitive else most["text"].to_list()
    return Values(
        rows=len(values),
        effective_rows=len(values),
        counts=dict(zip(names, most["rows"].to_list(), strict=True)),
        others=len(values) - int(most["rows"].sum()),
        other_values=max(0, len(counts) - MOST_VALUES),
        once=int((counts["rows"] == 1).sum()),
    )


def _most_frequent(counts: pl.DataFrame) -> pl.DataFrame:
    """The first ``MOST_VALUES`` by their rows and then by their text; few of many are put in order."""
    if len(counts) > MOST_VALUES:
        least = counts["rows"].top_k(MOST_VALUES).min()
        more, ties = counts.filter(pl.col("rows") > least), counts.filter(pl.col("rows") == least)
        counts = pl.concat([more, ties.bottom_k(MOST_VALUES - len(more), by="text")])
    return counts.sort("rows", "text", descending=[True, False])


def fingerprint(text: str) -> str:
    """What stands for a value that must not be shown: the same for the same value."""
    return "#" + hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
