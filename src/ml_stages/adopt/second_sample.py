"""What a second sample of the same rows may hold by chance: the slack of every rule that `init` writes."""

from __future__ import annotations

import math

from ml_stages.data.distribution import Numbers

OFTEN = 5
"""Rows of each value from which on a list of values may be all that there are."""
_FAR = 3.0
"""Standard errors that a count of a second sample stays within."""
_ONE_IN_A_HUNDRED = 4.6
"""Of two samples' maxima with an exponential tail, the second is beyond the first by ``x`` scales with the
chance ``1 / (1 + exp(x))``, since their difference is logistic."""
_TAIL = 0.2
"""Share of the rows on one side of the median that tell how fast the tail there falls."""
_LEAST_ROWS = 10
"""Rows, and rows on one side of the median, below which nothing is told of a limit."""
_MOST_TIMES = 100.0
"""Of the distance of what was seen from the median, from which on a limit says nothing."""


def most_by_chance(count: int, rows: int) -> float:
    """A share, in whole percent, that a second sample of so many rows hardly exceeds; half more at least."""
    most = max(1.5 * count, count + _FAR * math.sqrt(2 * count))
    return min(1.0, math.ceil(100 * most / rows) / 100)


def least_by_chance(count: int, rows: int) -> float:
    """A share that a second sample hardly falls below; half at most, and 0 where it may hold no such row."""
    return max(0.0, min(count / 2, count - _FAR * math.sqrt(2 * count))) / rows


def furthest(numbers: Numbers, rows: int, end: float, *, down: bool) -> float | None:
    """A limit that about one second sample in a hundred exceeds on one side, or fewer.

    ``rows`` have a value, and ``end`` is the least or greatest of them. The tail is taken for one whose
    distances from the median fall as a power (Pareto), which falls slower than an exponential or a normal
    one: its index is read off the distances of the furthest row and of the furthest fifth of that side (as
    Hill 1975 does of all of them). ``None`` where too few rows tell of it, or where so few are so far out
    that no limit would say anything.
    """
    median = numbers.quantile(0.5)
    beyond = rows * (numbers.least_below(median) if down else 1 - numbers.share_up_to(median))
    if beyond < _LEAST_ROWS:
        # What half of the rows share, as a floor or a cap, is a limit by itself.
        return end if end == median and rows >= _LEAST_ROWS else None
    tail = max(4.0, beyond * _TAIL)
    from_there = numbers.quantile(tail / rows if down else 1 - tail / rows)
    near, far = abs(from_there - median), abs(end - median)
    if not 0 < near <= far < math.inf:
        return None
    times = math.log(far / near) * _ONE_IN_A_HUNDRED / math.log(tail)
    if times > math.log(_MOST_TIMES):
        return None
    return median + (end - median) * math.exp(times)
