"""Read times that are all written alike ten times as fast as a general parser does."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
import polars as pl

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]
Parts = np.ndarray[Any, np.dtype[np.int32]]

_SEPARATORS = {4: "-", 7: "-", 13: ":", 16: ":"}
_WHOLE_SECONDS, _MICROSECONDS = 19, 26
_PIECE = 32_768
"""Texts that are read together: what is computed of them stays in the processor's cache."""


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
    letters = texts.cast(pl.Binary).bin.reinterpret(dtype=pl.Array(pl.UInt8, width)).to_numpy()
    for start in range(0, len(texts), _PIECE):
        part = _of_piece(np.array(letters[start : start + _PIECE].T, order="C"))
        if part is None:
            return None
        found[start : start + _PIECE] = part
    return found


def _of_piece(letters: Bytes) -> Numbers | None:
    """``letters`` are by their place in the texts, then by the text; they are changed."""
    if not _is_written_so(letters):
        return None
    letters -= np.uint8(ord("0"))
    century, year, month, day, hour, minute, second = (_pair(letters, at) for at in (0, 2, 5, 8, 11, 14, 17))
    if hour.max() > 23 or minute.max() > 59 or second.max() > 59 or not 1 <= month.min() <= month.max() <= 12:
        return None
    starts, lengths = _months()
    months = (century.astype(np.int32) * 100 + year) * 12 + month - 1
    if months.min() < 12 or day.min() < 1 or (day > lengths.take(months)).any():
        return None
    seconds = (hour.astype(np.int32) * 60 + minute) * 60 + second
    microseconds: Numbers = seconds.astype(np.int64)
    microseconds += (starts.take(months) + day) * np.int64(86_400)
    microseconds *= 1_000_000
    return microseconds + _fraction(letters)


def _is_written_so(letters: Bytes) -> bool:
    """Whether separators and digits stand where they belong."""
    marks = _SEPARATORS | ({_WHOLE_SECONDS: "."} if len(letters) > _WHOLE_SECONDS else {})
    marks[10] = "T" if letters[10, 0] == ord("T") else " "
    places = [-1, *sorted(marks), len(letters)]
    digits = (letters[before + 1 : after] for before, after in itertools.pairwise(places))
    return all(_are_all(letters[place], mark, mark) for place, mark in marks.items()) and all(
        _are_all(some, "0", "9") for some in digits if len(some)
    )


def _are_all(letters: Bytes, low: str, high: str) -> bool:
    return bool(letters.min() >= ord(low) and letters.max() <= ord(high))


def _pair(digits: Bytes, at: int) -> Bytes:
    """A number of two digits."""
    pair: Bytes = digits[at] * np.uint8(10) + digits[at + 1]
    return pair


def _fraction(digits: Bytes) -> Parts:
    """Microseconds."""
    width, fraction = len(digits), np.zeros(digits.shape[1], dtype=np.int32)
    for place in range(_WHOLE_SECONDS + 1, width):
        fraction *= 10
        fraction += digits[place]
    fraction *= 10 ** (_MICROSECONDS - max(width, _WHOLE_SECONDS + 1))
    return fraction


@functools.cache
def _months() -> tuple[Parts, Bytes]:
    """Of every month since January of year 0: the day before its first one, from 1970 on, and its length."""
    first = np.arange("0000-01", "10000-01", dtype="datetime64[M]")
    days = np.append(first, first[-1] + 1).astype("datetime64[D]").astype(np.int32)
    return days[:-1] - 1, np.diff(days).astype(np.uint8)
