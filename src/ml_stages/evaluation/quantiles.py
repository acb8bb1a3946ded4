"""Quantiles of the normal, Student's t and the binomial distribution, and of draws, without heavy imports."""

from __future__ import annotations

from functools import cache
from math import atan, cos, pi, sin, sqrt, tan
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

_FEW = 30
_HALVINGS = 60


def normal_quantile(confidence: float) -> float:
    """The two-sided quantile: 1.96 for a confidence of 0.95."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def t_quantile(confidence: float, freedom: int) -> float:
    """The two-sided quantile of Student's t.

    From 30 degrees of freedom on by the expansion of Abramowitz and Stegun, 26.7.5 (relative error
    below 1e-6); below, by halving an interval in which their exact sums, 26.7.3 and 26.7.4, hold it.
    """
    if freedom < _FEW:
        return _few_quantile(confidence, freedom)
    z = normal_quantile(confidence)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / float(freedom) ** (power + 1) for power, term in enumerate(terms))


@cache
def _few_quantile(confidence: float, freedom: int) -> float:
    low, high = atan(normal_quantile(confidence) / sqrt(freedom)), pi / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _inside(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return sqrt(freedom) * tan((low + high) / 2)


def _inside(angle: float, freedom: int) -> float:
    """The chance that Student's t lies between minus and plus ``sqrt(freedom) * tan(angle)``."""
    odd = freedom % 2
    term = cos(angle) if odd else 1.0
    total = 0.0 if freedom == 1 else term
    for power in range(2 + odd, freedom - 1, 2):
        term *= cos(angle) ** 2 * (power - 1) / power
        total += term
    return 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total


def drawn_quantile(values: NDArray[np.float64], share: float) -> float:
    """Of at least one value, as ``numpy.quantile``, which would import masked arrays first."""
    place = share * (values.size - 1)
    below = int(place)
    above = min(below + 1, values.size - 1)
    ordered = np.partition(values, (below, above))
    return float(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


def binomial_shares(count: int, share: float) -> NDArray[np.float64]:
    """The chances of at most 0, 1, ... ``count`` successes in so many trials, for shares between 0 and 1."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count + 1)))])
    hits = np.arange(count + 1)
    chances = logs[-1] - logs - logs[::-1] + hits * np.log(share) + (count - hits) * np.log1p(-share)
    return np.asarray(np.minimum(np.cumsum(np.exp(chances)), 1.0))
