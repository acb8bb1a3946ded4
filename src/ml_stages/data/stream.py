"""One pass over a table: every number of the profile at once, batch by batch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import polars as pl

from ml_stages.data.broken_rows import BrokenRows, ShownRows
from ml_stages.data.by_value import ByValue
from ml_stages.data.columns import Column
from ml_stages.data.different import Counts, Different
from ml_stages.data.distribution import IDENTIFYING, Distribution
from ml_stages.data.few_repeats import LEAST, MOST, none_twice
from ml_stages.data.fold import Repeats, RowHashes, RowSample, chosen_rows
from ml_stages.data.hashed import Hashed, hashed_of
from ml_stages.data.known import Hashes
from ml_stages.data.marks import MARKED, Whole, whole_texts
from ml_stages.data.moments import Merged
from ml_stages.data.read import Table
from ml_stages.data.sample import distribution
from ml_stages.data.wanted import Wanted
from ml_stages.side_by_side import ahead

K = TypeVar("K")
V = TypeVar("V")

_CELLS = 5_000_000
"""Values a batch: enough that calls cost nothing, few enough that a batch stays small."""
_LEAST_MARKS, _MOST_MARKS, _ALL_MARKS = 2**16, 2**21, 2**25
"""Different whole numbers of a column that are told apart by a mark each, and of all columns together."""
_LEAST_BITS, _MOST_BITS, _ALL_SEEN = 8, 16, 2**23
"""Values of a column that were just there and are remembered, as a power of two; and of all columns."""
_LEAST_ROWS = 8_192
"""Rows of a batch, however wide the table: each of its columns costs something by itself."""
_PARTS, _SMALL_PARTS = 4, 10
"""Parts of the columns, two of which are looked at at a time: so both processors end together. Who is done
with reading goes on to distributions; where there are none, small parts fill the end."""
_ALL_ROWS = 2**62
_SEED = 0


@dataclass(frozen=True)
class Streamed:
    """What one pass found, and how the table was read for it."""

    table: Table
    columns: list[Column]
    wanted: Wanted
    found: dict[str, Any]
    """A number for each name that was asked for."""
    broken: dict[str, ShownRows]
    """By the names of ``Wanted.broken`` that some row breaks."""
    sample: pl.DataFrame
    """Parsed, where a column is; the one to cluster by as it is read, too."""
    distributions: dict[int, Distribution]
    """By the column's index, where they are wanted and there can be one."""
    repeated: dict[tuple[str, ...], Repeated]
    """By the columns that were compared together."""
    counts: dict[str, Counter[str]]
    """By the columns whose values were counted."""


@dataclass(frozen=True)
class Repeated:
    """Rows that occurred before in some columns, by the hash of their values."""

    columns: tuple[str, ...]
    """Those by which it was told: of whole rows some may be enough, and what repeats in them is suspected."""
    hashes: Hashes
    """The hashes of what occurs more than once, ascending."""
    rows: int
    """Rows that repeat an earlier one. Two different rows share their hash in one of ``2**64 / rows``
    tables: at ten million rows in one of four hundred thousand."""


def stream(table: Table, columns: list[Column], wanted: Wanted, rows: int | None) -> Streamed:
    """Read the table once, two parts of its columns at a time; ``rows`` is how many it has, if known."""
    size = wanted.sample_rows or _ALL_ROWS
    is_drawn = rows is not None and rows > size and wanted.distributions
    chosen = ahead(lambda: chosen_rows(size, rows or 0, _SEED)) if is_drawn else None
    repeats = {group: Repeats() for group in sorted(wanted.compared)}
    passes = [
        _Pass(some, wanted.only(some), len(columns), RowSample(size, _SEED, chosen), repeats)
        for some in _dealt(columns, _PARTS if wanted.distributions else _SMALL_PARTS)
    ]
    told = _apart(table, passes) if table.is_columnar else _together(table, columns, passes)
    distributions = {i: distribution for i, distribution in told.items() if distribution is not None}
    for one in passes:
        distributions |= one.count_again(table, [i for i in one.distributed if i not in distributions])
    return Streamed(
        table,
        columns,
        wanted,
        found=_union(one.found for one in passes),
        broken=_union(one.broken.found for one in passes),
        sample=pl.concat([one.sample for one in passes], how="horizontal"),
        distributions=distributions,
        repeated={
            group: Repeated(tuple(name for one in passes for name in one.compared(group)), *found.repeated())
            for group, found in repeats.items()
        },
        counts=_union({name: counts.rows for name, counts in one.counts.items()} for one in passes),
    )


def _dealt(columns: list[Column], parts: int) -> list[dict[int, Column]]:
    """The columns by their index, dealt out; what takes longest comes first: texts often stand last."""
    parts, numbered = max(1, min(parts, len(columns))), list(enumerate(columns))
    return [dict(numbered[part::parts]) for part in reversed(range(parts))]


