"""Where in the files the first row stands that breaks a rule, so that somebody can go and look at it."""

from __future__ import annotations

import itertools
from pathlib import Path

import polars as pl

from ml_stages.data.columns import RULES, Column
from ml_stages.data.csv_lines import has_quotes, lines_of_records
from ml_stages.data.files import shown_name
from ml_stages.data.json_lines import json_records
from ml_stages.data.profile import ColumnProfile, Violation
from ml_stages.data.read import Table
from ml_stages.data.relations import Place

ROW = "\0row"
"""The name of a column with the rows' numbers."""


def located(table: Table, column: Column, found: ColumnProfile) -> ColumnProfile:
    """The profile with the place of the first row that breaks each rule of the column."""
    broken = {name: rule for name in RULES if (rule := getattr(found, name)) is not None}
    if not broken:
        return found
    rules = dict(column.unlike_rule)
    return found.model_copy(
        update={name: _with_place(table, rules[name], rule) for name, rule in broken.items()}
    )


def _with_place(table: Table, wrong: pl.Expr, broken: Violation) -> Violation:
    rows = table.scan().with_row_index(ROW).filter(wrong).select(pl.col(ROW).min())
    number = table.collect(rows).item()
    return broken if number is None else broken.model_copy(update={"first": place_of(table, number)})


def place_of(table: Table, number: int) -> Place:
    """The place of a row by its number in the whole table, from 0."""
    for file, rows in zip(table.files, table.file_rows, strict=True):
        if number < rows:
            name = shown_name(file, table.files)
            return Place(file=name, row=number + 1, line=_line(table, file, number))
        number -= rows
    raise AssertionError("the row is in none of the files")


def _line(table: Table, file: Path, number: int) -> int | None:
    if table.format == "jsonl":
        return next(itertools.islice(json_records(file), number, None))[0]
    if table.format != "csv":
        return None
    if not has_quotes(file):
        return number + 2
    return next(lines_of_records(file, number + 1, table.separator))
