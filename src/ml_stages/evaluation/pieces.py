"""Long arrays in pieces that stay in the processor's cache.

An expression over ten million rows makes an array for each of its steps, and fetching that memory takes
longer than computing in it. In pieces the steps reuse the same few kilobytes.
"""

from __future__ import annotations

from collections.abc import Iterator

PIECE = 1 << 14
"""Rows: 128 KiB of numbers."""


def pieces(rows: int) -> Iterator[slice]:
    """Slices that cover so many rows, in order."""
    for start in range(0, rows, PIECE):
        yield slice(start, min(start + PIECE, rows))
