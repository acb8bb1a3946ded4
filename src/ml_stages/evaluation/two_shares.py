"""The exact interval of the mean of two independent shares: balanced accuracy of two classes.

Every pair of counts is ordered by an approximate lower bound of the mean. The lower bound of a pair is the
least mean with which a pair as high, or higher, is not rare, whichever two shares make up that mean: of the
bounds that keep the order and cover in every case the narrowest (Buehler, J. Am. Stat. Assoc. 52:482 (1957);
Kabaila and Lloyd, Aust. N. Z. J. Stat. 39:193 (1997)). Shares of the larger class that its rows rule out are
left aside, and the error of that is paid for (Berger and Boos, J. Am. Stat. Assoc. 89:1012 (1994)). The upper
bound is one less the lower bound of the mistakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, ceil, lgamma, sqrt

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.quantiles import normal_quantile
from ml_stages.evaluation.shares import clopper_pearson

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_ROWS = 100
"""Of the smaller class: with more, it takes long and is hardly narrower than by squared distances."""
_RULED_OUT = 0.005
"""Part of the error that pays for leaving shares aside."""
_FINE = 0.0015
"""Part of half an interval by which the bound may lie too low."""
_FIRST_STEPS = 32
_PARTS = 4
"""Of a step that may hold the worst share, in the next round."""
_TIE = 1e-12
_FAR, _FARTHER = 7.0, 10.0
"""Standard deviations, and counts, from which on counts are taken as certain or impossible: 1e-12."""


@dataclass(frozen=True)
class Seen:
    """Hits among the rows of a class."""

    hits: int
    rows: int

    @property
    def mistaken(self) -> Seen:
        """The mistakes in place of the hits."""
        return Seen(self.rows - self.hits, self.rows)


def mean_of_two_shares(one: Seen, other: Seen, confidence: float) -> tuple[float, float]:
    """Lower and upper bound of the mean of two shares, with half of the error on each side.

    Between two steps of the larger class's share the chance is replaced by one that is never smaller, so
    that the steps lengthen each side by at most 0.2 %, and never shorten it.
    """
    lower = _lowest_sum((one, other), confidence) / 2
    return lower, 1 - _lowest_sum((one.mistaken, other.mistaken), confidence) / 2


def _lowest_sum(classes: tuple[Seen, Seen], confidence: float) -> float:
    """Lower bound of the sum of both shares."""
    small, large = sorted(classes, key=lambda seen: (seen.rows, seen.hits))
    if large.hits == small.hits == 0:
        return 0.0
    z, error = normal_quantile(confidence), (1 - confidence) / 2
    value = large.hits / large.rows + small.hits / small.rows
    half = value - float(_order(np.array(large.hits), large.rows, np.array(small.hits), small.rows, z))
    within = clopper_pearson(large.hits, large.rows, 1 - error * _RULED_OUT)
    least, found = value, None
    while found is None:
        least = max(least - 2 * half, 0.0)
        counts = _window(small.rows, max(least - within[1], 0.0), min(value - within[0], 1.0))
        pairs = _Pairs(large.rows, small.rows, counts, _least_hits(large, small, counts, value - half, z))
        found = pairs.highest_sum(error * (1 - _RULED_OUT), within, (least, value), _FINE * half)
    return found


def _order(hits: Ints, rows: int, others: Ints, of: int, z: float) -> Floats:
    """What pairs of counts are ordered by: squared distances to both approximate bounds added."""
    below = np.hypot(_distance(hits, rows, z), _distance(others, of, z))
    return np.asarray(hits / rows + others / of - below)


def _distance(hits: Ints, rows: int, z: float) -> Floats:
    """From a share down to Wilson's bound with half a mistake more: close to the mid-P bound.

    The order need not be exact for the interval to cover; the nearer it is, the narrower the interval.
    """
    share = hits / rows
    less = np.maximum(share - (1 - share) / (2 * rows), 0)
    spread = z * np.sqrt(less * (1 - less) / rows + (z / (2 * rows)) ** 2)
    bound = (less + z * z / (2 * rows) - spread) / (1 + z * z / rows)
    return np.asarray(share - np.clip(bound, 0, share))


def _least_hits(large: Seen, small: Seen, counts: Ints, bound: float, z: float) -> Ints:
    """Of the larger class, for each count of the smaller one: so many put a pair as high as was seen."""
    below, enough = np.full(counts.size, -1), np.full(counts.size, large.rows + 1)
    while np.any(enough - below > 1):
        middle = (below + enough) // 2
        within = np.clip(middle, 0, large.rows)
        high = _order(within, large.rows, counts, small.rows, z) >= bound - _TIE
        going = enough - below > 1
        below, enough = np.where(going & ~high, middle, below), np.where(going & high, middle, enough)
    return np.asarray(enough)


def _window(rows: int, least: float, most: float) -> Ints:
    """The counts that can occur with shares between two."""

    def far(share: float) -> float:
        return _FAR * sqrt(rows * share * (1 - share)) + _FARTHER

    first, last = rows * least - far(least), rows * most + far(most)
    return np.arange(max(int(first), 0), min(ceil(last), rows) + 1)


def _chances(counts: Ints, rows: int, shares: Floats) -> Floats:
    """Of each of some neighbouring counts, with each share (first axis)."""
    first = int(counts[0])
    start = lgamma(rows + 1) - lgamma(first + 1) - lgamma(rows - first + 1)
    more = np.cumsum(np.log((rows - counts[:-1]) / counts[1:]))
    inside = np.clip(shares, 1e-300, 1 - 1e-16)[:, None]
    logs = counts * np.log(inside) + (rows - counts) * np.log1p(-inside)
    return np.asarray(np.exp(logs + (start + np.concatenate([[0.0], more]))))


@dataclass(frozen=True)
class _Steps:
    """Steps of the larger class's share, and how likely a pair is to be as high as was seen, or higher."""

    starts: Floats
    ends: Floats
    reached: Floats
    """With the share at the end of a step (first axis), by count of the smaller class."""

    def of(self, some: NDArray[np.bool_]) -> _Steps:
        return _Steps(self.starts[some], self.ends[some], self.reached[some])


