"""Slices: the rows that share a value of a column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ml_stages.config.sections import EvaluationConfig
from ml_stages.errors import StageError
from ml_stages.evaluation.influence import Groups
from ml_stages.evaluation.judging import AnyRows, judge_rows
from ml_stages.evaluation.metrics_report import SliceMetrics
from ml_stages.evaluation.rows import Index
from ml_stages.evaluation.slice_values import slice_values
from ml_stages.evaluation.text import canonical
from ml_stages.report.numbers import counted

MISSING = "(missing)"
_JOINT = "\x1f"  # the unit separator: in no value that a person wrote


@dataclass(frozen=True)
class Slice:
    """One value of a column and the rows that have it."""

    where: dict[str, str]
    rows: Index


def slices_of(
    table: pl.DataFrame, columns: Iterable[str], crossed: Iterable[Sequence[str]] = ()
) -> Iterator[Slice]:
    """Every value of every column, then every combination that occurs of each group of columns.

    In the order of the columns and then of the values' text.
    """
    for column in columns:
        _need(table, column, "slices")
        yield from _values(table[column])
    for group in crossed:
        for column in group:
            _need(table, column, "crossed")
        yield from _combinations(table, list(group))


def _need(table: pl.DataFrame, column: str, setting: str) -> None:
    if column not in table.columns:
        raise StageError(
            f"evaluation.{setting} names {column!r}, which the holdout does not have; "
            f"there are: {', '.join(table.columns)}"
        )


def _combinations(table: pl.DataFrame, columns: list[str]) -> Iterator[Slice]:
    """Rows by all of the columns at once, as one column of joined names."""
    named = [canonical(table[column]).fill_null(MISSING).alias(column) for column in columns]
    together = pl.concat_str(columns, separator=_JOINT).alias(" x ".join(columns))
    for part in _values(pl.DataFrame(named).select(together).to_series()):
        (values,) = part.where.values()
        yield Slice(dict(zip(columns, values.split(_JOINT), strict=True)), part.rows)


def _values(values: pl.Series) -> Iterator[Slice]:
    distinct = slice_values(values)
    names = sorted(canonical(distinct).fill_null(MISSING).unique())
    place = {name: code for code, name in enumerate(names)}
    codes = values.replace_strict(
        distinct, [place[name] for name in canonical(distinct).fill_null(MISSING)], return_dtype=pl.Int16
    ).to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))
    for name, rows in zip(names, np.split(order, ends[:-1]), strict=True):
        yield Slice({values.name: name}, rows)


def judge_slice(
    part: Slice, candidate: AnyRows, baseline: AnyRows | None, config: EvaluationConfig, groups: Groups | None
) -> SliceMetrics:
    """Metrics and comparisons on one slice; none where it has fewer than ``min_slice`` rows."""
    rows = len(part.rows)
    if rows < config.min_slice:
        note = f"{counted(rows, 'rows')}, fewer than evaluation.min_slice = {config.min_slice}: not evaluated"
        return SliceMetrics(where=part.where, rows=rows, metrics=[], note=note)
    other = None if baseline is None else baseline.take(part.rows)
    within = None if groups is None else np.unique(groups[part.rows], return_inverse=True)[1]
    judged = judge_rows(candidate.take(part.rows), other, within, config)
    return SliceMetrics(where=part.where, rows=rows, metrics=judged.metrics, comparisons=judged.comparisons)
