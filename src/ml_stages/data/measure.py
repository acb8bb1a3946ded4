"""Compute the profile with Polars: one streamed pass, and others only for what was found wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import polars as pl

from ml_stages.config.data import DataConfig
from ml_stages.data.broken_rows import EXAMPLES, ShownRows
from ml_stages.data.clusters import clustered
from ml_stages.data.columns import RULES, Column, columns_of, settled
from ml_stages.data.distribution import Distribution
from ml_stages.data.fold import Repeats, are_among
from ml_stages.data.hashed import row_hashes
from ml_stages.data.place import located
from ml_stages.data.profile import ColumnProfile, Profile, Violation
from ml_stages.data.read import Table
from ml_stages.data.stream import Streamed, sampled_values, stream, typed_batches
from ml_stages.data.types import type_of
from ml_stages.data.wanted import Scope, key_of, wanted_of
from ml_stages.errors import DataError
from ml_stages.side_by_side import both, each

_MOST_CLASSES = 1_000
_FEW_SUSPECTS = 0.05
"""Share of rows, suspected to repeat another one, up to which they are looked for among all."""
_MEASURED = ("nulls", "nan", "infinite", "min", "max", "mean", "std", "oldest", "newest")
MASKED = "(masked)"


def measure(table: Table, config: DataConfig, task: str, scope: Scope | None = None) -> Profile:
    """The profile of a table; raises :class:`DataError` with file and line for what cannot be read."""
    scope = scope or Scope()
    everything, _ = both(lambda: columns_of(table, config), lambda: table.expected_rows)
    columns = [column for column in everything if column.name not in scope.without]
    streamed = _read(table, columns, config, task, scope)
    if unsettled := [i for i, column in enumerate(columns) if _is_unsettled(column, i, streamed.found)]:
        told = settled(table, [columns[i] for i in unsettled], streamed.found["rows"])
        for i, column in zip(unsettled, told, strict=True):
            columns[i] = column
        streamed = _read(table, columns, config, task, scope)
    found, names = streamed.found, [column.name for column in columns]
    table.check_lines({name: found[f"{i}.nulls"] for i, name in enumerate(names)})
    return Profile(
        rows=found["rows"],
        columns=_profiles(table, columns, streamed, scope.cluster),
        duplicates=_row_duplicates(config, streamed) if scope.rows else 0,
        key_duplicates=streamed.repeated[key].rows if (key := key_of(config, names)) else 0,
        key_lookalikes=_key_lookalikes(table, key, streamed) if key else 0,
        label_counts=_label_counts(streamed.counts[config.label])
        if task == "classification" and config.label in names
        else None,
    )


def _read(table: Table, columns: list[Column], config: DataConfig, task: str, scope: Scope) -> Streamed:
    """Read the table once; numbers in CSV right away as such, where every text is one."""
    types = {column.name: dtype for column in columns if (dtype := column.reads_as) is not None}
    if (at_once := table.as_types(types)) is not None:
        read_as = [replace(column, dtype=at_once.types.get(column.name, column.dtype)) for column in columns]
        try:
            return stream(at_once, read_as, wanted_of(read_as, config, task, scope), table.expected_rows)
        except DataError:
            pass  # the texts themselves tell what is wrong with them
    return stream(table, columns, wanted_of(columns, config, task, scope), table.expected_rows)


def _is_unsettled(column: Column, i: int, found: dict[str, Any]) -> bool:
    """Whether later rows tell another type than the first ones did, which for a text held none."""
    if column.sure:
        return False
    if column.kind == "string":
        return bool(found[f"{i}.nulls"] < found["rows"])
    return bool(found.get(f"{i}.broken_type"))


def _profiles(
    table: Table, columns: list[Column], streamed: Streamed, cluster: str | None
) -> list[ColumnProfile]:
    def profile(i: int) -> ColumnProfile:
        found = _profile(streamed.columns[i], i, streamed, cluster)
        return _repeating_values(table, columns[i], found)

    numbers = range(len(columns))
    # Little is left to compute where no rows belong together: threads would cost more than they gain.
    profiles = list((each if cluster else map)(profile, numbers))
    first = [{rule: rows.first for rule, rows in _broken(streamed, i).items()} for i in numbers]
    return located(table, profiles, first)


def _profile(column: Column, i: int, streamed: Streamed, cluster: str | None) -> ColumnProfile:
    found = streamed.found
    measured = {name: found[f"{i}.{name}"] for name in _MEASURED if f"{i}.{name}" in found}
    measured |= {} if streamed.wanted.has_moments else {"mean": None, "std": None}
    broken = {
        rule: Violation(count=found[f"{i}.{rule}"], examples=_shown(column, rows.examples))
        for rule, rows in _broken(streamed, i).items()
    }
    return ColumnProfile(
        name=column.name,
        type=type_of(column.kind or "string"),
        utc=column.kind == "datetime-utc",
        unsupported=None if column.kind else str(column.dtype),
        sensitive=column.rule.sensitive,
        repeated=_repeated_values(column, streamed, measured["nulls"]),
        distribution=_distribution(column, i, streamed, cluster),
        small_slices=_small_slices(column, streamed),
        **measured,
        **broken,
    )


def _broken(streamed: Streamed, i: int) -> dict[str, ShownRows]:
    """The rules that some row breaks in a column."""
    return {rule: rows for rule in RULES if (rows := streamed.broken.get(f"{i}.{rule}")) is not None}


def _shown(column: Column, values: list[Any]) -> list[Any]:
    return [MASKED] * len(values) if column.rule.sensitive else values


def _repeated_values(column: Column, streamed: Streamed, nulls: int) -> int | None:
    """Rows whose value occurred before; nulls do not count."""
    if not column.rule.unique:
        return None
    return streamed.repeated[column.name,].rows - max(0, nulls - 1)


def _repeating_values(table: Table, column: Column, found: ColumnProfile) -> ColumnProfile:
    """The same without NaN among what repeats: it is missing, as nulls are, and CSV has many texts for it."""
    if not found.repeated or found.nan < 2:
        return found
    there = column.raw.is_not_null() & ~column.value.is_nan().fill_null(value=False)
    values = table.collect(table.scan().filter(there).select(column.raw))
    return found.model_copy(update={"repeated": values.height - values.n_unique()})


def _distribution(column: Column, i: int, streamed: Streamed, cluster: str | None) -> Distribution | None:
    found = streamed.distributions.get(i)
    if found is None or cluster is None or cluster not in streamed.sample.columns:
        return found
    values = sampled_values(column, streamed.sample, streamed.wanted)
    return clustered(found, values, streamed.sample[cluster])


def _key_lookalikes(table: Table, key: tuple[str, ...], streamed: Streamed) -> int:
    """Rows whose key is another one once blanks at its ends are gone and letters have one form."""
    if not any(streamed.found.get(f"{i}.odd") for i, _ in enumerate(streamed.columns)):
        return 0
    keys = table.collect(table.scan().select(key))
    plain = keys.select(plain_text(pl.col(name)) for name in keys.select(pl.col(pl.String)).columns)
    return keys.n_unique() - keys.with_columns(plain).n_unique()


def plain_text(text: pl.Expr) -> pl.Expr:
    """Without blanks at its ends, and in one Unicode form."""
    return text.str.strip_chars().str.normalize("NFC")


def _row_duplicates(config: DataConfig, streamed: Streamed) -> int:
    """Rows that repeat an earlier one in every column."""
    columns = streamed.columns
    names = tuple(column.name for column in columns)
    compared = key_of(config, names) or names
    if not compared:
        return 0
    told = streamed.repeated[compared]
    if set(told.columns) == set(names):
        return told.rows
    by_name = {column.name: column for column in columns}
    suspected = [by_name[name] for name in compared]
    are_few = told.rows < _FEW_SUSPECTS * streamed.found["rows"]
    repeats = Repeats()
    for batch in typed_batches(streamed) if len(told.hashes) else ():
        if are_few:
            batch = batch.filter(are_among(row_hashes(batch, suspected, told.columns), told.hashes))  # noqa: PLW2901
        repeats.add(row_hashes(batch, columns))
    return repeats.repeated()[1]


def _small_slices(column: Column, streamed: Streamed) -> Violation | None:
    """Values with too few rows, the rarest first; values that are allowed and do not occur among them."""
    least, rule = column.rule.min_slice, column.rule
    if least is None or column.name not in streamed.counts:
        return None
    expected = {
        str(value).lower() if isinstance(value, bool) else str(value): 0 for value in rule.allowed or []
    }
    rows = {**expected, **streamed.counts[column.name]}
    small = sorted((count, value) for value, count in rows.items() if count < least)
    shown = [f"{MASKED if rule.sensitive else repr(value)} ({count:,} rows)" for count, value in small]
    return Violation(count=len(small), examples=shown[:EXAMPLES]) if small else None


def _label_counts(counts: Counter[str]) -> dict[str, int]:
    """The most frequent classes, by their texts, most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(ordered[: _MOST_CLASSES + 1])
