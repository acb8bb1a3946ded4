"""Columns of CSV and JSON lines that nobody declared and that are read as something else than was meant.

That is text, for one stray word among numbers or for numbers as people write them, or floats, for identifiers
of many digits.

The profile tells which columns to look at; only those are read once more. Where it holds no values of a
column (sensitive ones, or without ``data.distributions``), its first rows tell.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import polars as pl

from ml_stages.checks.check import of_rows
from ml_stages.config.data import DataConfig
from ml_stages.data.measure import MASKED
from ml_stages.data.place import ROW, place_of
from ml_stages.data.profile import ColumnProfile, Profile
from ml_stages.data.read import Table
from ml_stages.data.relations import Place
from ml_stages.data.stream import EXAMPLES
from ml_stages.data.types import parse
from ml_stages.evidence import Finding

_NEARLY_ALL = 0.95
"""Share of numbers among the values of a column of texts from which the others are likely strays."""
_SUSPECT = 0.9
"""The same share, of what is known, from which a column is read once more."""
_SUSPECT_VALUES = 0.5
"""The same, of the different values."""
_FIRST_ROWS = 10_000
_LOOKED_AT = 100
"""Most frequent values of which one begins like a number, where nearly all do."""
_NUMBER = re.compile(r"[+-]?[$€£¥]?\s?\.?[0-9]|[+-]?(?:inf|nan)", re.IGNORECASE)
PEOPLES = {
    "thousands-separators": r"^[+-]?[1-9][0-9]{0,2}(?:[ ,'\x{a0}\x{202f}][0-9]{3})+(?:\.[0-9]+)?$",
    "decimal-commas": r"^[+-]?(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+),[0-9]+$",
    "percent-signs": r"^[+-]?[0-9][0-9.,]*\s?%$",
    "currency-signs": r"^[+-]?(?:[$€£¥]\s?[0-9][0-9.,]*|[0-9][0-9.,]*\s?[$€£¥])$",
}
"""How people write numbers that no reader of CSV takes for such, by the rule that says so.

