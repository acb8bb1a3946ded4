"""How much a single feature tells of the label: one that tells all of it has usually leaked."""

from __future__ import annotations

import polars as pl

_BIN_ROWS = 20
"""Fewest rows of a bin or value; with fewer, chance alone makes a feature look informative."""
_MOST_BINS = 100
_LABEL_BINS = 10


def label_information(rows: pl.DataFrame, label: str, *, categorical: bool) -> dict[str, float]:
    """The uncertainty coefficient U(label | feature) of each other column: 0 nothing, 1 everything.

    Theil 1970; numbers in bins of equal counts, values that are too rare together; mutual information
    corrected for its bias (Miller 1955). Empty where the rows are too few, or the label is constant.
    """
    rows = rows.filter(pl.col(label).is_not_null())
    answer = rows[label].cast(pl.String) if categorical else _bins(rows[label], _LABEL_BINS)
    most = min(_MOST_BINS, rows.height // _BIN_ROWS)
    if most < 5:
        return {}
    found = {}
    for name in rows.columns:
        if name != label:
            score = uncertainty_coefficient(_codes(rows[name], most), answer)
            if score is not None:
                found[name] = score
    return found


def _codes(feature: pl.Series, most: int) -> pl.Series:
    """The feature in at most ``most`` bins or values, and one for nulls; the rare ones pooled."""
    ordered = feature.dtype.is_numeric() or feature.dtype.is_temporal()
    if ordered and feature.n_unique() > most:
        return _bins(feature, most)
    texts = feature.cast(pl.String).fill_null("\0null")
    counts = texts.to_frame("value").select(pl.len().over("value")).to_series()
    return (
        texts.to_frame("value")
        .select(pl.when(counts >= _BIN_ROWS).then("value").otherwise(pl.lit("\0rare")))
        .to_series()
    )


def _bins(numbers: pl.Series, bins: int) -> pl.Series:
    """The number's rank among all, in ``bins`` of equal counts; equal numbers together, nulls apart."""
    number = (
        pl.col("number").cast(pl.Float64).fill_nan(None) if numbers.dtype.is_float() else pl.col("number")
    )
    rank = number.rank("min") - 1
    binned = (rank * bins / pl.max_horizontal(number.count(), 1)).floor().cast(pl.Int64)
    return numbers.to_frame("number").select(binned.cast(pl.String).fill_null("null")).to_series()


def uncertainty_coefficient(feature: pl.Series, label: pl.Series) -> float | None:
    """Share of the label's entropy that the feature explains; ``None`` for a constant label."""
    pair = pl.DataFrame({"feature": feature, "label": label})
    n = pair.height
    joint, features, labels = (
        pair.group_by(by).len("rows")["rows"] for by in (["feature", "label"], "feature", "label")
    )
    total = _entropy(labels)
    if total == 0:
        return None
    explained = _entropy(features) + total - _entropy(joint)
    chance = (len(features) - 1) * (len(labels) - 1) / (2 * n)
    return max(0.0, min(1.0, (explained - chance) / total)) if explained < total - 1e-12 else 1.0


def _entropy(counts: pl.Series) -> float:
    """In nats."""
    return float(counts.cast(pl.Float64).entropy(normalize=True) or 0.0)
