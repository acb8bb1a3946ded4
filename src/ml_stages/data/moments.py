"""Numbers of a batch, and how those of the batches give those of the whole."""

from __future__ import annotations

import math
from typing import Any

import polars as pl


class Moments:
    """Count, mean and standard deviation from those of the parts (Chan, Golub and LeVeque 1979)."""

    def __init__(self) -> None:
        self.count, self.mean, self._squares = 0, 0.0, 0.0

    def add(self, count: int, mean: float | None, std: float | None) -> None:
        """Add a part by its count, mean and standard deviation."""
        if count and mean is not None:
            total, apart = self.count + count, mean - self.mean
            self.mean += apart * count / total
            # By `*` alone: of numbers that are too large `**` raises, where infinity is the answer.
            within = (std or 0.0) * (std or 0.0) * (count - 1)
            self._squares += within + apart * apart * self.count * count / total
            self.count = total

    @property
    def std(self) -> float | None:
        """With ``n - 1``; ``None`` for fewer than two values, and where their squares are too large."""
        if self.count < 2 or not math.isfinite(self._squares):
            return None
        return math.sqrt(self._squares / (self.count - 1))


def numbers_of_batch(values: pl.Series, *, deviation: bool = True) -> dict[str, Any]:
    """``min``, ``max``, ``finite`` (how many), ``mean`` and ``std`` of the values that are not null.

    Without ``deviation`` the last is left out, which takes as long as the others together, and of whole
    numbers also the mean.
    A NaN or an infinity shows in a mean that is not finite; the others then mean nothing.
    """
    return {
        "min": values.min(),
        "max": values.max(),
        "finite": len(values) - values.null_count(),
        "mean": values.mean() if deviation or values.dtype.is_float() else None,
        "std": values.std() if deviation else None,
    }
