"""What is on both sides of the split, and must not be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ml_stages.checks.check import of_rows
from ml_stages.config.data import DataConfig
from ml_stages.data.broken_rows import EXAMPLES
from ml_stages.data.columns import columns_as
from ml_stages.data.examples import MOST_COLUMNS, examples_of
from ml_stages.data.first_rows import ROW
from ml_stages.data.measure import MASKED
from ml_stages.data.membership import Splitter, held_out, need_columns, row_keys, times_of, with_nulls
from ml_stages.data.place import place_of
from ml_stages.data.profile import Profile
from ml_stages.data.read import read_verbatim
from ml_stages.data.types import as_texts
from ml_stages.errors import DataError
from ml_stages.evidence import Finding


def split_findings(
    folder: Path, profile: Profile, config: DataConfig, cluster: str | None = None
) -> Iterator[Finding]:
    """The split can be made; no group is on both of its sides, no row that trains is newer than the holdout.

    Held-out rows whose features equal those of a row that trains are no more than allowed. Only where such a
    rule asks is the table split and read; `evaluation.cluster` is such a group where it is not split by.

    Rules: `split`, `group-leakage`, `time-overlap`, `row-leakage`.

    Set by: `split`.
    """
    rules = config.split
    # By hash a cluster cannot be divided; by anything else it can.
    groups = [rules.group, cluster if rules.method in {"files", "time", "group"} else None]
    apart = [name for name in dict.fromkeys(groups) if name is not None]
    if not apart and rules.time is None and rules.max_shared >= 1:
        return
    try:
        rows, table = read_verbatim(folder, config)
        wanted = (*apart, cluster, rules.time, rules.column, *config.key, config.label)
        need_columns(rows, [name for name in wanted if name])
        split = Splitter(table, folder, config, cluster)
        held = held_out(split, rows, row_keys(rows, config))
        known = with_nulls(rows, table)
        found = [finding for name in apart for finding in groups_on_both_sides(known[name], held, config)]
        if rules.time is not None:
            found += times_that_overlap(known[rules.time], held, config)
    except DataError as error:
        yield Finding(rule="split", message=str(error))
        return
    features = [name for name in rows.columns if config.is_feature(name)]
    if rules.max_shared < 1 and features:
        columns = columns_as(table, profile, config)
        meant = known.select(columns[name].meant.alias(name) for name in features)
        found += rows_on_both_sides(meant, held, rules.max_shared)
    for numbers, finding in found:
        place = place_of(table, int(numbers[0]))
        names = dict.fromkeys([*config.key, *([finding.column] if finding.column else features)])
        shown = examples_of(rows[numbers].select([*names][:MOST_COLUMNS]), config)
        yield finding.model_copy(
            update={
                "message": f"{finding.message}; first in {place}",
                "file": place.file,
                "line": place.line,
                "examples": finding.examples or shown,
            }
        )


Found = tuple[pl.Series, Finding]
"""The numbers of the first few rows that are wrong, and the finding."""


def _first(rows: pl.Series) -> pl.Series:
    return rows.arg_true().head(EXAMPLES)


def times_that_overlap(column: pl.Series, held: pl.Series, config: DataConfig) -> Iterator[Found]:
    """A model that was trained on what came after is judged by what it could not have known."""
    times = times_of(column)
    wrong = ~held & (times >= times.filter(held).min())
    late = times.filter(wrong)
    if len(late):
        first, newest = str(times.filter(held).min()), str(late.max())
        if config.is_sensitive(column.name):
            first = newest = MASKED
        share = len(late) / int((~held).sum())
        finding = Finding(
            rule="time-overlap",
            column=column.name,
            message=f"{column.name}: {of_rows(len(late), int((~held).sum()))} of the training are not older"
            f" than the first that is held out ({first}); the newest is of {newest}."
            f' Split by it: split = {{ method = "time", column = "{column.name}" }}',
            observed=newest,
            expected=f"before {first}",
            count=len(late),
            share=share,
        )
        yield _first(wrong), finding


def groups_on_both_sides(group: pl.Series, held: pl.Series, config: DataConfig) -> Iterator[Found]:
    """A model that has seen a group's other rows is judged by what it remembers of them."""
    there = group.is_not_null()
    trained = group.filter(~held & there).unique()
    wrong = held & there & group.is_in(trained.implode())
    both = group.filter(wrong)
    if len(both):
        groups = both.unique(maintain_order=True)
        sensitive = config.is_sensitive(group.name)
        shown = [MASKED] if sensitive else as_texts(groups.head(EXAMPLES)).to_list()
        finding = Finding(
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
        yield _first(wrong), finding


def rows_on_both_sides(features: pl.DataFrame, held: pl.Series, limit: float) -> Iterator[Found]:
    """A held-out row whose features all equal those of a row that trains is no unseen row."""
    trained = features.filter(~held).unique()
    shared = (
        features.with_row_index(ROW)
        .filter(held)
        .join(trained, on=features.columns, how="semi", nulls_equal=True)[ROW]
    )
    share = len(shared) / int(held.sum())
    if share > limit:
        finding = Finding(
            rule="row-leakage",
            message=f"{of_rows(len(shared), int(held.sum()))} of the holdout have the same features as a row"
            f" that trains, at most {limit:.4g} allowed",
            observed=share,
            expected=limit,
            count=len(shared),
            share=share,
        )
        yield shared.sort().head(EXAMPLES), finding
