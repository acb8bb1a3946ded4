"""Intervals from what each row contributes to a number (its influence).

A mean, an AUC, a squared error: near the truth each is a sum over rows, and the sum of the squared
contributions is its variance. Such an interval is off where few rows decide: the contributions are
skewed, and a jump that was not seen may still exist. Both are put into the half-width, which solves
``half**2 = z**2 * (variance + jump * half)``: the score interval of a sum of jumps. Without skewness
this is the normal interval; with one size of jump it is the score interval of a Poisson count; with
no difference seen at all it is ``z**2 * unseen`` instead of nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.quantiles import t_quantile

Floats = NDArray[np.float64]
Groups = NDArray[np.intp]

_TAIL_SHARE = 0.01
_PIECE = 1 << 15
_TAIL_WEIGHT = 0.5


@dataclass(frozen=True)
class Spread:
    """What the influences of all rows say about the uncertainty of their sum."""

    variance: float
    down: float
    """Typical size of a jump downwards (third over second moment)."""
    up: float
    units: int
    """Independent rows, or groups of rows."""


def spread(influence: Floats, unseen: float = 0.0, groups: Groups | None = None) -> Spread:
    """Second and third moments of the influences; rows of one group count as one.

    The influences are scaled so that their squares sum to an unbiased variance.

    ``unseen`` is the largest influence that a single row could have: it stands for one row of the
    kind that the sample happens not to hold, and matters only where few rows decide.
    """
    if groups is not None:
        influence = np.bincount(groups, weights=influence).astype(np.float64)
    units = influence.size
    variance, skew = _moments(influence)
    weight = variance + unseen**2
    if weight == 0:
        return Spread(0.0, 0.0, 0.0, units)
    return Spread(
        variance=variance if groups is None else variance * units / max(units - 1, 1),
        down=(max(-skew, 0.0) + unseen**3) / weight,
        up=(max(skew, 0.0) + unseen**3) / weight,
        units=units,
    )


def _moments(influence: Floats) -> tuple[float, float]:
    """Sums of squares and of cubes, in pieces that stay in the processor's cache."""
    squared = cubed = 0.0
    for start in range(0, influence.size, _PIECE):
        piece = influence[start : start + _PIECE]
        squares = piece * piece
        squared += float(squares.sum())
        cubed += float(np.einsum("i,i->", squares, piece))  # no BLAS, whose threads cost more than they give
    return squared, cubed


def half_widths(spread: Spread, confidence: float) -> tuple[float, float]:
    """Distances of the lower and of the upper bound from the value, for skewed contributions.

    A sum of mostly upward jumps leaves the truth above it: ``up`` widens the upper side.
    """
    z = t_quantile(confidence, max(spread.units - 1, 1))
    return _half(z, spread.variance, spread.down), _half(z, spread.variance, spread.up)


def _half(z: float, variance: float, jump: float) -> float:
    shift = z * z * jump / 2
    return shift + float(np.sqrt(shift**2 + z * z * variance))


def tail_dominates(influence: Floats) -> bool:
    """Whether one row in a hundred carries more than half of the variance.

    For squared errors the interval then promises too much: with residuals like Student's t with
    3 degrees of freedom, or lognormal ones, intervals of RMSE and R2 cover 57 to 82 % instead of 95.
    """
    squares = influence * influence
    total = float(squares.sum())
    if total == 0:
        return False
    few = max(int(squares.size * _TAIL_SHARE), 1)
    # The largest few carry at most a floor for each of them and what stands out of it: mostly nothing.
    floor = _TAIL_WEIGHT / 2 * total / few
    if float((squares[squares > floor] - floor).sum()) <= _TAIL_WEIGHT / 2 * total:
        return False
    largest = np.partition(squares, squares.size - few)[-few:]
    return float(largest.sum()) > _TAIL_WEIGHT * total