def _apart(table: Table, passes: list[_Pass]) -> dict[int, Distribution | None]:
    """Each pass reads its own columns."""
    with ThreadPoolExecutor(2) as threads:
        return _told(threads, passes, [threads.submit(one.read, table) for one in passes])


def _together(table: Table, columns: list[Column], passes: list[_Pass]) -> dict[int, Distribution | None]:
    """All passes are given the same batches, as of CSV."""
    with ThreadPoolExecutor(2) as threads:
        added: list[Future[None]] = []
        for batch in batches(table, columns, _rows_of_batch(len(columns))):
            for one in added:
                one.result()
            added = [threads.submit(one.add, batch) for one in passes]
        return _told(threads, passes, added)


def _told(
    threads: Executor, passes: list[_Pass], reads: list[Future[None]]
) -> dict[int, Distribution | None]:
    """The distributions of every pass, begun as soon as it has read its columns."""

    def found(read: Future[None], one: _Pass, i: int) -> Distribution | None:
        read.result()
        return one.distribution(i)

    closed = list[Future[None]]()
    waiting = dict[int, Future[Distribution | None]]()
    for read, one in zip(reads, passes, strict=True):
        ended = threads.submit(one.close, read)
        closed.append(ended)
        # Before the next pass, which may still be read: who waits for that one does nothing else.
        waiting |= {i: threads.submit(found, ended, one, i) for i in one.distributed}
    for ended in closed:
        ended.result()
    return {i: distribution.result() for i, distribution in waiting.items()}


def _union(parts: Iterable[dict[K, V]]) -> dict[K, V]:
    return {name: value for part in parts for name, value in part.items()}


