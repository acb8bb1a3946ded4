"""A stored distribution at many points at once; as :class:`Numbers` says it of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_stages.data.distribution import HEAVY, Numbers

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Steps:
    """An empirical distribution in arrays, made once for all that is asked of it."""

    points: Floats
    """Ascending, ``n`` of them."""
    shares: Floats
    """``n + 1``: of the rows below the first point, which is 0, and up to each."""
    complete: bool
    effective_rows: float

    @classmethod
    def of(cls, numbers: Numbers) -> Steps:
        shares = np.array([0.0, *numbers.shares])
        return cls(np.array(numbers.points), shares, numbers.complete, numbers.effective_rows)

    def shares_up_to(self, values: Floats) -> Floats:
        """:meth:`Numbers.share_up_to` of each value."""
        points, shares = self.points, self.shares
        after = np.searchsorted(points, values, side="right")
        least = shares[after]
        if self.complete:
            return least
        inside = (after > 0) & (after < len(points))
        high = np.minimum(after, len(points) - 1)
        low = np.maximum(after - 1, 0)
        with np.errstate(over="ignore", invalid="ignore"):
            width = points[high] - points[low]
            # What lies outside, or between infinitely distant points, is no part of the way.
            on_the_way = inside & np.isfinite(width)
            part = np.where(on_the_way, values - points[low], 0.0) / np.where(on_the_way, width, 1.0)
        gap = shares[high + 1] - least
        between: Floats = np.where(inside & (gap <= HEAVY), least + part * gap, least)
        return between

    def bounds(self, values: Floats) -> tuple[Floats, Floats]:
        """:meth:`Numbers.bounds` of each value."""
        points, shares = self.points, self.shares
        after = np.searchsorted(points, values, side="right")
        least = shares[after]
        if self.complete:
            return least, least
        known = (after == 0) | (after == len(points)) | (points[np.maximum(after - 1, 0)] == values)
        return least, np.where(known, least, shares[np.minimum(after + 1, len(points))])


def points_of_both(reference: Steps, current: Steps) -> Floats:
    """Every point of either, once, ascending."""
    return np.union1d(reference.points, current.points)
