"""Intervals from what each row contributes to a number (its influence).

A mean, an AUC, a squared error: near the truth each is a sum over rows, and the sum of the squared
contributions is its variance. Such an interval is off where few rows decide: the contributions are
skewed, and a jump that was not seen may still exist. Both are put into the half-width, which solves
``half**2 = z**2 * (variance + jump * half)``: the score interval of a sum of jumps. Without skewness
this is the normal interval; with one size of jump it is the score interval of a Poisson count; with
no difference seen at all it is ``z**2 * unseen`` instead of nothing.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.pieces import Pieced, pieces
from ml_stages.evaluation.quantiles import t_quantile
from ml_stages.evaluation.unseen_share import beside

Floats = NDArray[np.float64]
Groups = NDArray[np.intp]

_TAIL_SHARE = 0.01
_TAIL_WEIGHT = 0.5

HEAVY_ALONE, HEAVY_PAIRED = 2.4, 3.0
"""Limits of :func:`heavy_tailed`. Squared errors give 2.13 where the errors are normal, and differences of
squared errors 2.47, the chance of few rows not counted."""
_SKEWED = 0.125


@dataclass(frozen=True)
class Moments:
    """What an interval needs of the rows' contributions to a number."""

    units: int
    """Rows."""
    squared: float
    """The sum of their squares: the variance of the number."""
    cubed: float

    def scaled(self, factor: float) -> Moments:
        """Those of contributions that are so many times as large."""
        return Moments(self.units, self.squared * factor**2, self.cubed * factor**3)


@dataclass(frozen=True)
class Summary:
    """A number, and the moments of what each row contributes to it."""

    value: float
    moments: Moments


@dataclass(frozen=True)
class Spread:
    """What the influences of all rows say about the uncertainty of their sum."""

    variance: float
    down: float
    """Typical size of a jump downwards (third over second moment)."""
    up: float
    freedom: int
    """Degrees of freedom of the variance."""
    hidden: float = 0.0
    """How far what was not drawn may move the number, where that is known by itself."""


def spread(influence: Floats, unseen: float = 0.0) -> Spread:
    """Second and third moments of the influences, scaled so that their squares sum to an unbiased variance.

    ``unseen`` is the largest influence that a single row could have: it stands for one row of the
    kind that the sample happens not to hold, and matters only where few rows decide.
    """
    return spread_of(moments(influence), unseen)


def by_group(influence: Floats, groups: Groups) -> Floats:
    """What each group of rows contributes."""
    return np.bincount(groups, weights=influence).astype(np.float64)


def spread_of(moments: Moments, unseen: float = 0.0, unseen_down: float | None = None) -> Spread:
    """The same where the sums are known already; ``unseen_down`` where less can be missing downwards."""
    down = unseen if unseen_down is None else unseen_down
    return Spread(
        variance=moments.squared,
        down=_jump(max(-moments.cubed, 0.0), moments.squared, down),
        up=_jump(max(moments.cubed, 0.0), moments.squared, unseen),
        freedom=max(moments.units - 1, 1),
    )


def _jump(cubed: float, squared: float, unseen: float) -> float:
    weight = squared + unseen**2
    return (cubed + unseen**3) / weight if weight else 0.0


def moments(values: Floats) -> Moments:
    """Sums of the values' squares and cubes."""
    squared = cubed = 0.0
    for piece in pieces(values.size):
        squares = values[piece] * values[piece]
        squared += float(squares.sum())
        # No BLAS, whose threads cost more than they give.
        cubed += float(np.einsum("i,i->", squares, values[piece]))
    return Moments(values.size, squared, cubed)


def pieced_moments(values: Pieced, times: Pieced | None = None) -> Moments:
    """The same of values made in pieces, of which each may occur so many times."""
    units, squared, cubed = 0, 0.0, 0.0
    for piece in pieces(values.rows):
        found = values.of(piece)
        often = None if times is None else times.of(piece)
        squares = np.square(found) if often is None else np.square(found) * often
        units += found.size if often is None else int(often.sum())
        squared += float(squares.sum())
        cubed += float(np.einsum("i,i->", squares, found))
    return Moments(units, squared, cubed)


