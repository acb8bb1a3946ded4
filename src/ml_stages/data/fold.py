"""What is computed batch by batch while a table streams past, each in memory that does not grow with it.

The hashes of repeats are the exception: 8 bytes a row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Draws = np.ndarray[Any, np.dtype[np.float64]]

_SLOTS = np.uint64(2**16 - 1)
"""Which bits of a hash choose its place among those that were seen last."""
_PIECE = 16_384
_SELDOM = np.uint64(2**61)
"""A limit below which so few hashes lie that looking for those seen before costs more than it saves."""


class RowSample:
    """A uniform sample of at most ``size`` rows, the same whatever the batches.

    Every row draws a number and the rows with the smallest stay (reservoir sampling by keys: Efraimidis
    and Spirakis 2006 with equal weights); the generator is moved to the row's number, so that the draw
    does not depend on where a batch begins.
    """

    def __init__(self, size: int, seed: int = 0, rows: int | None = None) -> None:
        """``rows``, where they are known, spares keeping rows that others would push out."""
        self._size, self._seed = size, seed
        self._rows = 0
        # Six standard deviations above what is needed: the sample is never short of rows.
        self._limit = min(1.0, (size + 6 * size**0.5) / rows) if rows else 1.0
        self._kept: list[tuple[int, Draws | None, pl.DataFrame]] = []
        """The number of the first row, the draws of the rows, and the rows."""

    def add(self, batch: pl.DataFrame) -> None:
        start, self._rows = self._rows, self._rows + batch.height
        if self._rows <= self._size:  # nothing is drawn as long as all rows stay
            self._kept.append((start, None, batch))
            return
        draws = self._draw(start, batch.height)
        chosen = np.flatnonzero(draws < self._limit)
        if len(chosen):
            self._kept.append((start, draws[chosen], batch if len(chosen) == batch.height else batch[chosen]))
        if sum(rows.height for _, _, rows in self._kept) > 2 * self._size:
            self._shrink()

    def take(self) -> pl.DataFrame:
        """The sampled rows, in the order of the table."""
        if sum(rows.height for _, _, rows in self._kept) > self._size:
            self._shrink()
        return pl.concat([rows for _, _, rows in self._kept]) if self._kept else pl.DataFrame()

    def _draw(self, start: int, rows: int) -> Draws:
        return np.random.Generator(np.random.PCG64(self._seed).advance(start)).random(rows)

    def _shrink(self) -> None:
        rows = pl.concat([rows for _, _, rows in self._kept])
        draws = np.concatenate(
            [self._draw(start, part.height) if drawn is None else drawn for start, drawn, part in self._kept]
        )
        self._limit = min(self._limit, float(np.partition(draws, self._size)[self._size]))
        stay = np.flatnonzero(draws < self._limit)
        self._kept = [(0, draws[stay], rows[stay])]


class Distinct:
    """Counts different values by the smallest of their hashes: exact below ``size``.

    Above it the relative standard error is ``1 / sqrt(size - 2)`` (Bar-Yossef et al. 2002; Beyer et al.
    2007): 1.6 % for 4,096.
    """

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._kept: Hashes = np.empty(0, dtype=np.uint64)
        self._limit = np.uint64(2**64 - 1)
        self._seen: Hashes = np.zeros(int(_SLOTS) + 1, dtype=np.uint64)

    def add(self, hashes: Hashes) -> None:
        if self._limit < _SELDOM:
            self._keep(hashes[hashes < self._limit])
            return
        # In pieces that stay in the processor's cache, the first of which bring the limit down.
        waiting: list[Hashes] = []
        for start in range(0, len(hashes), _PIECE):
            piece = hashes[start : start + _PIECE]
            waiting.append(
                self._unseen(piece[piece <= self._limit] if len(self._kept) == self._size else piece)
            )
            if sum(map(len, waiting)) >= _PIECE:
                self._keep(np.concatenate(waiting))
                waiting = []
        self._keep(np.concatenate([np.empty(0, dtype=np.uint64), *waiting]))

    def _unseen(self, hashes: Hashes) -> Hashes:
        """Without the values that were just there: most rows of a column of few values."""
        fresh: Hashes = hashes[self._seen.take((hashes & _SLOTS).view(np.int64), mode="clip") != hashes]
        if len(fresh):
            self._seen[fresh & _SLOTS] = fresh
        return fresh

    def _keep(self, hashes: Hashes) -> None:
        if not len(hashes):
            return
        ordered = np.sort(np.concatenate([self._kept, hashes]))
        first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
        self._kept = ordered[first][: self._size]
        if len(self._kept) == self._size:
            self._limit = self._kept[-1]

    @property
    def count(self) -> int:
        if len(self._kept) < self._size:
            return len(self._kept)
        return round((self._size - 1) / (float(self._limit) / 2**64))

    @property
    def error(self) -> float:
        return 0.0 if len(self._kept) < self._size else (self._size - 2) ** -0.5


class Repeats:
    """Finds the hashes that occur more than once."""

    def __init__(self) -> None:
        self._hashes: list[Hashes] = []
        self._ascending = True
        self._last: Any = None

    def add(self, hashes: Hashes, values: np.ndarray[Any, Any] | None = None) -> None:
        """``values``, where they are given, are compared first: what ascends does not repeat."""
        self._hashes.append(hashes)
        if self._ascending and len(hashes):
            self._ascending = (
                values is not None
                and (self._last is None or values[0] > self._last)
                and bool((values[1:] > values[:-1]).all())
            )
            self._last = values[-1] if values is not None else None

    def repeated(self) -> tuple[Hashes, int]:
        """The hashes that occur more than once, each once, ascending; and how many rows repeat one."""
        ordered = np.concatenate([np.empty(0, dtype=np.uint64), *([] if self._ascending else self._hashes)])
        self._hashes = []
        ordered.sort()
        again = ordered[1:][ordered[1:] == ordered[:-1]]
        first = np.concatenate([[True], again[1:] != again[:-1]]) if len(again) else slice(0)
        return again[first], len(again)


def combined(hashes: list[Hashes]) -> Hashes:
    """One hash a row out of one a column; the order of the columns matters.

    Each column's hash is mixed with multiplication and a shift, so that equal columns do not cancel out.
    """
    total = hashes[0].copy()
    for start in range(0, len(total) if len(hashes) > 1 else 0, _PIECE):
        piece = total[start : start + _PIECE]
        for column in hashes[1:]:
            piece ^= piece >> np.uint64(29)
            piece *= np.uint64(0x9E3779B97F4A7C15)
            piece += column[start : start + _PIECE]
    return total


class Moments:
    """Count, mean and standard deviation from those of the batches (Chan, Golub and LeVeque 1979)."""

    def __init__(self) -> None:
        self.count, self.mean, self._squares = 0, 0.0, 0.0

    def add(self, count: int, mean: float | None, std: float | None) -> None:
        if not count or mean is None:
            return
        total, apart = self.count + count, mean - self.mean
        self.mean += apart * count / total
        self._squares += (std or 0.0) ** 2 * (count - 1) + apart**2 * self.count * count / total
        self.count = total

    @property
    def std(self) -> float | None:
        """With ``n - 1``; ``None`` for fewer than two values."""
        return (self._squares / (self.count - 1)) ** 0.5 if self.count > 1 else None
