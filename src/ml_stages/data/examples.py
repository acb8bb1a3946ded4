"""Rows that show what a finding says, and where the first of them stands; read only where a rule is broken.

Of what the value alone decides, examples are kept while the table is read (:mod:`ml_stages.data.place` finds
their place); here is what takes other rows or columns to see: repeats, order, conflicts, outliers, and nulls,
which have no value to show.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from ml_stages.checks.outliers import far_out
from ml_stages.config.data import DataConfig
from ml_stages.data.broken_rows import EXAMPLES
from ml_stages.data.columns import Column, columns_as
from ml_stages.data.first_rows import ROW, Wrong, first_rows
from ml_stages.data.measure import MASKED, plain_text
from ml_stages.data.place import places_of
from ml_stages.data.profile import Profile
from ml_stages.data.read import Table
from ml_stages.data.relations import Place
from ml_stages.data.types import as_shown
from ml_stages.evidence import Finding

MOST_COLUMNS = 6
"""Columns of a row that are shown: enough to find it, few enough to read."""


@dataclass(frozen=True)
class _Rows:
    """The table's rows as the files hold them, each with its number and with its values as their types."""

    table: Table
    profile: Profile
    config: DataConfig

    @functools.cached_property
    def columns(self) -> dict[str, Column]:
        """To be computed from :attr:`numbered`, where each value is parsed once."""
        found = columns_as(self.table, self.profile, self.config)
        return {
            name: replace(column, parsed_as=column.parsed_name) if column.kind else column
            for name, column in found.items()
        }

    @property
    def numbered(self) -> pl.LazyFrame:
        columns = columns_as(self.table, self.profile, self.config).values()
        values = [one.value.alias(one.parsed_name) for one in columns if one.kind]
        return self.table.scan().with_row_index(ROW).with_columns(values)

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.profile.columns]

    def hash(self, names: Iterable[str]) -> pl.Expr:
        return pl.struct(self.columns[name].meant.alias(name) for name in names).hash()


def with_examples(
    table: Table, profile: Profile, config: DataConfig, findings: Iterable[Finding]
) -> list[Finding]:
    """The findings, with up to five example rows and the first one's place where they lack them."""
    rows, findings = _Rows(table, profile, config), list(findings)
    lacking = {number: finding for number, finding in enumerate(findings) if not finding.examples}
    alone = {n: _ALONE[one.rule](rows, one) for n, one in lacking.items() if one.rule in _ALONE}
    among = {n: _AMONG[one.rule](rows, one) for n, one in lacking.items() if one.rule in _AMONG}
    first = first_rows(table, rows.numbered, alone) if alone else {}
    for number, wrong in among.items():
        found = table.collect(wrong.head(EXAMPLES))
        if not found.is_empty():
            first[number] = found
    places = places_of(table, {found[ROW][0] for found in first.values()})
    for number, found in first.items():
        findings[number] = _with_rows(findings[number], found, places[found[ROW][0]], config)
    return findings


def _with_rows(finding: Finding, found: pl.DataFrame, place: Place, config: DataConfig) -> Finding:
    return finding.model_copy(
        update={
            "message": f"{finding.message}, first in {place}",
            "file": place.file,
            "line": place.line,
            "examples": examples_of(found.drop(ROW), config),
        }
    )


def examples_of(rows: pl.DataFrame, config: DataConfig) -> list[Any]:
    """Values of a single column, else rows by column; texts and numbers, masked where sensitive."""
    shown = rows.select(_shown(values, config) for values in rows.get_columns())
    if shown.width == 1:
        return shown.to_series().unique(maintain_order=True).to_list()
    return shown.rows(named=True) if shown.width else []


def _shown(values: pl.Series, config: DataConfig) -> pl.Series:
    if config.is_sensitive(values.name):
        return pl.Series(values.name, [MASKED] * len(values))
    return as_shown(values)


