"""Rows that break a rule, as far as they are shown: where the first one is, and a few of their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from ml_stages.data.types import as_shown
from ml_stages.data.wanted import Broken

EXAMPLES = 5
"""Values shown of those that break a rule."""


@dataclass(frozen=True)
class ShownRows:
    """Rows that break one rule."""

    first: int
    """The number of the first one in the whole table, from 0."""
    examples: list[Any]
    """The first few different values."""


class BrokenRows:
    """Finds them batch by batch."""

    def __init__(self, rules: Mapping[str, Broken]) -> None:
        self._rules = rules
        self._rows = 0
        self.found: dict[str, ShownRows] = {}
        """By the names of the rules that some row breaks."""

    def add(self, batch: pl.DataFrame, broken: Mapping[str, Any]) -> None:
        """Look at the next rows; ``broken`` says by name how many of them break a rule."""
        for name, rule in self._rules.items():
            known = self.found.get(name)
            if broken[name] and (known is None or len(known.examples) < EXAMPLES):
                wrong = batch.select(rule.rows).to_series()
                values = batch.filter(wrong).select(rule.shown).to_series().unique(maintain_order=True)
                shown = [*(known.examples if known else ()), *as_shown(values).head(2 * EXAMPLES)]
                first = known.first if known else self._rows + int(wrong.arg_true()[0])
                self.found[name] = ShownRows(first, list(dict.fromkeys(shown))[:EXAMPLES])
        self._rows += batch.height
