"""Whether two samples can come from one distribution, the reference being a sample too.

Each test returns a p-value that is at or above the true one: conservative where it approximates.
"""

from __future__ import annotations

import math

import numpy as np

from ml_stages.data.distribution import Values
from ml_stages.drift.effects import Cells
from ml_stages.drift.empirical import Steps, points_of_both


def kolmogorov_smirnov(reference: Steps, current: Steps) -> tuple[float, float]:
    """The two-sample statistic and its p-value.

    Between stored points the least difference that is possible counts. The limiting distribution
    (Smirnov 1939) is conservative for ties and for few rows.
    """
    points = points_of_both(reference, current)
    (low, high), (other_low, other_high) = reference.bounds(points), current.bounds(points)
    apart = max(0.0, float((low - other_high).max()), float((other_low - high).max()))
    before, after = reference.effective_rows, current.effective_rows
    return apart, _kolmogorov(apart * math.sqrt(before * after / (before + after)))


def _kolmogorov(value: float) -> float:
    """Chance that Kolmogorov's limiting distribution exceeds a value."""
    if value < 0.2:  # where the series alternates longest, the chance is 1 to 12 digits
        return 1.0
    # From the 26th on a term is below 1e-23.
    terms = (math.pow(-1, k - 1) * math.exp(-2 * k * k * value * value) for k in range(1, 26))
    return min(1.0, max(0.0, 2 * sum(terms)))


def chi_squared(cells: Cells) -> tuple[float, float]:
    """Pearson's test of homogeneity: statistic and p-value; cells are to be pooled before."""
    counts = cells.counts
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    there = expected > 0
    statistic = float(((counts - expected)[there] ** 2 / expected[there]).sum())
    freedom = counts.shape[1] - 1
    return statistic, chi_squared_tail(statistic, freedom) if freedom else 1.0


def chi_squared_tail(statistic: float, freedom: int) -> float:
    """Chance that chi-squared with whole degrees of freedom exceeds a value, without loading a library.

    A finite sum (Abramowitz and Stegun 1964, 26.4.4 and 26.4.5), each term in logarithms.
    """
    half = statistic / 2
    if half <= 0:
        return 1.0
    start = 0.0 if freedom % 2 == 0 else 0.5
    log_half = math.log(half)
    terms = (
        math.exp((start + k) * log_half - half - math.lgamma(start + k + 1))
        for k in range((freedom + 1) // 2 - (1 if start else 0))
    )
    first = math.erfc(math.sqrt(half)) if start else 0.0
    return min(1.0, first + math.fsum(terms))


def two_shares(before: tuple[float, float], after: tuple[float, float]) -> float:
    """p-value for two shares ``(rows with it, rows)`` being equal: chi-squared with Yates's correction."""
    (had, rows), (has, others) = before, after
    total, both = rows + others, had + has
    if not both or both == total:
        return 1.0
    apart = max(0.0, abs(had * others - has * rows) - total / 2)
    squared = total * apart**2 / (rows * others * both * (total - both))
    return math.erfc(math.sqrt(squared / 2))


def only_in_current(reference: Values, current: Values) -> float:
    """p-value for values that the current sample holds and the reference lacks.

    Given all rows, each value's rows fall into the current sample by chance (a permutation): a value of
    ``c`` rows does so with all of them in about ``(m / N)^c`` of the draws. Two statistics, each for half
    the level: the largest such value, by the expected number of values at least as large that would do the
    same; and the number of such values, by Poisson's tail (Hoeffding 1956). So a tail of rare values,
    which brings new ones all the time, is no alarm, and a new value of some mass is.
    """
    new = [current.counts[name] for name in current.counts.keys() - reference.counts.keys()]
    if not new or not (reference.complete and current.complete):
        return 1.0
    scale = current.rows / current.effective_rows
    share = current.effective_rows / (current.effective_rows + reference.effective_rows)
    pooled = np.array(
        [count + current.counts.get(name, 0) for name, count in reference.counts.items()] + new, dtype=float
    )
    alone = np.power(share, np.maximum(1.0, pooled / scale))
    by_largest = float(alone[pooled >= max(new)].sum())
    return min(1.0, 2 * min(by_largest, _poisson_tail(len(new), float(alone.sum()))))


def _poisson_tail(count: int, mean: float) -> float:
    """Chance that a Poisson variable is at least ``count``; 1 where the bound does not hold."""
    if count <= mean + 1:
        return 1.0
    term = math.exp(count * math.log(mean) - mean - math.lgamma(count + 1)) if mean > 0 else 0.0
    total, k = 0.0, count
    while term > total * 1e-17 and term > 0:
        total += term
        k += 1
        term *= mean / k
    return min(1.0, total)
