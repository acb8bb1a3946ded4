"""How much a single feature tells of the label: one that tells all of it has usually leaked."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Codes = NDArray[np.int64]
"""A number from 0 for each row, the same for the same bin or value."""

_BIN_ROWS = 20
"""Fewest rows of a bin or value; with fewer, chance alone makes a feature look informative."""
_MOST_BINS = 100
_LABEL_BINS = 10
_MOST_PAIRS = 2**20
"""Pairs of codes up to which each has a place of its own to be counted in."""


def label_information(rows: pl.DataFrame, label: str, *, categorical: bool) -> dict[str, float]:
    """The uncertainty coefficient U(label | feature) of each other column: 0 nothing, 1 everything.

    Theil 1970; numbers in bins of equal counts, values that are too rare together; mutual information
    corrected for its bias (Miller 1955). Empty where the rows are too few, or the label is constant.
    """
    rows = rows.filter(pl.col(label).is_not_null())
    most = min(_MOST_BINS, rows.height // _BIN_ROWS)
    if most < 5:
        return {}
    is_text = categorical or not _is_ordered(rows[label])
    answer = _codes_of_texts(rows[label]) if is_text else _bins(*_numbers(rows[label]), _LABEL_BINS)
    scores = {
        name: uncertainty_coefficient(_codes(rows[name], most), answer)
        for name in rows.columns
        if name != label
    }
    return {name: score for name, score in scores.items() if score is not None}


def _is_ordered(values: pl.Series) -> bool:
    return values.dtype.is_numeric() or values.dtype.is_temporal()


def _codes(feature: pl.Series, most: int) -> Codes:
    """The feature in at most ``most`` bins or values, and one for nulls; the rare ones pooled."""
    if not _is_ordered(feature):
        return _pooled(_codes_of_texts(feature))
    numbers, is_there = _numbers(feature)
    different = np.unique(numbers[is_there])
    if len(different) > most:
        return _bins(numbers, is_there, most)
    return _pooled(np.where(is_there, np.searchsorted(different, numbers), len(different)))


def _codes_of_texts(values: pl.Series) -> Codes:
    texts = values.cast(pl.String)
    known = texts.drop_nulls().unique(maintain_order=True)
    codes = texts.cast(pl.Enum(known)).to_physical().cast(pl.Int64)
    return codes.fill_null(len(known)).to_numpy()


def _pooled(codes: Codes) -> Codes:
    """Rare codes as one, which is 0."""
    is_frequent = np.bincount(codes) >= _BIN_ROWS
    return np.where(is_frequent, np.cumsum(is_frequent), 0)[codes]


def _numbers(values: pl.Series) -> tuple[NDArray[np.float64 | np.int64], NDArray[np.bool_]]:
    """The values, and which are there: neither null nor NaN."""
    plain = values.to_physical() if values.dtype.is_temporal() else values
    wide = plain.cast(pl.Int64 if plain.dtype.is_signed_integer() else pl.Float64, strict=False)
    filled = wide.fill_null(0).to_numpy()
    return filled, wide.is_not_null().to_numpy() & ~np.isnan(filled)


def _bins(numbers: NDArray[np.float64 | np.int64], is_there: NDArray[np.bool_], bins: int) -> Codes:
    """The number's place among all, in ``bins`` of equal counts; equal numbers together, nulls apart."""
    ordered = np.sort(numbers[is_there])
    edges = ordered[-(-np.arange(1, bins) * len(ordered) // bins) - 1] if len(ordered) else ordered
    return np.where(is_there, np.searchsorted(edges, numbers), bins)


def uncertainty_coefficient(feature: Codes, label: Codes) -> float | None:
    """Share of the label's entropy that the feature explains; ``None`` for a constant label."""
    features, labels = _counts(feature, int(feature.max()) + 1), _counts(label, int(label.max()) + 1)
    places = int(label.max()) + 1
    joint = _counts(feature * places + label, (int(feature.max()) + 1) * places)
    total = _entropy(labels)
    if total == 0:
        return None
    explained = _entropy(features) + total - _entropy(joint)
    chance = (len(features) - 1) * (len(labels) - 1) / (2 * len(label))
    return max(0.0, min(1.0, (explained - chance) / total)) if explained < total - 1e-12 else 1.0


def _counts(codes: Codes, most: int) -> NDArray[np.int64]:
    """How many rows have each code that occurs."""
    if most > _MOST_PAIRS:
        return np.unique(codes, return_counts=True)[1]
    counts = np.bincount(codes)
    return counts[counts > 0]


def _entropy(counts: NDArray[np.int64]) -> float:
    """In nats."""
    shares = counts / counts.sum()
    return -float((shares * np.log(shares)).sum())
