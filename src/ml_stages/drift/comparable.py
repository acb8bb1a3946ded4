"""Whether the values of a column, which two profiles hold, have a distribution that could drift."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ml_stages.data.distribution import IDENTIFYING, Distribution
from ml_stages.data.periods import are_periods
from ml_stages.data.profile import ColumnProfile

_DIGIT = re.compile(r"\d")
"""What counts up has some, and becomes longer with time, in the midst of words too."""


def why_uncompared(was: ColumnProfile, rows: int, now: ColumnProfile, others: int) -> str:
    """Why a column's values are no distribution that could drift."""
    if empty := [side for side, there in _sides(was, rows, now, others) if not there]:
        return f"no row of the {' and of the '.join(empty)} has a value"
    if was.unsupported:
        return f"there is no comparison of {was.unsupported}"
    if _is_identifier(was, rows) and _is_identifier(now, others):
        return "nearly every row has a value of its own"
    return "times pass: later rows have later ones" if _are_times(was) and _are_times(now) else ""


def _sides(was: ColumnProfile, rows: int, now: ColumnProfile, others: int) -> Iterator[tuple[str, int]]:
    """Each side, and how many of its rows have a value."""
    yield "reference", present(was, rows)
    yield "current data", present(now, others)


def family(column: ColumnProfile) -> str:
    """What has to be the same on both sides: whole numbers and others are numbers, days and times times."""
    return column.unsupported or _family(column.type)


def type_of_values(column: ColumnProfile) -> str:
    """The type, by the name that a file gives it where no predictor can be given it."""
    return column.unsupported or column.type


def _family(kind: str) -> str:
    return {"int": "number", "float": "number", "date": "time", "datetime": "time"}.get(kind, kind)


def present(column: ColumnProfile, rows: int) -> int:
    """Rows with a value: neither null nor NaN."""
    return rows - column.nulls - column.nan


def _is_identifier(column: ColumnProfile, rows: int) -> bool:
    """Whether nearly every row has a value of its own, as in a key: such values never repeat later.

    Of integers only those that count up without many gaps; else amounts of money would be taken for it. Of
    texts those that are no sentences, of which the lengths are compared: a counter's grow by themselves.
    """
    there, values = column.distribution, max(1, present(column, rows))
    if there is None or there.distinct <= IDENTIFYING * values:
        return False
    if column.type == "int" and column.min is not None and column.max is not None:
        return column.max - column.min < 5 * values
    return column.type == "string" and not _are_sentences(there)


def _are_times(column: ColumnProfile) -> bool:
    """Whether it holds times, or periods written as texts, such as the `2026-08` of a folder of data."""
    if column.type in {"date", "datetime"}:
        return True
    values = column.distribution and column.distribution.values
    return column.type == "string" and bool(values and values.counts and are_periods(values.counts))


def _are_sentences(texts: Distribution) -> bool:
    """Whether most texts are words without a digit; of masked ones nobody knows."""
    if texts.values is None:
        return False
    sentences = sum(" " in text.strip() and not _DIGIT.search(text) for text in texts.values.counts)
    return sentences > len(texts.values.counts) / 2
