"""What one pass over a table is to find, and what of it a batch makes necessary.

Most numbers of most batches follow from a few cheap ones: with a finite mean no value is NaN or infinite, and
where the smallest is above the least allowed none is below it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import polars as pl

from ml_stages.config.data import DataConfig
from ml_stages.data.columns import Column
from ml_stages.data.distribution import SAMPLE_ROWS
from ml_stages.data.moments import ends_of_batch, mean_of_large, numbers_of_batch
from ml_stages.data.types import parse_series

T = TypeVar("T")

_ALIKE = {"datetime", "datetime-utc", "bool"}
"""Kinds whose texts are mostly written in one of several ways."""
_TIMES = {"date", "datetime", "datetime-utc"}
_BY_VALUE = {"not_allowed", "not_matching", "bad_length"}
"""Rules that cost much more than comparing hashes."""


@dataclass(frozen=True)
class Scope:
    """How much of a table is looked at."""

    sample_rows: int | None = SAMPLE_ROWS
    """Rows from which the distributions are taken; ``None`` for all."""
    cluster: str | None = None
    """Column whose rows belong together."""
    without: frozenset[str] = frozenset()
    """Columns that are not even read."""
    rows: bool = True
    """Whether whole rows are compared, to find those that repeat."""
    for_drift: bool = False
    """Whether the table is only held against a reference: then no mean and no deviation is computed, and how
    many values differ only where nearly all may do, as those that identify rows."""


@dataclass(frozen=True)
class Broken:
    """Rows of one column that break one rule."""

    rows: pl.Expr
    shown: pl.Expr
    """What to show of them."""
    beyond: tuple[str, Literal["below", "above"], float] | None = None
    """The number of the batch that tells whether there can be any."""
    column: str | None = None
    """The column whose value alone decides, where it is cheaper to look at no value twice."""

    def possible(self, numbers: dict[str, Any]) -> bool:
        """Whether the batch's numbers leave room for such rows."""
        if self.beyond is None:
            return True
        name, side, limit = self.beyond
        extreme = numbers[name]
        return extreme is not None and (extreme < limit if side == "below" else extreme > limit)


@dataclass(frozen=True)
class Wanted:
    """What one pass is to find; names are the column's index, a point, and what the number is."""

    parsed: dict[str, Column]
    """Columns whose texts are parsed first, by the name of what they are parsed to."""
    nulls: dict[str, str]
    """Columns whose nulls are counted, by what that number is called."""
    numeric: dict[str, Column]
    """Columns of numbers, by their index."""
    times: dict[str, Column]
    """Columns of times, by their index."""
    odd: dict[str, pl.Expr]
    """How many texts of a key may look like another one."""
    broken: dict[str, Broken]
    """Rules, by the name of the number that counts the rows."""
    compared: frozenset[tuple[str, ...]]
    """Groups of columns in which repeated rows are looked for."""
    whole_rows: tuple[str, ...]
    """The one of all columns, where there is no key: rows that repeat in some may be looked at again."""
    counted: tuple[str, ...]
    """Columns whose values are counted one by one."""
    sample_rows: int | None
    """Limit of the row sample; ``None`` keeps all."""
    distributions: bool = True
    """Whether more is wanted than what rules ask for."""
    cluster: str | None = None
    """Column whose rows belong together."""
    for_drift: bool = False
    """Whether deviations are left out, and different values where many rows repeat one."""

    @property
    def by_value(self) -> dict[str, dict[str, Broken]]:
        """The rules that a value alone decides, by column."""
        found: dict[str, dict[str, Broken]] = {}
        for name, rule in self.broken.items():
            if rule.column is not None:
                found.setdefault(rule.column, {})[name] = rule
        return found

    @property
    def has_moments(self) -> bool:
        """Whether means and deviations are wanted."""
        return self.distributions and not self.for_drift

    def only(self, columns: Mapping[int, Column]) -> Wanted:
        """What of it concerns some columns, by their index."""
        names = {column.name for column in columns.values()}

        def of_these(asked: dict[str, T]) -> dict[str, T]:
            return {name: what for name, what in asked.items() if int(name.partition(".")[0]) in columns}

        return replace(
            self,
            parsed={parsed: column for parsed, column in self.parsed.items() if column.name in names},
            nulls=of_these(self.nulls),
            numeric=of_these(self.numeric),
            times=of_these(self.times),
            odd=of_these(self.odd),
            broken=of_these(self.broken),
            compared=frozenset(group for group in self.compared if names & set(group)),
            counted=tuple(name for name in self.counted if name in names),
            cluster=self.cluster if self.cluster in names else None,
        )

    def typed(self, batch: pl.DataFrame) -> pl.DataFrame:
        """The batch with its texts parsed once, for every number that is asked of them."""
        if not self.parsed:
            return batch
        times = {name: column for name, column in self.parsed.items() if column.kind in _ALIKE}
        others = [column.value.alias(name) for name, column in self.parsed.items() if name not in times]
        return batch.with_columns(
            *others,
            *(parse_series(batch[one.name], one.kind or "string").alias(name) for name, one in times.items()),
        )

    def of_batch(self, batch: pl.DataFrame) -> dict[str, Any]:
        """The numbers of one typed batch."""
        found: dict[str, Any] = {name: batch[column].null_count() for name, column in self.nulls.items()}
        found |= {"rows": batch.height} | (_row(batch, self.odd) if self.odd else {})
        for i, column in self.numeric.items():
            numbers = numbers_of_batch(column.values(batch), deviation=self.has_moments)
            found |= {f"{i}.{name}": value for name, value in numbers.items()}
            found |= {f"{i}.nan": 0, f"{i}.infinite": 0} if column.kind == "float" else {}
        for i, column in self.times.items():
            found |= {f"{i}.{name}": value for name, value in ends_of_batch(column.values(batch)).items()}
        doubtful: dict[str, pl.Expr] = {}
        for i, column in self.numeric.items():
            mean = found[f"{i}.mean"] if column.kind == "float" else None
            if mean is not None and not math.isfinite(mean):
                doubtful |= _careful(i, column)
        found |= _row(batch, doubtful) if doubtful else {}
        counts = {
            name: rule.rows.sum()
            for name, rule in self.broken.items()
            if rule.column is None and rule.possible(found)
        }
        return dict.fromkeys(self.broken, 0) | found | (_row(batch, counts) if counts else {})


