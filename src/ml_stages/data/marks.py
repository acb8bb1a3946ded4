"""Whole numbers that lie close together are counted by a mark for each instead of by their hashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

_SPARSE = 8
"""Whole numbers a row up to which marks take no more memory than hashes."""
MARKED = frozenset({pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64})
"""Types whose values can be marked."""
ALWAYS_MARKED = 2**22
"""Marks that a key may take however few its rows are."""


@dataclass(frozen=True)
class Whole:
    """Whole numbers of a batch, none of them null, with the least and the greatest of them."""

    numbers: np.ndarray[Any, Any]
    low: int
    high: int
    nulls: int = 0
    """Nulls that stood among them."""

    @classmethod
    def of(cls, values: pl.Series, low: int | None, high: int | None) -> Whole | None:
        """Of a column of integers; ``None`` of another one, and where there is none at all."""
        if low is None or high is None or values.dtype not in MARKED:
            return None
        nulls = values.null_count()
        there = values.drop_nulls() if nulls else values
        return cls(there.to_numpy(), int(low), int(high), nulls)


def whole_texts(texts: pl.Series, numbers: pl.Series) -> Whole | None:
    """The numbers that texts mean, where different texts mean different ones; ``None`` where they may not.

    ``007`` and ``+7`` are longer than ``7``: all texts together have to be as short as they can be.
    """
    if texts.null_count() or numbers.null_count() or numbers.dtype != pl.Int64 or not len(numbers):
        return None
    whole = Whole.of(numbers, int(numbers.min()), int(numbers.max()))  # type: ignore[arg-type]
    if whole is None or whole.low < 0:
        return None
    digits = range(1, len(str(whole.high)))
    shortest = len(texts) + sum(int(np.count_nonzero(whole.numbers >= 10**more)) for more in digits)
    return whole if texts.str.len_bytes().sum() == shortest else None


class Marks:
    """Counts different whole numbers, as long as they lie close together."""

    def __init__(self, always: int = ALWAYS_MARKED, sparse: int = _SPARSE) -> None:
        """At most ``sparse`` marks a row are kept, or ``always`` in any case."""
        self._always, self._sparse = always, sparse
        self._rows, self._low, self._high = 0, 0, -1
        self._marks = np.zeros(0, dtype=np.bool_)
        """From ``low`` on; there may be more of them than numbers up to ``high``."""
        self._full = range(0)
        """Numbers that are all marked."""

    def add(self, values: Whole) -> bool:
        """Whether the numbers could be marked; where not, the marks are to be used no more."""
        rows = self._rows + len(values.numbers)
        low = min(values.low, self._low) if self._rows else values.low
        high = max(values.high, self._high) if self._rows else values.high
        if high - low >= max(self._sparse * rows, self._always) or high >= 2**63:
            return False
        if low < self._low or high >= self._low + len(self._marks):
            self._grow(low, high)
        self._rows, self._high = rows, high
        if values.low not in self._full or values.high not in self._full:
            self._mark(values)
        return True

    def _grow(self, low: int, high: int) -> None:
        """Twice as long at least, so that it is seldom."""
        marks = np.zeros(max(high + 1 - low, 2 * len(self._marks)), dtype=np.bool_)
        if self._rows:
            there = self._marks[: self._high + 1 - self._low]
            marks[self._low - low : self._low - low + len(there)] = there
        self._low, self._marks = low, marks

    def _mark(self, values: Whole) -> None:
        places = values.numbers.astype(np.int64, copy=False)
        self._marks[places - self._low if self._low else places] = True
        if self._marks[values.low - self._low : values.high + 1 - self._low].all():
            self._full = range(values.low, values.high + 1)

    @property
    def numbers(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The different numbers, ascending."""
        return np.flatnonzero(self._marks) + self._low

    @property
    def count(self) -> int:
        """How many different numbers there were."""
        return int(np.count_nonzero(self._marks))

    @property
    def repeats(self) -> int:
        """Rows whose number occurred before."""
        return self._rows - self.count
