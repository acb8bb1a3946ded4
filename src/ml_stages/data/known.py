"""What is known of values by their hashes, so that a value that comes again is not looked at again.

Two different values share a 64-bit hash in one of ``2**64`` pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Hashes = np.ndarray[Any, np.dtype[np.uint64]]

_PIECE = 16_384


class Seen:
    """The hashes that were there last: one for each place, in memory that stays in the processor's cache.

    A hash has two places, by its last and by its first ``bits``, so that two which share one seldom drive
    each other out.
    """

    def __init__(self, bits: int = 16) -> None:
        self._mask, self._shift = np.uint64(2**bits - 1), np.uint64(64 - bits)
        self._by_last: Hashes = np.zeros(2**bits, dtype=np.uint64)
        self._by_first: Hashes = np.zeros(2**bits, dtype=np.uint64)
        # What belongs elsewhere, so that a hash of 0 is not taken for seen.
        self._by_last[0], self._by_first[0] = 1, 2**63

    def lacks(self, hashes: Hashes) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which of the hashes are not there."""
        missing = np.empty(len(hashes), dtype=np.bool_)
        for start in range(0, len(hashes), _PIECE):
            piece = hashes[start : start + _PIECE]
            kept = self._by_last.take((piece & self._mask).view(np.int64), mode="clip")
            np.not_equal(kept, piece, out=missing[start : start + len(piece)])
        places = np.flatnonzero(missing)
        if len(places) < len(hashes) // 2:
            others = hashes[places]
            missing[places] = self._by_first[others >> self._shift] != others
        return missing

    def add(self, hashes: Hashes) -> None:
        """Remember, and forget what had the same places."""
        self._by_last[hashes & self._mask] = hashes
        self._by_first[hashes >> self._shift] = hashes