def _row(batch: pl.DataFrame, wanted: dict[str, pl.Expr]) -> dict[str, Any]:
    # Lazily, so that what several expressions have in common is computed once.
    return batch.lazy().select(**wanted).collect().row(0, named=True)


def wanted_of(columns: Sequence[Column], config: DataConfig, task: str, scope: Scope) -> Wanted:
    """Everything that the profile needs."""
    parsed = {column.parsed_name: column for column in columns if column.is_parsed}
    columns = [
        replace(column, parsed_as=column.parsed_name) if column.is_parsed else column for column in columns
    ]
    names = [column.name for column in columns]
    unique = [(column.name,) for column in columns if column.rule.unique]
    # Rows whose keys differ cannot be equal: with a key, only rows that repeat one are compared in full.
    key = key_of(config, names)
    whole_rows = tuple(names) if scope.rows and not key else ()
    compared = {*unique, key, whole_rows} - {()}
    return Wanted(
        parsed,
        {f"{i}.nulls": column.name for i, column in enumerate(columns)},
        {str(i): column for i, column in enumerate(columns) if column.kind in {"int", "float"}},
        {str(i): column for i, column in enumerate(columns) if column.kind in _TIMES},
        {
            f"{i}.odd": odd_text(_maybe_odd(column)).sum()
            for i, column in enumerate(columns)
            if column.name in config.key and column.dtype == pl.String
        },
        {name: rule for i, column in enumerate(columns) for name, rule in _broken(i, column).items()},
        frozenset(compared),
        whole_rows,
        _counted(columns, config, task),
        scope.sample_rows,
        config.distributions,
        scope.cluster,
        scope.for_drift,
    )


def _counted(columns: Sequence[Column], config: DataConfig, task: str) -> tuple[str, ...]:
    """The label, for its classes, and columns with a least number of rows for each of their values."""
    classes = {config.label} if task == "classification" else set()
    return tuple(c.name for c in columns if c.name in classes or (c.rule.min_slice and c.kind is not None))


def key_of(config: DataConfig, names: Sequence[str]) -> tuple[str, ...]:
    """The key's columns, if all of them are there."""
    return tuple(config.key) if set(config.key) <= set(names) else ()


def _maybe_odd(column: Column) -> pl.Expr:
    """Texts that may look like another one: what reads as a number has digits alone."""
    return column.raw.filter(column.value.is_null()) if column.kind in {"int", "float"} else column.raw


def odd_text(text: pl.Expr) -> pl.Expr:
    """Whether a text may look like another one: by blanks at its ends, or letters that have several forms."""
    return (text.str.strip_chars() != text) | (text.str.len_bytes() != text.str.len_chars())


def _careful(i: str, column: Column) -> dict[str, pl.Expr]:
    """The numbers of a column that holds NaN or infinity, which count for neither mean nor deviation."""
    value, real = column.value, column.present
    finite = pl.when(value.is_finite()).then(value)
    found = {"nan": value.is_nan().sum(), "infinite": value.is_infinite().sum()}
    found |= {"min": real.min(), "max": real.max()}
    found |= {"finite": finite.count(), "mean": mean_of_large(finite), "std": finite.std()}
    return {f"{i}.{name}": expression for name, expression in found.items()}


def _broken(i: int, column: Column) -> dict[str, Broken]:
    rule = column.rule
    limits: dict[str, tuple[str, Literal["below", "above"], float]] = {}
    if rule.min is not None:
        limits["below"] = (f"{i}.min", "below", rule.min)
    if rule.max is not None:
        limits["above"] = (f"{i}.max", "above", rule.max)
    return {
        f"{i}.{name}": Broken(rows, column.raw, limits.get(name), column.name if name in _BY_VALUE else None)
        for name, rows in column.unlike_rule
    }