def _nulls(rows: _Rows, finding: Finding) -> Wrong:
    name = str(finding.column)
    return Wrong(_missing(rows, name), [key for key in rows.config.key if key != name])


def _missing(rows: _Rows, name: str) -> pl.Expr:
    """Which rows have no value: null, or NaN."""
    column, missing = rows.profile.column(name), pl.col(name).is_null()
    if column is None or not column.nan:
        return missing
    return missing | rows.columns[name].value.is_nan().fill_null(value=False)


def _unique(rows: _Rows, finding: Finding) -> pl.LazyFrame:
    names = [str(finding.column)] if finding.column in rows.names else rows.config.key
    repeats = ~pl.struct(names).hash().is_first_distinct()
    if names != rows.config.key:  # of a key also nulls repeat
        repeats &= ~_missing(rows, names[0])
    return rows.numbered.filter(repeats).select(ROW, *names)


def _lookalikes(rows: _Rows, _finding: Finding) -> pl.LazyFrame:
    key = rows.config.key
    texts = [name for name in key if rows.columns[name].dtype == pl.String]
    plain = pl.struct(plain_text(pl.col(name)) if name in texts else pl.col(name) for name in key)
    known = pl.struct(key).hash().is_first_distinct() & ~plain.hash().is_first_distinct()
    return rows.numbered.filter(known).select(ROW, *key)


def _duplicates(rows: _Rows, _finding: Finding) -> pl.LazyFrame:
    compared = pl.struct(rows.columns[name].compared.alias(name) for name in rows.names)
    repeats = ~compared.hash().is_first_distinct()
    return rows.numbered.filter(repeats).select(ROW, *rows.names[:MOST_COLUMNS])


def _order(rows: _Rows, finding: Finding) -> pl.LazyFrame:
    name = str(finding.column)
    value = rows.columns[name].present
    before = value.shift(1)
    wrong = value <= before if finding.expected == "strictly-ascending" else value < before
    return rows.numbered.filter(value.is_not_null()).filter(wrong).select(ROW, name)


def _outliers(rows: _Rows, finding: Finding) -> Wrong:
    name = str(finding.column)
    column = rows.profile.column(name)
    bounds = column and column.distribution and column.distribution.numbers
    bottom, top = far_out(bounds) if bounds else (float("-inf"), float("inf"))
    value = rows.columns[name].present
    return Wrong((value < bottom) | (value > top), [name])


def _conflicts(rows: _Rows, finding: Finding) -> pl.LazyFrame:
    features = [name for name in rows.names if rows.config.is_feature(name)]
    label = rows.columns[str(finding.column)].value
    conflicts = label.drop_nulls().n_unique().over(rows.hash(features)) > 1
    shown = [*rows.config.key, *features][: MOST_COLUMNS - 1]
    return rows.numbered.filter(conflicts).select(ROW, *shown, str(finding.column))


def _label_type(rows: _Rows, finding: Finding) -> Wrong:
    """Texts that are no numbers, and infinities; times and booleans are what they are in every row."""
    label = rows.columns[str(finding.column)].value
    number = label.cast(pl.Float64, strict=False)
    wrong = label.is_not_null() & (number.is_null() | number.is_infinite())
    return Wrong(wrong, [str(finding.column)])


def _infinite(rows: _Rows, finding: Finding) -> Wrong:
    name = str(finding.column)
    return Wrong(rows.columns[name].value.is_infinite().fill_null(value=False), [name])


_ALONE: dict[str, Callable[[_Rows, Finding], Wrong]] = {
    "nulls": _nulls,
    "infinite": _infinite,
    "outliers": _outliers,
    "label-type": _label_type,
}
"""Rules that a row breaks by itself."""
_AMONG: dict[str, Callable[[_Rows, Finding], pl.LazyFrame]] = {
    "unique": _unique,
    "lookalikes": _lookalikes,
    "duplicates": _duplicates,
    "order": _order,
    "label-conflicts": _conflicts,
}
"""Rules that other rows decide, with the rows that break them."""
