"""Names for rows whose keys are not to be shown: messages and reports name the rows that are wrong."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ml_stages.config.data import DataConfig
from ml_stages.evaluation.read import KEY


@dataclass(frozen=True)
class MaskedKeys:
    """Numbers in place of keys, the same for the same key in every table of an evaluation."""

    known: pl.Series
    """Keys that have a number already, by their places."""

    def hide(self, table: pl.DataFrame) -> pl.DataFrame:
        """The table with `(masked 1)` for the first key, equal for equal ones; nulls stay."""
        if KEY not in table.columns:
            return table
        keys = table[KEY].cast(pl.String)
        different = pl.concat([self.known, keys]).drop_nulls().unique(maintain_order=True)
        shown = pl.Series([f"(masked {number})" for number in range(1, different.len() + 1)], dtype=pl.String)
        return table.with_columns(keys.replace_strict(different, shown, default=None).alias(KEY))


def masked_keys(table: pl.DataFrame, config: DataConfig) -> MaskedKeys | None:
    """Numbers for a table's keys where a column of the key is marked as sensitive."""
    names = [KEY, *config.key]
    if KEY not in table.columns or not any(config.is_sensitive(name) for name in names):
        return None
    return MaskedKeys(table[KEY].cast(pl.String).rename(KEY))
