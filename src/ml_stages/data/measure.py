"""Compute the profile with Polars."""

from __future__ import annotations

from typing import Any

import polars as pl

from ml_stages.config.data import ColumnRule, ColumnType, DataConfig
from ml_stages.data.profile import ColumnProfile, Profile, Violation
from ml_stages.data.read import parse

_EXAMPLES = 5
_MASKED = "(masked)"


def measure(table: pl.DataFrame, config: DataConfig, task: str) -> Profile:
    """The profile of a table that was read with :func:`ml_stages.data.read.read_table`."""
    keyed = bool(config.key) and set(config.key) <= set(table.columns)
    return Profile(
        rows=table.height,
        columns=[_column(table[name], config.columns.get(name, ColumnRule())) for name in table.columns],
        duplicates=_repeated(table),
        key_duplicates=_repeated(table.select(config.key)) if keyed else 0,
        label_counts=_label_counts(table, config) if task == "classification" else None,
    )


def _column(values: pl.Series, rule: ColumnRule) -> ColumnProfile:
    # A declared type that not every value has leaves texts: judge those that do read by their number.
    kind = column_type(values.dtype)
    typed = parse(values, rule.type) if kind == "string" and rule.type not in (None, "string") else values
    broken = values.filter(typed.is_null() & values.is_not_null())
    if rule.type == "string" and kind != "string":
        typed = values = values.cast(pl.String)
    numbers = typed.cast(pl.Float64) if typed.dtype.is_numeric() else None
    declared = rule.type or kind
    mismatch = len(broken) or (
        not _fits(declared, column_type(typed.dtype)) and len(values) - values.null_count()
    )
    return ColumnProfile(
        name=values.name,
        type=column_type(typed.dtype),
        nulls=values.null_count(),
        repeated=_repeated(values.to_frame().drop_nulls()) if rule.unique else None,
        broken_type=_violation(broken if len(broken) else values, rule, int(mismatch)) if mismatch else None,
        not_allowed=_not_allowed(typed, rule),
        **({} if numbers is None else _numbers(numbers, rule)),
    )


def column_type(dtype: pl.DataType) -> ColumnType:
    """The name that the configuration uses for a Polars type; anything else reads as text."""
    if dtype.is_integer():
        return "int"
    if dtype.is_float() or dtype.is_decimal():
        return "float"
    names: dict[Any, ColumnType] = {pl.Boolean: "bool", pl.Date: "date", pl.Datetime: "datetime"}
    return names.get(dtype.base_type(), "string")


def _fits(declared: ColumnType, found: ColumnType) -> bool:
    return declared == found or (declared, found) in {("float", "int"), ("datetime", "date")}


def _numbers(numbers: pl.Series, rule: ColumnRule) -> dict[str, Any]:
    real = numbers.drop_nulls().drop_nans()
    found: dict[str, Any] = {"nan": int(numbers.is_nan().sum() or 0)}
    if len(real):
        found |= {"min": real.min(), "max": real.max(), "mean": real.mean(), "std": real.std()}
    if rule.min is not None and len(low := real.filter(real < rule.min)):
        found["below"] = _violation(low, rule)
    if rule.max is not None and len(high := real.filter(real > rule.max)):
        found["above"] = _violation(high, rule)
    return found


def _not_allowed(values: pl.Series, rule: ColumnRule) -> Violation | None:
    if rule.allowed is None:
        return None
    allowed = pl.Series([_plain(value) for value in rule.allowed], dtype=pl.String)
    texts = values.drop_nulls().cast(pl.String)
    if values.dtype.is_float():
        texts = texts.str.strip_suffix(".0")
    other = texts.filter(~texts.is_in(allowed.implode()))
    return _violation(other, rule) if len(other) else None


def _plain(value: Any) -> str:
    """The text under which Polars knows a value: `true` for a boolean, `2` for 2.0."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _violation(values: pl.Series, rule: ColumnRule, count: int | None = None) -> Violation:
    examples = values.unique(maintain_order=True).head(_EXAMPLES).to_list()
    shown = [_MASKED] * len(examples) if rule.sensitive else examples
    return Violation(count=len(values) if count is None else count, examples=shown)


def _repeated(table: pl.DataFrame) -> int:
    return table.height - table.n_unique() if table.height else 0


def _label_counts(table: pl.DataFrame, config: DataConfig) -> dict[str, int] | None:
    if config.label not in table.columns:
        return None
    counts = table[config.label].drop_nulls().cast(pl.String).value_counts(sort=True)
    return dict(counts.iter_rows())
