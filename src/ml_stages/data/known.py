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