@dataclass(frozen=True)
class _Pairs:
    """The pairs of counts that are as high as was seen, or higher."""

    rows: int
    """Of the larger class."""
    others: int
    """Rows of the smaller class."""
    counts: Ints
    """Of the smaller class, those that can occur."""
    least: Ints
    """With each of them, of the larger class."""

    def highest_sum(
        self, error: float, within: tuple[float, float], sums: tuple[float, float], fine: float
    ) -> float | None:
        """The largest sum of shares with which, as with all lower ones, such pairs are as rare as the error.

        ``None`` where that lies below the least of ``sums``. The chance grows with both shares, so that
        over a step it is at most that with the larger class's share at its end and the other's as if it
        stood at its start: two shares whose sum is greater by the length of the step. What is within the
        error with so much more is so with the true bound: those steps need no finer ones.
        """
        starts, ends = _first_steps(*within)
        low, high = sums
        while True:
            steps = _Steps(starts, ends, self._chances_to_reach(ends))
            if np.any(self._beyond(steps, low, error)):
                return None if low > 0 else 0.0
            length = float(np.max(ends - starts))
            low, over = self._narrowed(steps, error, (low, high), max(length, fine) / 4)
            high = min(high, over + length)
            open_ = self._beyond(steps, high, error)
            if length <= fine or not np.any(open_):
                return low
            starts, ends = _divided(starts[open_], ends[open_])

    def _narrowed(
        self, steps: _Steps, error: float, sums: tuple[float, float], close: float
    ) -> tuple[float, float]:
        """Two close sums, with the lower of which every step is within the error."""
        low, high = sums
        while high - low > close:
            middle = (low + high) / 2
            beyond = self._beyond(steps, middle, error)
            if np.any(beyond):  # what is within the error here is so with every lower sum
                high, steps = middle, steps.of(beyond)
            else:
                low = middle
        return low, high

    def _beyond(self, steps: _Steps, total: float, error: float) -> NDArray[np.bool_]:
        """In which steps the chance may exceed the error if both shares add up to no more than ``total``."""
        others = np.clip(total - steps.starts, 0.0, 1.0)
        chances = np.sum(_chances(self.counts, self.others, others) * steps.reached, axis=1)
        return np.asarray((chances > error) & (steps.starts <= total))

    def _chances_to_reach(self, shares: Floats) -> Floats:
        """Of so many hits in the larger class, with each share (first axis)."""
        counts = _window(self.rows, float(shares.min()), float(shares.max()))
        above = np.cumsum(_chances(counts, self.rows, shares)[:, ::-1], axis=1)[:, ::-1]
        padded = np.concatenate([above, np.zeros((shares.size, 1))], axis=1)
        reached = padded[:, np.clip(self.least - counts[0], 0, counts.size)]
        return np.where(self.least <= counts[0], 1.0, reached)


def _first_steps(least: float, most: float) -> tuple[Floats, Floats]:
    """Even on the scale of the arc sine, which is that of standard deviations."""
    edges = np.sin(np.linspace(asin(sqrt(least)), asin(sqrt(most)), _FIRST_STEPS + 1)) ** 2
    return edges[:-1], edges[1:]


def _divided(starts: Floats, ends: Floats) -> tuple[Floats, Floats]:
    edges = np.linspace(starts, ends, _PARTS + 1, axis=1)
    return edges[:, :-1].ravel(), edges[:, 1:].ravel()
