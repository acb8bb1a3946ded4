"""Compute the profile with Polars: one streamed pass, and others only for what was found wrong."""

from __future__ import annotations

from typing import Any

import polars as pl

from ml_stages.config.data import DataConfig
from ml_stages.data.columns import Column, columns_of, settle
from ml_stages.data.profile import ColumnProfile, Profile, Violation
from ml_stages.data.read import Table
from ml_stages.data.types import type_of

_EXAMPLES = 5
_MOST_CLASSES = 1_000
MASKED = "(masked)"


def measure(table: Table, config: DataConfig, task: str) -> Profile:
    """The profile of a table; raises :class:`DataError` with file and line for what cannot be read."""
    columns = columns_of(table, config)
    found = _aggregate(table, columns)
    if unsettled := [i for i, column in enumerate(columns) if _is_unsettled(column, i, found)]:
        for i in unsettled:
            columns[i] = settle(table, columns[i])
        found |= _aggregate(table, columns)
    if columns:
        table.check_lines(found[f"{len(columns) - 1}.nulls"])
    names = {column.name for column in columns}
    return Profile(
        rows=found["rows"],
        columns=[_profile(table, column, i, found) for i, column in enumerate(columns)],
        duplicates=_repeated(table, table.scan()),
        key_duplicates=_key_duplicates(table, config, names),
        label_counts=_label_counts(table, config)
        if task == "classification" and config.label in names
        else None,
    )


def _is_unsettled(column: Column, i: int, found: dict[str, Any]) -> bool:
    """Whether later rows may tell another type than the first ones did."""
    if column.sure:
        return False
    if column.kind == "string":
        return bool(found[f"{i}.first"] is None and found[f"{i}.nulls"] < found["rows"])
    return bool(found[f"{i}.broken_type"])


def _aggregate(table: Table, columns: list[Column]) -> dict[str, Any]:
    wanted = [pl.len().alias("rows")]
    for i, column in enumerate(columns):
        wanted += [value.alias(f"{i}.{name}") for name, value in _numbers(column).items()]
        wanted += [breaks.sum().alias(f"{i}.{rule}") for rule, breaks in column.unlike_rule]
    return table.collect(table.scan().select(wanted)).row(0, named=True)


def _numbers(column: Column) -> dict[str, pl.Expr]:
    value, raw = column.value, column.raw
    found = {"nulls": raw.null_count()}
    if not column.sure and column.kind == "string":
        found["first"] = raw.head(10_000).drop_nulls().first()
    if column.kind == "float":
        real = value.fill_nan(None)
        finite = pl.when(value.is_finite()).then(value)
        found |= {"nan": value.is_nan().sum(), "infinite": value.is_infinite().sum()}
        found |= {"min": real.min(), "max": real.max(), "mean": finite.mean(), "std": finite.std()}
    elif column.kind == "int":
        found |= {"min": value.min(), "max": value.max(), "mean": value.mean(), "std": value.std()}
    return found


def _profile(table: Table, column: Column, i: int, found: dict[str, Any]) -> ColumnProfile:
    measured = {name: found[f"{i}.{name}"] for name in _numbers(column) if name != "first"}
    broken = {
        rule: Violation(count=found[f"{i}.{rule}"], examples=_examples(table, column, breaks))
        for rule, breaks in column.unlike_rule
        if found[f"{i}.{rule}"]
    }
    return ColumnProfile(
        name=column.name,
        type=type_of(column.kind or "string"),
        utc=column.kind == "datetime-utc",
        unsupported=None if column.kind else str(column.dtype),
        repeated=_repeated(table, table.scan().select(column.name).drop_nulls())
        if column.rule.unique
        else None,
        **measured,
        **broken,
    )


def _examples(table: Table, column: Column, breaks: pl.Expr) -> list[Any]:
    """The first different values that break a rule."""
    shown = table.scan().filter(breaks).select(column.raw).unique(maintain_order=True).head(_EXAMPLES)
    values = table.collect(shown).to_series()
    plain = values if values.dtype.is_numeric() or values.dtype == pl.Boolean else values.cast(pl.String)
    return [MASKED] * len(values) if column.rule.sensitive else plain.to_list()


def _repeated(table: Table, scan: pl.LazyFrame) -> int:
    """Rows that repeat an earlier one, exactly: only rows whose 64-bit hashes are equal are compared."""
    hashed = scan.select(pl.struct(pl.all()).hash().alias("hash"))
    hashes = table.collect(hashed).to_series()
    twice = hashes.filter(hashes.is_duplicated()).unique()
    if twice.is_empty():
        return 0
    alike = table.collect(scan.filter(pl.struct(pl.all()).hash().is_in(twice.implode())))
    return alike.height - alike.n_unique()


def _key_duplicates(table: Table, config: DataConfig, names: set[str]) -> int:
    if not config.key or not set(config.key) <= names:
        return 0
    return _repeated(table, table.scan().select(config.key))


def _label_counts(table: Table, config: DataConfig) -> dict[str, int]:
    """The most frequent classes, by their texts, most frequent first."""
    label = pl.col(config.label)
    counts = table.scan().filter(label.is_not_null()).group_by(label.cast(pl.String)).len("rows")
    frequent = counts.sort("rows", config.label, descending=[True, False]).head(_MOST_CLASSES + 1)
    return dict(table.collect(frequent).iter_rows())
