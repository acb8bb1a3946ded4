"""Long arrays in pieces that stay in the processor's cache.

An expression over ten million rows makes an array for each of its steps, and fetching that memory takes
longer than computing in it. In pieces the steps reuse the same few kilobytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIECE = 1 << 14
"""Rows: 128 KiB of numbers."""


def pieces(rows: int) -> Iterator[slice]:
    """Slices that cover so many rows, in order."""
    for start in range(0, rows, PIECE):
        yield slice(start, min(start + PIECE, rows))


@dataclass(frozen=True)
class Pieced:
    """A number by row, computed where it is asked for: an array of all rows may never be made."""

    rows: int
    of: Callable[[slice], NDArray[Any]]
    """The numbers of some of the rows."""

    @classmethod
    def given(cls, values: NDArray[Any]) -> Pieced:
        return cls(len(values), values.__getitem__)

    def all(self, dtype: type[np.generic] = np.float64) -> NDArray[Any]:
        values = np.empty(self.rows, dtype)
        for piece in pieces(self.rows):
            values[piece] = self.of(piece)
        return values

    def sum(self) -> float:
        return sum(float(self.of(piece).sum()) for piece in pieces(self.rows))
