"""One pass over a table: every number of the profile at once, batch by batch."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ml_stages.data.columns import Column
from ml_stages.data.fold import Distinct, Repeats, RowHashes, RowSample
from ml_stages.data.known import Counts, Hashes, Seen
from ml_stages.data.moments import Moments
from ml_stages.data.read import Table
from ml_stages.data.wanted import Broken, Wanted

_CELLS = 5_000_000
"""Values a batch: enough that calls cost nothing, few enough that a batch stays small."""
_SEED = 0
EXAMPLES = 5
"""Values shown of those that break a rule."""


@dataclass(frozen=True)
class Streamed:
    """What one pass found."""

    found: dict[str, Any]
    """A number for each name that was asked for."""
    examples: dict[str, list[Any]]
    """The first few different values, by the names of ``Wanted.broken``."""
    sample: pl.DataFrame
    distinct: list[Distinct]
    """One a column."""
    repeated: dict[tuple[str, ...], Repeated]
    """By the columns that were compared together."""
    counts: dict[str, Counter[str]]
    """By the columns whose values were counted."""


@dataclass(frozen=True)
class Repeated:
    """Rows that occurred before in some columns, by the hash of their values."""

    hashes: Hashes
    """The hashes of what occurs more than once, ascending."""
    rows: int
    """Rows that repeat an earlier one. Two different rows share their hash in one of ``2**64 / rows``
    tables: at ten million rows in one of four hundred thousand."""


def stream(table: Table, columns: list[Column], wanted: Wanted) -> Streamed:
    """Read the table once."""
    reading = _Pass(columns, wanted, table.known_rows())
    for batch in batches(table, columns):
        reading.add(batch)
    return reading.found()


class _Pass:
    """What one pass has found so far."""

    def __init__(self, columns: list[Column], wanted: Wanted, rows: int | None) -> None:
        self._columns, self._wanted = columns, wanted
        self._by_value = wanted.by_value
        self._merged, self._sample = Merged(), RowSample(wanted.sample_rows or 2**62, _SEED, rows)
        self._distinct = [Distinct() for _ in columns]
        self._repeats = {group: Repeats() for group in sorted(wanted.compared)}
        self._counts = {name: Counts() for name in wanted.counted}
        self._seen = {name: Seen(bits=18) for name in self._by_value}
        self._examples: dict[str, list[Any]] = {name: [] for name in wanted.broken}

    def add(self, batch: pl.DataFrame) -> None:
        typed = self._wanted.typed(batch)
        numbers = self._wanted.of_batch(typed) | self._of_hashes(batch, typed)
        self._merged.add(numbers)
        if self._wanted.distributions:
            self._sample.add(batch)
        _add_examples(self._examples, typed, numbers, self._wanted.broken)

    def _of_hashes(self, batch: pl.DataFrame, typed: pl.DataFrame) -> dict[str, int]:
        """All that hashes tell: column by column, so that they are still in the processor's cache."""
        numbers: dict[str, int] = {}
        together = {group: RowHashes() for group in self._repeats}
        for column, distinct in zip(self._columns, self._distinct, strict=True):
            name = column.name
            if not self._wanted.hashes(name):
                continue
            hashes = column_hash(batch, column)
            if self._wanted.distributions:
                distinct.add(hashes)
            if name in self._by_value:
                numbers |= _broken_values(typed, self._by_value[name], self._seen[name], hashes)
            if name in self._counts:
                self._counts[name].add(batch[name], hashes)
            for group, rows in together.items():
                if name in group:
                    rows.add(group.index(name), hashes)
        for group, rows in together.items():
            self._repeats[group].add(rows.total, _whole_numbers(batch, group))
        return numbers

    def found(self) -> Streamed:
        return Streamed(
            self._merged.found,
            self._examples,
            self._sample.take(),
            self._distinct,
            {group: Repeated(*repeat.repeated()) for group, repeat in self._repeats.items()},
            {name: counted.rows for name, counted in self._counts.items()},
        )


