"""Read times that are all written alike ten times as fast as a general parser does."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]
Parts = np.ndarray[Any, np.dtype[np.int32]]

_SEPARATORS = {4: "-", 7: "-", 13: ":", 16: ":"}
_WHOLE_SECONDS, _MICROSECONDS = 19, 26
_DAY = 86_400_000_000
_PIECE = 32_768
"""Texts that are read together: what is computed of them stays in the processor's cache."""
_LENGTHS = np.array([[0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]] * 2, dtype=np.int64)
_LENGTHS[1, 2] = 29


def alike(texts: pl.Series) -> pl.Series | None:
    """``YYYY-MM-DDThh:mm:ss[.f]`` (or with a space) as times; ``None`` where any text is not exactly that.

    Years from 1, up to six digits of a second, no leap seconds: all else is left to the general parser.
    """
    there = texts.drop_nulls()
    width = there.str.len_bytes()
    if there.is_empty() or width.min() != width.max():
        return None
    found = _microseconds(there, int(width[0]))
    if found is None:
        return None
    times = pl.Series(texts.name, found).cast(pl.Datetime("us"))
    if not texts.null_count():
        return times
    places = texts.is_not_null().to_numpy().cumsum() - 1
    filled = pl.DataFrame({"text": texts, "time": times[np.maximum(places, 0)]})
    return filled.select(pl.when(pl.col("text").is_not_null()).then("time").alias(texts.name)).to_series()


def _microseconds(texts: pl.Series, width: int) -> Numbers | None:
    """Since 1970."""
    if width != _WHOLE_SECONDS and not _WHOLE_SECONDS + 1 < width <= _MICROSECONDS:
        return None
    found = np.empty(len(texts), dtype=np.int64)
    for start in range(0, len(texts), _PIECE):
        part = _of_piece(texts[start : start + _PIECE], width)
        if part is None:
            return None
        found[start : start + _PIECE] = part
    return found


def _of_piece(texts: pl.Series, width: int) -> Numbers | None:
    content = np.frombuffer(texts.str.join("").item().encode(), dtype=np.uint8)
    letters: Bytes = np.ascontiguousarray(content.reshape(len(texts), width).T)
    digits = letters - np.uint8(ord("0"))
    if not _is_written_so(letters, digits):
        return None
    year, month, day = _number(digits, 0, 4), _number(digits, 5, 7), _number(digits, 8, 10)
    hour, minute, second = (_number(digits, start, start + 2) for start in (11, 14, 17))
    limits = ((year, 1, 9999), (month, 1, 12), (day, 1, 31), (hour, 0, 23), (minute, 0, 59), (second, 0, 59))
    if not all(numbers.min() >= low and numbers.max() <= high for numbers, low, high in limits):
        return None
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    if (day > _LENGTHS[leap.view(np.int8), month]).any():
        return None
    seconds = ((hour * 60 + minute) * 60 + second).astype(np.int64)
    within: Numbers = seconds * 1_000_000 + _fraction(digits, width)
    return _days(year, month, day) * _DAY + within


def _is_written_so(letters: Bytes, digits: Bytes) -> bool:
    """Whether separators and digits stand where they belong."""
    marks = _SEPARATORS | ({_WHOLE_SECONDS: "."} if len(letters) > _WHOLE_SECONDS else {})
    middle = letters[10, 0]
    return (
        middle in (ord("T"), ord(" "))
        and bool((letters[10] == middle).all())
        and all((letters[place] == ord(mark)).all() for place, mark in marks.items())
        and all((row <= 9).all() for place, row in enumerate(digits) if place != 10 and place not in marks)
    )


def _number(digits: Bytes, start: int, end: int) -> Parts:
    total: Parts = digits[start].astype(np.int32)
    for place in range(start + 1, end):
        total = total * 10 + digits[place]
    return total


def _fraction(digits: Bytes, width: int) -> Parts | int:
    if width == _WHOLE_SECONDS:
        return 0
    fraction: Parts = _number(digits, _WHOLE_SECONDS + 1, width) * 10 ** (_MICROSECONDS - width)
    return fraction


def _days(year: Parts, month: Parts, day: Parts) -> Numbers:
    """Days since 1970 in the Gregorian calendar (Hinnant 2013, ``days_from_civil``)."""
    year = year - (month <= 2)
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days: Parts = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    found: Numbers = days.astype(np.int64)
    return found
