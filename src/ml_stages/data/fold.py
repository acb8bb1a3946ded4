"""What is computed batch by batch while a table streams past, each in memory that does not grow with it.

The hashes of repeats are the exception: 8 bytes a row.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
import polars as pl
from numpy.random import PCG64, Generator, default_rng

from ml_stages.data.known import Hashes, Seen
from ml_stages.data.marks import Marks, Whole

Draws = np.ndarray[Any, np.dtype[np.float64]]
RowNumbers = np.ndarray[Any, np.dtype[np.int64]]

_PIECE = 16_384
_MARKED = 16
"""Rows for each that is sampled up to which a mark for every row is quicker than a list to sort."""
_NO_LIMIT = np.uint64(2**64 - 1)
_SELDOM = np.uint64(2**61)
"""A limit below which so few hashes lie that looking for those seen before costs more than it saves."""


class RowSample:
    """A uniform sample of at most ``size`` rows, the same whatever the batches.

    Every row draws a number and the rows with the smallest stay (reservoir sampling by keys: Efraimidis
    and Spirakis 2006 with equal weights); the generator is moved to the row's number, so that the draw
    does not depend on where a batch begins.
    """

    def __init__(self, size: int, seed: int = 0, chosen: Callable[[], RowNumbers] | None = None) -> None:
        """``chosen`` gives the rows of a sample that was drawn beforehand."""
        self._size, self._seed, self._chosen = size, seed, chosen
        self._rows = 0
        self._limit = 1.0
        self._kept: list[tuple[int, Draws | None, pl.DataFrame]] = []
        """The number of the first row, the draws of the rows, and the rows."""

    def add(self, batch: pl.DataFrame) -> None:
        start, self._rows = self._rows, self._rows + batch.height
        if self._chosen is not None:
            chosen = self._chosen()
            here = slice(*np.searchsorted(chosen, [start, self._rows]))
            self._kept.append((start, None, _picked(batch, chosen[here] - start)))
            return
        if self._rows <= self._size:  # nothing is drawn as long as all rows stay
            self._kept.append((start, None, batch))
            return
        draws = self._draw(start, batch.height)
        if batch.height > self._size:  # more than stay, whatever was there before
            self._limit = min(self._limit, float(np.partition(draws, self._size)[self._size]))
        chosen = np.flatnonzero(draws < self._limit)
        if len(chosen):
            self._kept.append((start, draws[chosen], _picked(batch, chosen)))
        if sum(rows.height for _, _, rows in self._kept) > 2 * self._size:
            self._shrink()

    def take(self) -> pl.DataFrame:
        """The sampled rows, in the order of the table."""
        if sum(rows.height for _, _, rows in self._kept) > self._size:
            self._shrink()
        return pl.concat([rows for _, _, rows in self._kept]) if self._kept else pl.DataFrame()

    def _draw(self, start: int, rows: int) -> Draws:
        return Generator(PCG64(self._seed).advance(start)).random(rows)

    def _shrink(self) -> None:
        rows = pl.concat([rows for _, _, rows in self._kept])
        draws = np.concatenate(
            [self._draw(start, part.height) if drawn is None else drawn for start, drawn, part in self._kept]
        )
        self._limit = min(self._limit, float(np.partition(draws, self._size)[self._size]))
        stay = np.flatnonzero(draws < self._limit)
        self._kept = [(0, draws[stay], _picked(rows, stay))]


def _picked(rows: pl.DataFrame, numbers: RowNumbers) -> pl.DataFrame:
    """Some rows by their numbers, ascending."""
    return rows if len(numbers) == rows.height else rows[numbers]


def chosen_rows(size: int, rows: int, seed: int = 0) -> RowNumbers:
    """The numbers of the rows to sample, ascending, where it is known that there are more.

    Rows are marked until there are enough, or, where that is more than half, those that stay out.
    """
    generator = default_rng(seed)
    if rows > _MARKED * size:
        return np.sort(generator.choice(rows, size, replace=False, shuffle=False))
    marks, missing = np.zeros(rows, dtype=np.bool_), min(size, rows - size)
    while missing:
        marks[generator.integers(rows, size=missing)] = True
        missing = min(size, rows - size) - int(np.count_nonzero(marks))
    return np.flatnonzero(marks if 2 * size <= rows else ~marks)


def _smallest(hashes: Hashes, count: int) -> Hashes:
    """Different hashes among which the smallest ``count`` are, where most differ; else none."""
    share = 2 * count / max(1, len(hashes))
    if share > 0.5:
        return hashes[:0]
    small = _different(hashes[hashes < np.uint64(int(share * 2**64))])
    return small if len(small) >= count else hashes[:0]


def _different(hashes: Hashes) -> Hashes:
    """Each hash once, ascending; ``np.unique`` counts them in a table, which takes ten times as long."""
    ordered = np.sort(hashes)
    return ordered[np.append(ordered[1:] != ordered[:-1], True)] if len(ordered) else ordered


class Distinct:
    """Counts different values by the smallest of their hashes: exact below ``size``.

    Above it the relative standard error is ``1 / sqrt(size - 2)`` (Bar-Yossef et al. 2002; Beyer et al.
    2007): 1.6 % for 4,096.
    """

    def __init__(self, size: int = 4096, bits: int = 16) -> None:
        self._size = size
        self._kept: Hashes = np.empty(0, dtype=np.uint64)
        self._limit = _NO_LIMIT
        self._seen = Seen(bits)

    def add(self, hashes: Hashes) -> None:
        if len(self._kept) < self._size and len(small := _smallest(hashes, self._size)):
            self._keep(small)
            return
        if len(self._kept) == self._size:
            hashes = hashes[np.flatnonzero(hashes < self._limit)]
        if self._limit < _SELDOM:
            self._keep(hashes)
            return
        # In pieces that stay in the processor's cache, the first of which bring the limit down.
        waiting: list[Hashes] = []
        for start in range(0, len(hashes), _PIECE):
            piece = hashes[start : start + _PIECE]
            waiting.append(self._unseen(piece if self._limit == _NO_LIMIT else piece[piece <= self._limit]))
            if sum(map(len, waiting)) >= _PIECE:
                self._keep(np.concatenate(waiting))
                waiting = []
        self._keep(np.concatenate([np.empty(0, dtype=np.uint64), *waiting]))

    def _unseen(self, hashes: Hashes) -> Hashes:
        """Without the values that were just there: most rows of a column of few values."""
        fresh: Hashes = hashes[self._seen.lacks(hashes)]
        if len(fresh):
            self._seen.add(fresh)
        return fresh

    def _keep(self, hashes: Hashes) -> None:
        if not len(hashes):
            return
        self._kept = _different(np.concatenate([self._kept, hashes]))[: self._size]
        if len(self._kept) == self._size:
            self._limit = self._kept[-1]

    @property
    def count(self) -> int:
        if len(self._kept) < self._size:
            return len(self._kept)
        return round((self._size - 1) / (float(self._limit) / 2**64))

    @property
    def error(self) -> float:
        return 0.0 if len(self._kept) < self._size else self.standard_error

    @property
    def standard_error(self) -> float:
        """The relative standard error of a count that is not exact."""
        return float((self._size - 2) ** -0.5)


class Repeats:
    """Finds the hashes that occur more than once."""

    def __init__(self) -> None:
        self._hashes: list[Hashes] = []
        self._marks: Marks | None = Marks()
        self._joining = Lock()

    def add(self, hashes: Hashes, whole: Whole | None = None) -> None:
        """``whole``, where it is all the values, may tell sooner that none repeats."""
        self._hashes.append(hashes)
        if len(hashes) and not (self._marks and whole and not whole.nulls and self._marks.add(whole)):
            self._marks = None

    def join(self, batch: int, hashes: Hashes) -> None:
        """Add to the hashes of a batch those of its other columns, from passes that run at the same time.

        Each goes through the same batches, from number 0 on.
        """
        with self._joining:
            self._marks = None
            if batch == len(self._hashes):
                self._hashes.append(hashes)
            else:
                self._hashes[batch] = self._hashes[batch] + hashes

    def repeated(self) -> tuple[Hashes, int]:
        """The hashes that occur more than once, each once, ascending; and how many rows repeat one."""
        none = self._marks is not None and not self._marks.repeats
        ordered = np.concatenate([np.empty(0, dtype=np.uint64), *([] if none else self._hashes)])
        self._hashes = []
        ordered.sort()
        again = ordered[1:][ordered[1:] == ordered[:-1]]
        first = np.concatenate([[True], again[1:] != again[:-1]]) if len(again) else slice(0)
        return again[first], len(again)


def are_among(hashes: Hashes, ascending: Hashes) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which hashes are among others: there is at least one of those, and they ascend."""
    places = np.searchsorted(ascending, hashes)
    return np.asarray(ascending[np.minimum(places, len(ascending) - 1)] == hashes)


