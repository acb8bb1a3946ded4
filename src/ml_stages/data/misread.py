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
from dataclasses import dataclass

import polars as pl

from ml_stages.checks.check import of_rows
from ml_stages.config.data import DataConfig
from ml_stages.data.first_rows import ROW, Wrong, first_rows
from ml_stages.data.measure import MASKED
from ml_stages.data.place import places_of
from ml_stages.data.profile import ColumnProfile, Profile
from ml_stages.data.read import Table
from ml_stages.data.relations import Place
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
_AS_NULL = 'write no value as null: "" is an empty text'
_INT64 = 2.0**63
_DIGITS = r"^[+-]?[0-9]+$"


_STRAYS, _LONG = "stray-words", "type"


@dataclass(frozen=True)
class _Suspect:
    """A column that may be read as something else than was meant, and by which rule that is said."""

    column: ColumnProfile
    rule: str
    masked: bool

    @property
    def wrong(self) -> pl.Expr:
        """The texts that were meant as something else."""
        text = pl.col(self.column.name)
        if self.rule == _STRAYS:
            return text.is_not_null() & parse(text, "float").is_null()
        if self.rule == _LONG:
            return text.is_not_null() & text.cast(pl.Int64(), strict=False).is_null()
        return text.str.contains(PEOPLES[self.rule])

    @property
    def other(self) -> pl.Expr:
        """Texts that say whether the wrong ones are to be told: those not of digits alone, or empty ones."""
        text = pl.col(self.column.name)
        return ~text.str.contains(_DIGITS) if self.rule == _LONG else text == ""

    def is_told(self, wrong: int, other: int, rows: int) -> bool:
        """Whether so many wrong and other texts tell that something else was meant."""
        if self.rule == _LONG:
            return wrong > 0 and not other
        if self.rule == _STRAYS:
            # Where every value of JSON is in quotes, so are those that lack: they may be many.
            there = rows - self.column.nulls - other
            return wrong > 0 and wrong - other <= (1 - _NEARLY_ALL) * there
        return True

    def finding(self, texts: list[str], places: list[Place], wrong: int, other: int, rows: int) -> Finding:
        """What is told of it; ``texts`` are the first wrong ones, as they may be shown."""
        name, among, first = self.column.name, of_rows(wrong, rows), f"{texts[0]!r}, first in {places[0]}"
        if self.rule == _STRAYS:
            told = "; ".join(f"{text!r} in {place}" for text, place in zip(texts, places, strict=True))
            remedy = _AS_NULL if wrong == other else "correct them, name them in data.null_values"
            message = (
                f"is text for {among} that are no numbers, as all others are ({told}); {remedy}, or declare"
                ' its type: "float" to have them found, "string" if it is meant as text'
            )
        elif self.rule == _LONG:
            message = (
                f"{among} are integers beyond 64 bits, e.g. {first}; read as floats they lose digits: declare"
                ' type = "string" for identifiers, "float" where 16 digits are enough, or feature = false'
            )
        else:
            message = (
                f"is text for the {self.rule.replace('-', ' ')} of {among}, e.g. {first}; {HOW_TO_WRITE}, or"
                ' declare type = "string" if they are meant as text'
            )
        return Finding(
            rule=self.rule,
            severity="error" if self.rule == _LONG else "warning",
            column=name,
            message=f"{name}: {message}",
            file=places[0].file,
            line=places[0].line,
            expected=_INT64 if self.rule == _LONG else None,
            count=wrong,
            share=wrong / rows,
            examples=texts,
        )


def misread_findings(table: Table, profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """No column of CSV or JSON lines without a declared type is read as something else than was meant.

    Numbers as people write them and stray words among numbers are warnings, integers beyond 64 bits errors.

    Rules: `thousands-separators`, `decimal-commas`, `percent-signs`, `currency-signs`, `stray-words`, `type`.

    Set by: `columns.NAME.type`, `null_values`.
    """
    if table.format not in {"csv", "jsonl"}:
        return
    suspects = [one for column in profile.columns for one in _suspects(table, column, profile.rows, config)]
    counts = _counts(table, suspects)
    told = {number: one for number, one in enumerate(suspects) if one.is_told(*counts[number], profile.rows)}
    wanted = {
        number: Wrong(one.wrong, [one.column.name], different=one.rule == _STRAYS)
        for number, one in told.items()
    }
    first = first_rows(table, table.scan().with_row_index(ROW), wanted) if wanted else {}
    places = places_of(table, {row for found in first.values() for row in found[ROW]})
    for number, found in first.items():
        one, name = told[number], told[number].column.name
        texts = [MASKED] * len(found) if one.masked else found[name].to_list()
        yield one.finding(texts, [places[row] for row in found[ROW]], *counts[number], profile.rows)


def _suspects(table: Table, column: ColumnProfile, rows: int, config: DataConfig) -> Iterator[_Suspect]:
    rule = config.rule_of(column.name)
    if rule.type is not None or column.name in table.partitions.values:
        return
    if column.unsupported is not None:  # lists, integers of 128 bits: told by their type
        return
    is_feature = config.is_feature(column.name)
    if not (is_feature or column.name == config.label) or column.nulls == rows:
        return
    if column.type == "string" and (said := _said_by_texts(table, column, is_feature=is_feature)):
        yield _Suspect(column, said, rule.sensitive)
    lost = column.type == "float" and max(abs(column.min or 0), abs(column.max or 0)) >= _INT64
    if is_feature and lost and table.format == "csv":
        yield _Suspect(column, _LONG, rule.sensitive)


def _said_by_texts(table: Table, column: ColumnProfile, *, is_feature: bool) -> str | None:
    known, is_complete = _known_texts(table, column)
    if rule := next((rule for rule, writing in PEOPLES.items() if _is_written_so(known, writing)), None):
        return rule
    return _STRAYS if is_feature and _is_suspect(known, is_complete=is_complete) else None


def _counts(table: Table, suspects: list[_Suspect]) -> list[tuple[int, int]]:
    """How many texts of each are wrong, and how many are others that tell."""
    if not suspects:
        return []
    wrong = {f"{number}.wrong": one.wrong.sum() for number, one in enumerate(suspects)}
    other = {f"{number}.other": one.other.sum() for number, one in enumerate(suspects)}
    found = table.collect(table.scan().select(**wrong, **other)).row(0)
    return list(zip(found[: len(suspects)], found[len(suspects) :], strict=True))


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
