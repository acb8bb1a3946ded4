"""Rules that a value alone decides: a value that kept them before is not looked at again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from ml_stages.data.known import Hashes, Seen
from ml_stages.data.wanted import Broken


class ByValue:
    """Counts the rows of one column that break such rules."""

    def __init__(self, rules: Mapping[str, Broken], bits: int) -> None:
        """``rules`` by the name of the number that counts their rows; ``2**bits`` values are remembered."""
        self._rules, self._seen = rules, Seen(bits)

    def broken(self, batch: pl.DataFrame, hashes: Hashes) -> tuple[dict[str, int], list[Hashes]]:
        """How many rows of a batch break each rule, and the hashes that were looked at.

        ``hashes`` are of the column's values; each that was not there before is among those looked at.
        """
        broken, looked_at = dict.fromkeys(self._rules, 0), list[Hashes]()
        for start, rows in _growing(batch.height):
            piece = hashes[start : start + rows]
            unknown = np.flatnonzero(self._seen.lacks(piece))
            if not len(unknown):
                continue
            is_most = 2 * len(unknown) > rows
            news = piece if is_most else piece[unknown]
            flags = self._flags(batch.slice(start, rows), None if is_most else unknown.tolist())
            self._seen.add(news[flags.select(~pl.any_horizontal(pl.all())).to_series().to_numpy()])
            looked_at.append(news)
            for rule, count in zip(flags.columns, flags.sum().row(0), strict=True):
                broken[rule] += count
        return broken, looked_at

    def _flags(self, batch: pl.DataFrame, chosen: list[int] | None) -> pl.DataFrame:
        """Of each chosen row (or every one) and each rule whether it is broken."""
        names = [name for rule in self._rules.values() for name in rule.rows.meta.root_names()]
        rows = batch.select(dict.fromkeys(names).keys())
        rows = rows if chosen is None else rows[chosen]
        return rows.select(rule.rows.fill_null(value=False).alias(name) for name, rule in self._rules.items())


def _growing(rows: int) -> Iterator[tuple[int, int]]:
    """Pieces of a batch, by start and rows: what the first ones tell spares work in the others."""
    start, size = 0, 4_096
    while start < rows:
        yield start, min(size, rows - start)
        start, size = start + size, 4 * size
