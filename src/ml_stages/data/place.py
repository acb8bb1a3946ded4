"""Where in the files the first row stands that breaks a rule, so that somebody can go and look at it."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ml_stages.data.csv_lines import lines_of_records
from ml_stages.data.files import shown_name
from ml_stages.data.json_lines import json_records
from ml_stages.data.profile import ColumnProfile
from ml_stages.data.read import Table
from ml_stages.data.relations import Place


def located(
    table: Table, columns: Sequence[ColumnProfile], first: Sequence[Mapping[str, int]]
) -> list[ColumnProfile]:
    """The columns' profiles with the place of the first row that breaks each rule.

    ``first`` are the numbers of these rows in the whole table, from 0, by the rules' names.
    """
    places = places_of(table, {number for numbers in first for number in numbers.values()})
    return [
        column.model_copy(
            update={
                rule: getattr(column, rule).model_copy(update={"first": places[number]})
                for rule, number in numbers.items()
            }
        )
        for column, numbers in zip(columns, first, strict=True)
    ]


def place_of(table: Table, number: int) -> Place:
    """The place of a row by its number in the whole table, from 0."""
    return places_of(table, {number})[number]


def places_of(table: Table, numbers: Iterable[int]) -> dict[int, Place]:
    """The places of rows by their numbers in the whole table, from 0; each file is gone through once."""
    wanted, before = sorted({*numbers}), 0
    found: dict[int, Place] = {}
    for index, rows in enumerate(table.file_rows if wanted else ()):
        start, end = bisect_left(wanted, before), bisect_left(wanted, before + rows)
        if here := [number - before for number in wanted[start:end]]:
            name = shown_name(table.files[index], table.files)
            for number, line in zip(here, _lines(table, index, here), strict=True):
                found[before + number] = Place(file=name, row=number + 1, line=line)
        before += rows
    if len(found) < len(wanted):
        raise AssertionError("a row is in none of the files")
    return found


def _lines(table: Table, index: int, numbers: list[int]) -> Iterator[int | None]:
    """The lines in which rows of a file stand, by their numbers in it, ascending."""
    if table.format not in {"csv", "jsonl"}:
        yield from (None for _ in numbers)
    elif table.format == "jsonl":
        yield from _at((line for line, _ in json_records(table.files[index])), numbers)
    elif table.looks[index].quotes:  # only within them a row can have several lines
        yield from _at(lines_of_records(table.files[index], 1, table.separator), numbers)
    else:
        yield from (number + 2 for number in numbers)


def _at(lines: Iterator[int], numbers: list[int]) -> Iterator[int]:
    behind = 0
    for number in numbers:
        yield next(itertools.islice(lines, number - behind, None))
        behind = number + 1
