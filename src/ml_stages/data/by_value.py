"""Rules that a value alone decides: a value that kept them before is not looked at again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from ml_stages.data.fold import RowNumbers
from ml_stages.data.known import Hashes, Seen
from ml_stages.data.wanted import Broken


class ByValue:
    """Counts the rows of one column that break such rules."""

    def __init__(self, rules: Mapping[str, Broken], bits: int) -> None:
        """``rules`` by the name of the number that counts their rows; ``2**bits`` values are remembered."""
        self._seen = Seen(bits)
        self._names = list(rules)
        self._rules = [rule.rows.fill_null(value=False).alias(name) for name, rule in rules.items()]
        read = (name for rule in rules.values() for name in rule.rows.meta.root_names())
        self._read = list(dict.fromkeys(read))

    def broken(self, batch: pl.DataFrame, hashes: Hashes) -> tuple[dict[str, int], list[Hashes]]:
        """How many rows of a batch break each rule, and the hashes that were looked at.

        ``hashes`` are of the column's values; each that was not there before is among those looked at.
        """
        broken, looked_at = dict.fromkeys(self._names, 0), list[Hashes]()
        for start, rows in _growing(batch.height):
            piece = hashes[start : start + rows]
            unknown = np.flatnonzero(self._seen.lacks(piece))
            if not len(unknown):
                continue
            is_most = 2 * len(unknown) > rows
            news = piece if is_most else piece[unknown]
            flags = self._flags(batch.slice(start, rows), None if is_most else unknown)
            counts = flags.sum().row(0)
            looked_at.append(news)
            if any(counts):
                news = news[flags.select(~pl.any_horizontal(pl.all())).to_series().to_numpy()]
            self._seen.add(news)
            for rule, count in zip(flags.columns, counts, strict=True):
                broken[rule] += count
        return broken, looked_at

    def _flags(self, batch: pl.DataFrame, chosen: RowNumbers | None) -> pl.DataFrame:
        """Of each chosen row (or every one) and each rule whether it is broken."""
        rows = batch.select(self._read)
        return (rows if chosen is None else rows[chosen]).select(self._rules)


def _growing(rows: int) -> Iterator[tuple[int, int]]:
    """Pieces of a batch, by start and rows: what the first ones tell spares work in the others."""
    start, size = 0, 4_096
    while start < rows:
        yield start, min(size, rows - start)
        start, size = start + size, 4 * size