def half_widths(spread: Spread, confidence: float) -> tuple[float, float]:
    """Distances of the lower and of the upper bound from the value, for skewed contributions.

    A sum of mostly upward jumps leaves the truth above it: ``up`` widens the upper side.
    """
    z = t_quantile(confidence, spread.freedom)
    below, above = _half(z, spread.variance, spread.down), _half(z, spread.variance, spread.up)
    return beside(below, spread.hidden), beside(above, spread.hidden)


@dataclass(frozen=True)
class Bounds:
    """An interval, and what it rests on."""

    lower: float
    upper: float
    freedom: int
    deviation: float
    """Standard error, without what is added for skewness."""


def bounds_of(value: float, spread: Spread, confidence: float) -> Bounds:
    """The interval of a number whose rows contribute so."""
    below, above = half_widths(spread, confidence)
    return Bounds(value - below, value + above, spread.freedom, math.sqrt(spread.variance))


def _half(z: float, variance: float, jump: float) -> float:
    shift = z * z * jump / 2
    return shift + float(np.sqrt(shift**2 + z * z * variance))


def heavy_tailed(influence: Floats, limit: float, groups: Groups | None = None) -> bool:
    """Whether the contributions look as if larger ones were still to come, so that no interval is honest.

    Two things must meet: the mean square is more than ``limit`` times the squared mean size (Geary's
    ratio, Biometrika 27:310 (1935), turned over), and the skewness of the sum, which falls with the root
    of the rows where contributions have moments, is still large. Of squared errors with such tails
    intervals cover 60 to 90 % instead of 95, and no other method is better, since whatever the rows show,
    rows not seen may outweigh them: Bahadur and Savage, Ann. Math. Stat. 27:1115 (1956). With ``groups`` it
    is what each group contributes that counts.
    """
    if groups is not None:
        influence = by_group(influence, groups)
    found = moments(influence)
    if found.squared == 0:
        return False
    sizes = sum(float(np.abs(influence[piece]).sum()) for piece in pieces(influence.size))
    skewness = abs(found.cubed) / found.squared**1.5
    return found.units * found.squared > limit * sizes**2 and skewness > _SKEWED


def tail_dominates(influence: Floats) -> bool:
    """Whether one row in a hundred carries more than half of the variance.

    Of absolute errors and other losses the interval then still covers about 95 %, but is wide.
    """
    fourth = sum(fourth_powers(influence[piece]) for piece in pieces(influence.size))
    return tail_of(influence.size, influence.__getitem__, moments(influence).squared, fourth)


def fourth_powers(values: Floats) -> float:
    """Their sum."""
    squares = np.square(values)
    return float(np.einsum("i,i->", squares, squares))


def tail_of(rows: int, of: Callable[[slice], Floats], total: float, fourth: float) -> bool:
    """The same of distances made in pieces, of which the sums of squares and fourth powers are known."""
    few = max(int(rows * _TAIL_SHARE), 1)
    # The squares of any few sum to at most the root of few times the fourth powers (Cauchy and Schwarz).
    if fourth > sys.float_info.min and math.sqrt(few * fourth) <= _TAIL_WEIGHT * total:
        return False
    # The largest few carry at most a floor for each of them and what stands out of it: mostly little.
    floor = _TAIL_WEIGHT / 2 * total / few
    above = sum(float(np.maximum(np.square(of(piece)) - floor, 0.0).sum()) for piece in pieces(rows))
    if above <= _TAIL_WEIGHT / 2 * total:
        return False
    squares = np.concatenate([np.square(of(piece)) for piece in pieces(rows)])
    return float(np.partition(squares, rows - few)[-few:].sum()) > _TAIL_WEIGHT * total
