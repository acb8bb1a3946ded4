"""One pass over a table: every number of the profile at once, batch by batch."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ml_stages.data.columns import Column
from ml_stages.data.fold import Distinct, Hashes, Moments, Repeats, RowSample, combined
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
    merged, sample = Merged(), RowSample(wanted.sample_rows or 2**62, _SEED, table.known_rows())
    distinct = [Distinct() for _ in columns]
    repeats = {group: Repeats() for group in sorted(wanted.compared)}
    counts: dict[str, Counter[str]] = {name: Counter() for name in wanted.counted}
    examples: dict[str, list[Any]] = {name: [] for name in wanted.broken}
    for batch in batches(table, columns):
        typed = wanted.typed(batch)
        numbers = wanted.of_batch(typed)
        merged.add(numbers)
        sample.add(batch)
        hashes = column_hashes(batch, columns)
        for column, counter in zip(columns, distinct, strict=True):
            counter.add(hashes[column.name])
        for group, repeat in repeats.items():
            repeat.add(combined([hashes[name] for name in group]), _whole_numbers(batch, group))
        _add_examples(examples, typed, numbers, wanted.broken)
        for name, counter_of_values in counts.items():
            counter_of_values.update(_counts(batch[name]))
    return Streamed(
        merged.found,
        examples,
        sample.take(),
        distinct,
        {group: Repeated(*repeat.repeated()) for group, repeat in repeats.items()},
        counts,
    )


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


def _counts(values: pl.Series) -> dict[str, int]:
    counts = values.drop_nulls().rename("value").value_counts()
    return dict(counts.select(pl.col("value").cast(pl.String), "count").iter_rows())


def batches(table: Table, columns: list[Column]) -> Iterator[pl.DataFrame]:
    """The table in pieces of some rows, in its order; at least one piece, though it may be empty."""
    scan, rows = table.scan(), 0
    for batch in table.batches(scan, max(1, _CELLS // max(1, len(columns)))):
        rows += batch.height
        yield batch
    if not rows:
        yield table.collect(scan.head(0))


def column_hashes(batch: pl.DataFrame, columns: list[Column]) -> dict[str, Hashes]:
    """A 64-bit hash of every value as the file holds it."""
    # As fields of a struct also lists have a hash.
    hashed = batch.select(
        column.raw.hash() if column.kind is not None else pl.struct(column.raw).hash().alias(column.name)
        for column in columns
    )
    return {column.name: hashed[column.name].to_numpy() for column in columns}


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
