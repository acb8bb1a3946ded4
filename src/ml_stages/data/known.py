"""What is known of values by their hashes, so that a value that comes again is not looked at again.

Two different values share a 64-bit hash in one of ``2**64`` pairs.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import polars as pl

Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Places = np.ndarray[Any, np.dtype[np.int64]]

_PIECE = 16_384
_FEW = 16
"""Different values up to which each is counted by its hash."""
_COUNTED = (pl.Boolean, pl.String, pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32)


class Seen:
    """The hashes that were there last: one for each place, in memory that stays in the processor's cache.

    The last ``bits`` of a hash choose its place.
    """

    def __init__(self, bits: int = 16) -> None:
        self._mask = np.uint64(2**bits - 1)
        self._hashes: Hashes = np.zeros(2**bits, dtype=np.uint64)
        self._hashes[0] = 1  # belongs elsewhere, so that a hash of 0 is not taken for seen

    def lacks(self, hashes: Hashes) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which of the hashes are not there."""
        missing = np.empty(len(hashes), dtype=np.bool_)
        for start in range(0, len(hashes), _PIECE):
            piece = hashes[start : start + _PIECE]
            kept = self._hashes.take((piece & self._mask).view(np.int64), mode="clip")
            np.not_equal(kept, piece, out=missing[start : start + len(piece)])
        return missing

    def add(self, hashes: Hashes) -> None:
        """Remember, and forget what had the same places."""
        self._hashes[hashes & self._mask] = hashes


class Counts:
    """Rows of each value; where the values are few, by comparing hashes."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self._texts: dict[int, str | None] = {}
        """Of the values by their hashes; a null has none."""

    def add(self, values: pl.Series, hashes: Hashes) -> None:
        if len(self._texts) <= _FEW:
            rows = {known: int(np.count_nonzero(hashes == np.uint64(known))) for known in self._texts}
            if sum(rows.values()) == len(hashes):
                self._add({self._texts[known]: count for known, count in rows.items()})
                return
        counts = values.rename("value").value_counts()
        if counts.height <= _FEW and values.dtype in _COUNTED:
            texts = counts["value"].cast(pl.String).to_list()
            self._texts |= dict(zip(counts["value"].hash().to_list(), texts, strict=True))
        self._add(dict(counts.select(pl.col("value").cast(pl.String), "count").iter_rows()))

    def _add(self, rows: dict[str | None, int]) -> None:
        self.rows.update({text: count for text, count in rows.items() if text is not None and count})