The first that fits is said: `1,234` in all rows is more likely a thousand.
"""
HOW_TO_WRITE = "write numbers with a point and no other mark"
_UNQUOTE = 'store no value as an empty field without quotes (in JSON as null): "" is an empty text'
_INT64 = 2.0**63
_DIGITS = r"^[+-]?[0-9]+$"


def misread_findings(table: Table, profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """No column of CSV or JSON lines without a declared type is read as something else than was meant.

    Numbers as people write them and stray words among numbers are warnings, integers beyond 64 bits errors.

    Rules: `thousands-separators`, `decimal-commas`, `percent-signs`, `currency-signs`, `stray-words`, `type`.

    Set by: `columns.NAME.type`, `null_values`.
    """
    if table.format not in {"csv", "jsonl"}:
        return
    for column in profile.columns:
        rule = config.rule_of(column.name)
        if rule.type is not None or column.name in table.partitions.values:
            continue
        if column.unsupported is not None:  # lists, integers of 128 bits: told by their type
            continue
        is_feature = config.is_feature(column.name)
        if not (is_feature or column.name == config.label) or column.nulls == profile.rows:
            continue
        if column.type == "string":
            yield from _of_texts(table, column, profile.rows, masked=rule.sensitive, is_feature=is_feature)
        lost = column.type == "float" and max(abs(column.min or 0), abs(column.max or 0)) >= _INT64
        if is_feature and lost and table.format == "csv":
            yield from _lost_digits(table, column, profile.rows, masked=rule.sensitive)


def _of_texts(
    table: Table, column: ColumnProfile, rows: int, *, masked: bool, is_feature: bool
) -> Iterator[Finding]:
    known, is_complete = _known_texts(table, column)
    if rule := next((rule for rule, writing in PEOPLES.items() if _is_written_so(known, writing)), None):
        yield from _as_people_write(rule, table, column, rows, masked=masked)
    elif is_feature and _is_suspect(known, is_complete=is_complete):
        yield from _strays(table, column, rows, masked=masked)


def _known_texts(table: Table, column: ColumnProfile) -> tuple[pl.DataFrame, bool]:
    """Values with the number of their rows, where they may be numbers; and whether these are all values."""
    values = column.distribution.values if column.distribution else None
    if values is None or column.sensitive:
        first = table.head(_FIRST_ROWS, [column.name]).drop_nulls()
        return first.group_by(pl.col(column.name).alias("text")).agg(pl.len().alias("rows")), False
    if not any(map(_NUMBER.match, itertools.islice(values.counts, _LOOKED_AT))):
        # As of nearly every column of texts: the table may have thousands.
        return pl.DataFrame(schema={"text": pl.String, "rows": pl.UInt32}), True
    counts = {"text": [*values.counts], "rows": [*values.counts.values()]}
    return pl.DataFrame(counts), values.complete


def _is_suspect(known: pl.DataFrame, *, is_complete: bool) -> bool:
    """Whether nearly all values may be numbers, by those that are known; an empty text says neither."""
    known = known.filter(pl.col("text") != "")
    is_number = parse(pl.col("text"), "float").is_not_null()
    numbers = known.filter(is_number)
    if numbers.is_empty():
        return False
    if int(numbers["rows"].sum()) >= _SUSPECT * int(known["rows"].sum()):
        return True
    # A stray may be frequent, each number rare, and few of them known.
    return not is_complete and numbers.height >= _SUSPECT_VALUES * known.height


def _is_written_so(known: pl.DataFrame, writing: str) -> bool:
    """Whether the values are numbers, some of them in this writing, as far as they are known."""
    written = pl.col("text").str.contains(writing)
    is_number = written | parse(pl.col("text"), "float").is_not_null()
    rows, so, numbers = known.select(
        pl.col("rows").sum(),
        so=pl.col("rows").filter(written).sum(),
        numbers=pl.col("rows").filter(is_number).sum(),
    ).row(0)
    return bool(so > (1 - _NEARLY_ALL) * rows and numbers >= _NEARLY_ALL * rows)


def _as_people_write(
    rule: str, table: Table, column: ColumnProfile, rows: int, *, masked: bool
) -> Iterator[Finding]:
    name, written = column.name, pl.col(column.name).str.contains(PEOPLES[rule])
    place, shown = _first(table, name, written, masked=masked)
    count = table.collect(table.scan().select(written.sum())).item()
    yield Finding(
        rule=rule,
        severity="warning",
        column=name,
        message=f"{name}: is text for the {rule.replace('-', ' ')} of {of_rows(count, rows)},"
        f" e.g. {shown[0]!r}, first in {place}; {HOW_TO_WRITE}, or declare"
        ' type = "string" if they are meant as text',
        file=place.file,
        line=place.line,
        count=count,
        share=count / rows,
        examples=shown,
    )


def _first(table: Table, name: str, wrong: pl.Expr, *, masked: bool) -> tuple[Place, list[str]]:
    """Where the first wrong value stands, and the first few of them."""
    first = table.collect(table.scan().with_row_index(ROW).filter(wrong).select(ROW, name).head(EXAMPLES))
    return place_of(table, first[ROW][0]), [MASKED] * len(first) if masked else first[name].to_list()


def _strays(table: Table, column: ColumnProfile, rows: int, *, masked: bool) -> Iterator[Finding]:
    name, there = column.name, rows - column.nulls
    stray = pl.col(name).is_not_null() & parse(pl.col(name), "float").is_null()
    asked = {"strays": stray.sum(), "empty": (pl.col(name) == "").sum()}
    count, empty = table.collect(table.scan().select(**asked)).row(0)
    # Where every field is in quotes, so are those without a value: they may be many.
    if not count or count - empty > (1 - _NEARLY_ALL) * (there - empty):
        return
    found = table.collect(table.scan().with_row_index(ROW).filter(stray).select(ROW, name))
    first = found.sort(ROW).unique(name, keep="first", maintain_order=True).head(EXAMPLES)
    places = [place_of(table, number) for number in first[ROW]]
    shown = [MASKED] * len(first) if masked else first[name].to_list()
    told = "; ".join(f"{text!r} in {place}" for text, place in zip(shown, places, strict=True))
    remedy = _UNQUOTE if count == empty else "correct them, name them in data.null_values"
    yield Finding(
        rule="stray-words",
        severity="warning",
        column=name,
        message=f"{name}: is text for {of_rows(count, rows)} that are no numbers, as all others are"
        f' ({told}); {remedy}, or declare its type: "float" to have'
        ' them found, "string" if it is meant as text',
        file=places[0].file,
        line=places[0].line,
        count=count,
        share=count / rows,
        examples=shown,
    )


def _lost_digits(table: Table, column: ColumnProfile, rows: int, *, masked: bool) -> Iterator[Finding]:
    """Where every value is written as a whole number, some lose digits: those that do not fit 64 bits."""
    name = column.name
    text = pl.col(name)
    is_long = text.is_not_null() & text.cast(pl.Int64(), strict=False).is_null()
    asked = {"others": (~text.str.contains(_DIGITS)).sum(), "long": is_long.sum()}
    others, count = table.collect(table.scan().select(**asked)).row(0)
    if others or not count:
        return
    place, shown = _first(table, name, is_long, masked=masked)
    yield Finding(
        rule="type",
        column=name,
        message=f"{name}: {of_rows(count, rows)} are integers beyond 64 bits, e.g. {shown[0]!r}, first in"
        f' {place}; read as floats they lose digits: declare type = "string" for identifiers,'
        ' "float" where 16 digits are enough, or feature = false',
        file=place.file,
        line=place.line,
        expected=_INT64,
        count=count,
        share=count / rows,
        examples=shown,
    )