class RowHashes:
    """One hash a row out of one a column; the numbers of the columns matter.

    A sum in which each column has an odd factor of its own, modulo ``2**64`` (multilinear hashing: Lemire and
    Kaser 2014): rows that differ in one column always differ, others but for one of ``2**64`` pairs or so.
    """

    def __init__(self) -> None:
        self._total: Hashes | None = None
        self._is_own = False

    def add(self, number: int, hashes: Hashes) -> None:
        """Add a column by its number among those that are hashed together."""
        if self._total is None:
            self._total, self._is_own = (hashes * _factor(number), True) if number else (hashes, False)
            return
        if not self._is_own:
            self._total, self._is_own = self._total.copy(), True
        factor, product = _factor(number), np.empty(_PIECE, dtype=np.uint64)
        for start in range(0, len(hashes), _PIECE):
            piece = self._total[start : start + _PIECE]
            piece += np.multiply(hashes[start : start + _PIECE], factor, out=product[: len(piece)])

    @property
    def total(self) -> Hashes:
        assert self._total is not None  # noqa: S101 - there is no row without a column
        return self._total


@functools.cache
def _factor(number: int) -> np.uint64:
    """1, and odd numbers that look like chance (SplitMix64: Steele, Lea and Flood 2014)."""
    if not number:
        return np.uint64(1)
    mixed = number * 0x9E3779B97F4A7C15 % 2**64
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB % 2**64
    return np.uint64((mixed ^ mixed >> 31) | 1)
