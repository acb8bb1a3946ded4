"""The first rows that are wrong in one way or another, found in one pass that ends with the last of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import polars as pl

from ml_stages.data.broken_rows import EXAMPLES
from ml_stages.data.read import Table

ROW = "\1row"
"""The name of a column with the rows' numbers, from 0; no column's own, nor that of its parsed values."""
K = TypeVar("K")

_CELLS = 5_000_000
"""Values a batch."""
_LEAST_ROWS = 8_192
"""Rows of a batch, however many columns are looked at."""


@dataclass(frozen=True)
class Wrong:
    """Rows to look for, and which of their columns are shown."""

    rows: pl.Expr
    shown: list[str]
    different: bool = False
    """Whether a row is passed over that shows the same as an earlier one."""

    def among(self, batch: pl.DataFrame, before: pl.DataFrame | None) -> pl.DataFrame:
        """Up to five of them with their numbers, ``before`` among them, in the order of the table."""
        found = batch.filter(self.rows).select(ROW, *self.shown)
        if before is not None:
            found = pl.concat([before, found])
        if self.different:
            found = found.unique(self.shown, keep="first", maintain_order=True)
        return found.head(EXAMPLES)


def first_rows(table: Table, numbered: pl.LazyFrame, wanted: Mapping[K, Wrong]) -> dict[K, pl.DataFrame]:
    """Up to five rows of each kind, with their numbers; kinds without any are left out.

    ``numbered`` is the table with a column of the rows' numbers, and whatever the expressions ask for.
    """
    names = {name for one in wanted.values() for name in (*one.rows.meta.root_names(), *one.shown)}
    scan = numbered.select(ROW, *sorted(names - {ROW}))
    found: dict[K, pl.DataFrame] = {}
    missing = dict(wanted)
    for batch in table.batches(scan, max(_LEAST_ROWS, _CELLS // (1 + len(names)))):
        for key, one in [*missing.items()]:
            found[key] = one.among(batch, found.get(key))
            if found[key].height == EXAMPLES:
                del missing[key]
        if not missing:
            break
    return {key: rows for key, rows in found.items() if not rows.is_empty()}
