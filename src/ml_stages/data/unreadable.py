"""What is said of a table whose files cannot be read: which one it is, where in it, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from ml_stages.data.csv_lines import line_fault
from ml_stages.data.files import shown_fault, shown_name
from ml_stages.data.foreign import other_format
from ml_stages.data.json_lines import json_fault
from ml_stages.errors import DataError

if TYPE_CHECKING:
    from ml_stages.data.read import Table

_UNKNOWN_TYPES = ("not yet implemented", "Int256", "precision must be", "can't decode Decimal128")
"""What Polars says of types that it does not have, such as decimals of 256 bits."""


@contextmanager
def readable(table: Table) -> Iterator[None]:
    """Raise :class:`DataError` for what keeps Polars from reading the table."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise DataError(_fault(table, error)) from None


def _fault(table: Table, error: BaseException) -> str:
    for file in table.files:
        if fault := _fault_of(table, file):
            return shown_fault(fault, file, table.files)
    names = ", ".join(shown_name(file, table.files) for file in table.files[:3])
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{names}: not readable as {table.format}: {_in_plain_words(lines[0])}"


def _in_plain_words(what: str) -> str:
    """What a file holds that Polars reads in no column, where its words are about its own insides."""
    if zone := re.search(r"unable to parse time zone: '([^']*)'", what):
        return (
            f"it holds times of the zone {zone[1]!r}, which is no name of a zone (Europe/Berlin, UTC);"
            ' convert them to UTC, in pandas by `table[column].dt.tz_convert("UTC")`'
        )
    if any(sign in what for sign in _UNKNOWN_TYPES):
        return "it holds a column of a type that cannot be read here; write it as plain numbers or texts"
    # What a thread of Polars broke off with, without the frames around it.
    inner = re.search(r'Panic\(Id\(\d+\), "(.*?)(?:\\n|")', what)
    return inner[1] if inner else what


def _fault_of(table: Table, file: Path) -> str | None:
    if table.format == "csv":
        return None if table.types else line_fault(file, len(table.header), table.separator)
    if not file.stat().st_size:
        return f"{file.name} is empty; expected a table"
    if table.format == "jsonl":
        return json_fault(file)
    return other_format(file, table.format)