def _broken_values(
    batch: pl.DataFrame, rules: dict[str, Broken], seen: Seen, hashes: Hashes
) -> dict[str, int]:
    """Rows that break rules which the value alone decides: values that were right before are passed over."""
    fresh = np.flatnonzero(seen.lacks(hashes))
    if not len(fresh):
        return dict.fromkeys(rules, 0)
    names = list(dict.fromkeys(name for rule in rules.values() for name in rule.rows.meta.root_names()))
    rows = batch.select(names)
    rows = rows if len(fresh) == batch.height else rows[fresh]
    flags = rows.select(rule.rows.fill_null(value=False).alias(name) for name, rule in rules.items())
    right = flags.select(~pl.any_horizontal(pl.all())).to_series().to_numpy()
    seen.add(hashes[fresh][right])
    return dict(zip(flags.columns, flags.sum().row(0), strict=True))


def _whole_numbers(batch: pl.DataFrame, group: tuple[str, ...]) -> np.ndarray[Any, Any] | None:
    """The values of a group of one column of integers, none of them null."""
    values = batch[group[0]]
    return (
        values.to_numpy()
        if len(group) == 1 and values.dtype.is_integer() and not values.null_count()
        else None
    )


def _add_examples(
    known: dict[str, list[Any]],
    batch: pl.DataFrame,
    numbers: dict[str, Any],
    broken: dict[str, Broken],
) -> None:
    for name, rule in broken.items():
        if numbers[name] and len(known[name]) < EXAMPLES:
            values = batch.filter(rule.rows).select(rule.shown).to_series().unique(maintain_order=True)
            plain = (
                values if values.dtype.is_numeric() or values.dtype == pl.Boolean else values.cast(pl.String)
            )
            known[name] = list(dict.fromkeys([*known[name], *plain.head(2 * EXAMPLES)]))[:EXAMPLES]


def batches(table: Table, columns: list[Column]) -> Iterator[pl.DataFrame]:
    """The table in pieces of some rows, in its order; at least one piece, though it may be empty."""
    scan, rows = table.scan().select(column.name for column in columns), 0
    for batch in table.batches(scan, max(1, _CELLS // max(1, len(columns)))):
        rows += batch.height
        yield batch
    if not rows:
        yield table.collect(scan.head(0))


def column_hash(batch: pl.DataFrame, column: Column) -> Hashes:
    """A 64-bit hash of every value as the file holds it."""
    values = batch[column.name]
    # As fields of a struct also lists have a hash.
    hashed = values.hash() if column.kind is not None else values.to_frame().to_struct().hash()
    return hashed.to_numpy()


class Merged:
    """Puts the numbers of batches together."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}
        self._moments: defaultdict[str, Moments] = defaultdict(Moments)

    def add(self, batch: dict[str, Any]) -> None:
        for name, value in batch.items():
            column, _, what = name.rpartition(".")
            if what == "mean":
                self._moments[column].add(batch[f"{column}.finite"], value, batch[f"{column}.std"])
            elif what != "std":
                self._found[name] = _MERGE.get(what, _total)(self._found.get(name), value)

    @property
    def found(self) -> dict[str, Any]:
        moments = {
            f"{column}.{what}": value
            for column, moment in self._moments.items()
            for what, value in (("mean", moment.mean if moment.count else None), ("std", moment.std))
        }
        return self._found | moments


def _total(before: Any, value: Any) -> Any:
    return (before or 0) + (value or 0)


def _least(before: Any, value: Any) -> Any:
    return value if before is None else before if value is None else min(before, value)


def _greatest(before: Any, value: Any) -> Any:
    return value if before is None else before if value is None else max(before, value)


def _earlier(before: Any, value: Any) -> Any:
    return value if before is None else before


_MERGE = {"min": _least, "max": _greatest, "oldest": _least, "newest": _greatest, "first": _earlier}
