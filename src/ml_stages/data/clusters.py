"""How many independent rows a sample is worth when rows come in clusters (a patient's visits).

The design effect of a share is its variance over clusters against that over independent rows (Kish 1965,
linearised); tests then count ``rows / effect`` rows (Rao and Scott 1981).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

from ml_stages.data.distribution import Distribution, Numbers, Values
from ml_stages.data.sample import as_numbers

_QUARTERS = (0.25, 0.5, 0.75)
_MOST = 10
"""Values of a text column whose shares are looked at."""
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Codes = np.ndarray[Any, np.dtype[np.int64]]


def clustered(found: Distribution, values: pl.Series, clusters: pl.Series) -> Distribution:
    """The distribution with its number of independent rows; ``clusters`` names each row's cluster."""
    there = values.is_not_null() & (values.is_not_nan() if values.dtype.is_float() else True)
    values, codes = values.filter(there), clusters.filter(there).rank("dense").fill_null(0).to_numpy()
    codes = codes.astype(np.int64)
    updated: dict[str, Numbers | Values | None] = {}
    if found.numbers:
        effect = _largest(_below(as_numbers(values), found.numbers), codes)
        updated["numbers"] = _worth(found.numbers, effect)
    if found.lengths:
        lengths = values.str.len_chars().cast(pl.Float64).to_numpy()
        updated["lengths"] = _worth(found.lengths, _largest(_below(lengths, found.lengths), codes))
    if found.values:
        texts = values.cast(pl.String)
        most = texts.value_counts(sort=True).head(_MOST)[texts.name]
        updated["values"] = _worth(
            found.values, _largest(((texts == text).to_numpy() for text in most), codes)
        )
    return found.model_copy(update=updated)


def _below(numbers: Any, known: Numbers) -> Iterable[Flags]:
    return (numbers <= known.quantile(share) for share in _QUARTERS)


def _worth(found: Any, effect: float) -> Any:
    return found.model_copy(update={"effective_rows": found.rows / effect})


def _largest(flags: Iterable[Flags], clusters: Codes) -> float:
    """The greatest design effect: what holds for the worst place of the distribution holds for all."""
    return max((design_effect(flag, clusters) for flag in flags), default=1.0)


def design_effect(flags: Flags, clusters: Codes) -> float:
    """Variance of a share over clusters against that over independent rows, at least 1."""
    share = flags.mean() if len(flags) else 0.0
    expected = len(flags) * share * (1 - share)
    if not expected:
        return 1.0
    totals = np.bincount(clusters, weights=flags - share)
    count = np.count_nonzero(np.bincount(clusters))
    if count < 2:
        return float(len(flags))
    return max(1.0, float((totals**2).sum() * count / (count - 1) / expected))
