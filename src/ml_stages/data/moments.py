"""Numbers of a batch, and how those of the batches give those of the whole."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import polars as pl

_PIECE = 8_192
_LARGE, _SMALLER = 2.0**959, 2.0**-64
"""Numbers so large that the sum of some may be infinite, and a factor, exact in binary, by which none is."""
_OUTWEIGHED = 0.1
"""Share of the squares that lies around the mean, from which on they tell the deviation."""


class Moments:
    """Count, mean and standard deviation from those of the parts (Chan, Golub and LeVeque 1979)."""

    def __init__(self) -> None:
        self.count, self.mean, self._squares = 0, 0.0, 0.0

    def add(self, count: int, mean: float | None, std: float | None) -> None:
        """Add a part by its count, mean and standard deviation."""
        if count and mean is not None:
            total, apart = self.count + count, mean - self.mean
            moved = self.mean + apart * count / total
            if not math.isfinite(moved):  # two numbers near the greatest there is differ by more than it
                moved = self.mean * (self.count / total) + mean * (count / total)
            self.mean = moved
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
    mean = values.mean() if deviation or values.dtype.is_float() else None
    return {
        "min": values.min(),
        "max": values.max(),
        "finite": len(values) - values.null_count(),
        "mean": mean,
        "std": _deviation(values, mean) if deviation else None,
    }


def ends_of_batch(times: pl.Series) -> dict[str, float | None]:
    """``oldest`` and ``newest``, in seconds since 1970."""
    physical = times.to_physical()
    ends = pl.Series([physical.min(), physical.max()], dtype=physical.dtype).cast(times.dtype)
    oldest, newest = ends.cast(pl.Datetime("us")).dt.epoch("us") / 1e6
    return {"oldest": oldest, "newest": newest}


def _deviation(values: pl.Series, mean: Any) -> Any:
    """The standard deviation; where the mean does not outweigh it from the squares, a quarter of the work."""
    count = len(values)
    if values.dtype == pl.Float64 and values.n_chunks() == 1 and count > 1 and not values.null_count():
        squares = _squares(values.to_numpy())
        within = squares - count * mean * mean
        # At most one digit is lost; of numbers that are too large, or none, all of this is false.
        if _OUTWEIGHED * squares <= within < math.inf:
            return math.sqrt(within / (count - 1))
    return values.std()


def _squares(numbers: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """The sum of the squares, in pieces for which the library for linear algebra starts no threads."""
    whole = len(numbers) // _PIECE * _PIECE
    pieces, rest = numbers[:whole].reshape(-1, _PIECE), numbers[whole:]
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.vecdot(pieces, pieces).sum() + np.vecdot(rest, rest))


def mean_of_large(numbers: pl.Expr) -> pl.Expr:
    """The mean of finite numbers, also where their sum is beyond the greatest number there is."""
    scale = pl.when(numbers.abs().max() > _LARGE).then(_SMALLER).otherwise(1.0)
    return (numbers * scale).mean() / scale


class Merged:
    """Puts the numbers of batches together."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}
        self._moments: defaultdict[str, Moments] = defaultdict(Moments)

    def add(self, batch: dict[str, Any]) -> None:
        for name, value in batch.items():
            column, _, what = name.rpartition(".")
            if what == "mean":
                self._moments[column].add(batch[f"{column}.finite"], value, batch[f"{column}.std"])
            elif what != "std":
                self._found[name] = _MERGE.get(what, _total)(self._found.get(name), value)

    @property
    def found(self) -> dict[str, Any]:
        moments = {
            f"{column}.{what}": value
            for column, moment in self._moments.items()
            for what, value in (("mean", moment.mean if moment.count else None), ("std", moment.std))
        }
        return self._found | moments


def _total(before: Any, value: Any) -> Any:
    return (before or 0) + (value or 0)


def _least(before: Any, value: Any) -> Any:
    return value if before is None else before if value is None else min(before, value)


def _greatest(before: Any, value: Any) -> Any:
    return value if before is None else before if value is None else max(before, value)


_MERGE = {"min": _least, "max": _greatest, "oldest": _least, "newest": _greatest}