class _Pass:
    """What one pass has found so far of some columns."""

    def __init__(
        self,
        columns: dict[int, Column],
        wanted: Wanted,
        among: int,
        sample: RowSample,
        repeats: dict[tuple[str, ...], Repeats],
    ) -> None:
        """``columns`` are by their index ``among`` so many of the table; ``repeats`` belong to all passes."""
        self._columns, self._wanted, self._sampling, self._repeats = columns, wanted, sample, repeats
        self._merged = Merged()
        self.sample, self.found = pl.DataFrame(), dict[str, Any]()
        self._batch_rows = _rows_of_batch(among)
        marks = max(_LEAST_MARKS, min(_MOST_MARKS, _ALL_MARKS // max(1, among)))
        bits = max(_LEAST_BITS, min(_MOST_BITS, (_ALL_SEEN // max(1, among)).bit_length() - 1))
        self._by_value = {name: ByValue(rules, bits + 2) for name, rules in wanted.by_value.items()}
        self._distinct = {
            i: Different(
                marks if c.dtype in MARKED and c.name not in self._by_value else 0,
                bits,
                least=_least_distinct(c) if wanted.for_drift else 0.0,
            )
            for i, c in columns.items()
            if wanted.distributions
        }
        self.counts = {name: Counts() for name in wanted.counted}
        parsed = [c.parsed_name if c.parsed_name in wanted.parsed else c.name for c in columns.values()]
        sampled = list(dict.fromkeys([*parsed, *([wanted.cluster] if wanted.cluster else [])]))
        self._sampled = sampled if wanted.parsed else None
        self._batches = 0
        self._places = {
            group: {name: place for place, name in enumerate(group)}
            for group in wanted.compared
            if len(group) > 1
        }
        """Of each column in the groups of columns that are compared together: there may be thousands."""
        self.broken = BrokenRows(wanted.broken)

    def read(self, table: Table) -> None:
        """Read the columns by themselves."""
        for batch in batches(table, list(self._columns.values()), self._batch_rows):
            self._add(batch)

    def close(self, read: Future[None]) -> None:
        """After the last batch; raises what reading it raised."""
        read.result()
        self.sample, self.found = self._sampling.take(), self._merged.found

    def compared(self, group: tuple[str, ...]) -> list[str]:
        """Its columns in a group by which rows were told apart."""
        own, places = {column.name for column in self._columns.values()}, self._places.get(group, group)
        return [name for name in places if name in own]

    @property
    def distributed(self) -> list[int]:
        """Columns that have a distribution, by their index."""
        return [i for i, column in self._columns.items() if self._wanted.distributions and column.kind]

    def distribution(self, i: int) -> Distribution | None:
        """What a column's sampled rows hold; to be asked for after the last batch.

        ``None`` where they do not tell how many values differ, and not all of them were looked at.
        """
        column, found, different = self._columns[i], self.found, self._distinct[i]
        values = sampled_values(column, self.sample, self._wanted)
        nulls, nan = found[f"{i}.nulls"], found.get(f"{i}.nan", 0)
        kinds, rows = (nulls > 0) + (nan > 0), found["rows"] - nulls - nan
        return distribution(values, different, rows, kinds, sensitive=column.rule.sensitive)

    def count_again(self, table: Table, numbers: list[int]) -> dict[int, Distribution]:
        """Read some columns again, by their index, to count how many of all their values differ."""
        some = {i: self._columns[i] for i in numbers}
        for i in some:
            self._distinct[i].look_at_all()
        for batch in batches(table, list(some.values()), self._batch_rows) if some else ():
            typed = self._wanted.only(some).typed(batch)
            for i, column in some.items():
                self._distinct[i].add(hashed_of(typed, column).hashes)
        return {i: found for i in some if (found := self.distribution(i)) is not None}

    def add(self, batch: pl.DataFrame) -> None:
        """Add a batch of these columns, and maybe others."""
        some = batch.select(column.name for column in self._columns.values())
        # It comes in dozens of chunks, which would be put together for each number that is asked of them.
        self._add(some.rechunk())

    def _add(self, batch: pl.DataFrame) -> None:
        typed = self._wanted.typed(batch)
        numbers = self._wanted.of_batch(typed)
        numbers |= self._of_values(typed, numbers)
        self._merged.add(numbers)
        if self._wanted.distributions:
            self._sampling.add(batch if self._sampled is None else typed.select(self._sampled))
        self.broken.add(typed, numbers)

    def _of_values(self, typed: pl.DataFrame, numbers: dict[str, Any]) -> dict[str, int]:
        """All that needs the values one by one: column by column, while they are in the processor's cache."""
        found: dict[str, int] = {}
        if not self._batches and (whole := self._wanted.whole_rows) in self._places:
            self._places[whole] = self._telling(typed, self._places[whole])
        together = {group: RowHashes() for group in self._places}
        for i, column in self._columns.items():
            rules, hashed = self._of_column(i, typed, numbers)
            found |= rules
            for group, rows in together.items():
                if (place := self._places[group].get(column.name)) is not None:
                    rows.add(place, hashed.hashes)
        for group, rows in together.items():
            self._repeats[group].join(self._batches, rows.total)
        self._batches += 1
        return found

    def _telling(self, typed: pl.DataFrame, places: dict[str, int]) -> dict[str, int]:
        """One of its columns that tells nearly all of the first rows apart, with its place; else all of them.

        Most tables repeat no row, and one such column shows it.
        """
        for column in self._columns.values() if typed.height >= LEAST else ():
            first = hashed_of(typed, column).head(MOST)
            if none_twice(first.hashes, first.values):
                return {column.name: places[column.name]}
        return places

    def _of_column(
        self, i: int, typed: pl.DataFrame, numbers: dict[str, Any]
    ) -> tuple[dict[str, int], Hashed]:
        column = self._columns[i]
        name, hashed, found = column.name, hashed_of(typed, column), dict[str, int]()
        whole = Whole.of(hashed.values, numbers.get(f"{i}.min"), numbers.get(f"{i}.max"))
        if name in self._by_value:
            found, looked_at = self._by_value[name].broken(typed, hashed.hashes)
            for hashes in looked_at if self._wanted.distributions else ():
                self._distinct[i].add(hashes)
        elif self._wanted.distributions:
            self._distinct[i].add_values(hashed, whole)
        if name in self.counts:
            self.counts[name].add(hashed, whole)
        if (name,) in self._repeats:
            if whole is None and column.is_parsed and column.kind == "int":
                whole = whole_texts(typed[name], typed[column.parsed_name])
            self._repeats[name,].add(hashed.fingerprints, whole)
        return found, hashed


def _least_distinct(column: Column) -> float:
    """From which share of different values on a comparison asks how many they are."""
    return IDENTIFYING if column.kind in {"int", "string"} else math.inf


def sampled_values(column: Column, sample: pl.DataFrame, wanted: Wanted) -> pl.Series:
    """The column's values in the rows of the sample."""
    if (parsed := column.parsed_name) in wanted.parsed:
        return sample[parsed]
    # Of the column alone: what is asked of a table takes as long as the table is wide.
    return column.values(sample[column.name].to_frame())


def typed_batches(read: Streamed) -> Iterator[pl.DataFrame]:
    """The table once more, as it was read before."""
    return map(read.wanted.typed, batches(read.table, read.columns, _rows_of_batch(len(read.columns))))


def _rows_of_batch(columns: int) -> int:
    return max(_LEAST_ROWS, _CELLS // max(1, columns))


def batches(table: Table, columns: list[Column], size: int) -> Iterator[pl.DataFrame]:
    """Some columns in pieces of so many rows, in their order; at least one piece, though it may be empty."""
    scan, rows = table.scan().select(column.name for column in columns), 0
    for batch in table.batches(scan, size):
        rows += batch.height
        yield batch
    if not rows:
        yield table.collect(scan.head(0))
