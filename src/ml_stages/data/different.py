"""How many different values a column holds, and in how many rows each of them."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import polars as pl

from ml_stages.data.few_repeats import LEAST, MOST, may_differ, nearly_all, none_twice
from ml_stages.data.fold import Distinct
from ml_stages.data.hashed import Hashed
from ml_stages.data.known import Hashes
from ml_stages.data.marks import Marks, Whole
from ml_stages.data.types import as_texts

_FEW = 16
"""Different values up to which each is counted by its hash."""
_CLOSE = 4
"""Whole numbers that lie so close together are compared with each of them: so few are quicker so."""
_CODES = 1_000
"""Whole numbers that lie so close together are counted by their distance from the least."""
_COUNTED = (pl.Boolean, pl.String, pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32)


class Different:
    """Counts a column's different values, null among them: whole numbers by marks, others by hashes.

    Where all of the first ones differ, it does not look at the others: what is sampled of them tells nearly
    always how many differ, and :meth:`look_at_all` is for where it does not.
    """

    def __init__(self, marks: int, bits: int = 16, *, least: float = 0.0) -> None:
        """``marks`` is how many whole numbers at most are marked; none in a column of others.

        Of what was just there ``2**bits`` values are remembered. With ``least`` it looks at no value, and how
        many differ matters only where that may be so great a share of the rows.
        """
        self._least = least
        self._marks = Marks(marks, sparse=0) if marks else None
        self._by_hash = Distinct(bits=bits)
        self._nulls = self._is_begun = False
        self.by_sample = least > 0
        """Whether values were not looked at, since the first ones differed or nobody asks for more."""

    def add_values(self, column: Hashed, whole: Whole | None) -> None:
        """Add a column of a batch; ``whole`` are its values but nulls, where they are whole numbers."""
        values = column.values
        if self.by_sample:
            return
        if values.dtype == pl.Boolean:
            self.add(values.unique().hash().to_numpy())
        elif not self._add_whole(values, whole):
            # Decimals are sampled as floats, of which two may be equal.
            may_repeat_none = not self._is_begun and not values.dtype.is_decimal()
            self.by_sample = may_repeat_none and none_twice((first := column.head(MOST)).hashes, first.values)
            self._is_begun = self._is_begun or len(values) > 0
            if not self.by_sample:
                self.add(column.hashes)

    def _add_whole(self, values: pl.Series, whole: Whole | None) -> bool:
        """Whether the values could be counted without their hashes."""
        if self._marks is None:
            return False
        self._nulls = self._nulls or values.null_count() > 0
        if whole is None or self._marks.add(whole):
            return True
        marks, self._marks = self._marks, None
        if marks.count >= LEAST and not marks.repeats:
            self.by_sample = True
            return True
        self._is_begun = marks.count > 0
        marked = pl.Series(marks.numbers).cast(values.dtype)
        self.add((marked.extend_constant(None, 1) if self._nulls else marked).hash().to_numpy())
        return False

    def add(self, hashes: Hashes) -> None:
        """Add values that could not be counted otherwise."""
        self._by_hash.add(hashes)

    def look_at_all(self) -> None:
        """Before all values are added once more, by their hashes."""
        self._marks, self.by_sample = None, False

    def counted(self, rows: int, sampled: int, repeats: int) -> tuple[int, float] | None:
        """How many values differ, nulls apart, and the relative standard error, if these rows tell it.

        ``rows`` hold a value; so do ``sampled`` ones of them, of which ``repeats`` repeat another one's.
        Where it does not matter how many, those of the sample with an infinite error: at least so many.
        """
        if self._least and not may_differ(self._least, sampled, repeats):
            return sampled - repeats, math.inf
        found = nearly_all(rows, sampled, repeats)
        return found if found[1] <= self._by_hash.standard_error else None

    @property
    def count(self) -> int:
        """How many; exact where ``error`` is 0."""
        return self._by_hash.count if self._marks is None else self._marks.count + self._nulls

    @property
    def error(self) -> float:
        """The relative standard error of ``count``."""
        return self._by_hash.error if self._marks is None else 0.0


class Counts:
    """Rows of each value; where the values are few, by comparing hashes."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self._texts: dict[int, str | None] = {}
        """Of the values by their hashes; a null has none."""

    def add(self, column: Hashed, whole: Whole | None) -> None:
        """Add a column of a batch; ``whole`` are its values but nulls, where they are whole numbers."""
        if whole is not None and whole.high - whole.low < _CLOSE:
            numbers = range(whole.low, whole.high)
            rows = [int(np.count_nonzero(whole.numbers == number)) for number in numbers]
            rows.append(len(whole.numbers) - sum(rows))
            self._add({str(whole.low + i): count for i, count in enumerate(rows)})
        elif whole is not None and whole.high - whole.low < _CODES and whole.high < 2**63:
            counts = np.bincount(whole.numbers.astype(np.int64, copy=False) - whole.low)
            self._add({str(whole.low + i): int(rows) for i, rows in enumerate(counts.tolist())})
        else:
            self._add_hashed(column.values, column.hashes)

    def _add_hashed(self, values: pl.Series, hashes: Hashes) -> None:
        if len(self._texts) <= _FEW:
            rows = {known: int(np.count_nonzero(hashes == np.uint64(known))) for known in self._texts}
            if sum(rows.values()) == len(hashes):
                self._add({self._texts[known]: count for known, count in rows.items()})
                return
        counts = values.rename("value").value_counts()
        if counts.height <= _FEW and values.dtype in _COUNTED:
            texts = counts["value"].cast(pl.String).to_list()
            self._texts |= dict(zip(counts["value"].hash().to_list(), texts, strict=True))
        self._add(dict(zip(as_texts(counts["value"]).to_list(), counts["count"].to_list(), strict=True)))

    def _add(self, rows: dict[str | None, int]) -> None:
        self.rows.update({text: count for text, count in rows.items() if text is not None and count})
