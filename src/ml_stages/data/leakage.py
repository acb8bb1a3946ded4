"""What is on both sides of the split, and must not be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ml_stages.checks.check import of_rows
from ml_stages.config.data import ColumnRule, DataConfig
from ml_stages.data.measure import MASKED
from ml_stages.data.membership import held_out, need_columns, row_keys, with_nulls
from ml_stages.data.read import read_verbatim
from ml_stages.errors import DataError
from ml_stages.evidence import Finding

_EXAMPLES = 5


def split_findings(folder: Path, config: DataConfig) -> Iterator[Finding]:
    """Split the table as the stage ``split`` will, and look at both sides; reads only where rules ask."""
    rules = config.split
    if rules.group is None and rules.max_shared >= 1:
        return
    try:
        rows, table = read_verbatim(folder, config)
        wanted = (rules.group, rules.column, *config.key, config.label)
        need_columns(rows, [name for name in wanted if name])
        held = held_out(table, folder, rows, row_keys(rows, config), config)
    except DataError as error:
        yield Finding(rule="split", message=str(error))
        return
    if rules.group is not None:
        yield from groups_on_both_sides(with_nulls(rows, table)[rules.group], held, config)
    features = [name for name in rows.columns if config.is_feature(name)]
    if rules.max_shared < 1 and features:
        yield from rows_on_both_sides(rows.select(features), held, rules.max_shared)


def groups_on_both_sides(group: pl.Series, held: pl.Series, config: DataConfig) -> Iterator[Finding]:
    """A model that has seen a group's other rows is judged by what it remembers of them."""
    there = group.is_not_null()
    trained = group.filter(~held & there).unique()
    both = group.filter(held & there & group.is_in(trained.implode()))
    if len(both):
        groups = both.unique(maintain_order=True)
        sensitive = config.columns.get(group.name, ColumnRule()).sensitive
        shown = [MASKED] if sensitive else groups.head(_EXAMPLES).cast(pl.String).to_list()
        yield Finding(
            rule="group-leakage",
            column=group.name,
            message=f"{group.name}: {len(groups):,} groups are on both sides of the split;"
            f" {of_rows(len(both), int(held.sum()))} of the holdout belong to them."
            f' Split by them: split = {{ method = "group", column = "{group.name}" }}',
            observed=len(groups),
            expected=0,
            count=len(both),
            share=len(both) / int(held.sum()),
            examples=shown,
        )


def rows_on_both_sides(features: pl.DataFrame, held: pl.Series, limit: float) -> Iterator[Finding]:
    """A held-out row whose features all equal those of a row that trains is no unseen row."""
    trained = features.filter(~held).unique()
    shared = features.filter(held).join(trained, on=features.columns, how="semi", nulls_equal=True).height
    share = shared / int(held.sum())
    if share > limit:
        yield Finding(
            rule="row-leakage",
            message=f"{of_rows(shared, int(held.sum()))} of the holdout have the same features as a row that"
            f" trains, at most {limit:.4g} allowed",
            observed=share,
            expected=limit,
            count=shared,
            share=share,
        )
