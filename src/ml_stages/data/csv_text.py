"""What a CSV file's text holds that a fast reader passes over, found in one look at every byte."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml_stages.side_by_side import each

_BLOCK = 1 << 20
"""Stays in the cache; over smaller ones, two threads wait for Python's lock as long as they look."""
_QUOTES_BLOCK = 1 << 18
"""Of which also the places of quotes stay in the cache: a quarter of the time."""
_PART = 1 << 25
"""Bytes that are worth a thread."""
_QUOTE, _NEWLINE, _RETURN, _SPACE, _TAB = b'"\n\r \t'

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Quotes:
    """Whether each stands around a field, or doubled, for a text that begins outside of quotes, or within."""

    odd: bool = False
    """Whether their number is."""
    fit_outside: bool = True
    fit_within: bool = True

    def __add__(self, other: Quotes) -> Quotes:
        outside, within = other.fit_outside, other.fit_within
        if self.odd:
            outside, within = within, outside
        return Quotes(self.odd != other.odd, self.fit_outside and outside, self.fit_within and within)


@dataclass(frozen=True)
class Look:
    """What was seen of a text."""

    newlines: int = 0
    quotes: bool = False
    doubled_quotes: bool = False
    """Whether a quote follows another one, as around nothing."""
    places: Quotes = Quotes()
    """Where quotes stand."""
    lone_returns: bool = False
    """Whether a carriage return stands before anything else than a line feed."""
    reads_alike: bool = True
    """Whether Polars reads numbers just as it casts their texts.

    It passes over blanks before a number; a text that begins with a blank is no number.
    """

    def __add__(self, other: Look) -> Look:
        return Look(
            self.newlines + other.newlines,
            self.quotes or other.quotes,
            self.doubled_quotes or other.doubled_quotes,
            self.places + other.places,
            self.lone_returns or other.lone_returns,
            self.reads_alike and other.reads_alike,
        )


def look_at(file: Path, separator: str) -> Look:
    """All that is asked of the text at once, by two threads; of a file that is as it was, only once."""
    found = file.stat()
    return _look_at(file, separator, found.st_size, found.st_mtime_ns)


@functools.lru_cache(maxsize=10_000)
def _look_at(file: Path, separator: str, size: int, _changed: int) -> Look:
    look = functools.partial(_look_at_part, file, separator)
    return sum(each(look, range(0, size + 1, _PART)), Look())


def rows_of(file: Path, look: Look) -> int | None:
    """Rows below the header as Polars counts them, blank lines too; ``None`` where quotes may join lines."""
    if look.quotes or not (size := file.stat().st_size):
        return None
    with file.open("rb") as stream:
        stream.seek(size - 1)
        return look.newlines - (stream.read() == b"\n")


def _look_at_part(file: Path, separator: str, start: int) -> Look:
    """From a byte on, at ``_PART`` bytes."""
    seen, end = Look(), min(start + _PART, file.stat().st_size)
    with file.open("rb") as stream:
        before = _byte_before(stream.fileno(), start)
        stream.seek(start)
        for place in range(start, end, _BLOCK):
            if not (block := stream.read(min(_BLOCK, end - place))):
                break
            seen += _look_at_block(block, before, separator)
            before = block[-1]
    # What follows the last byte is seen with the next part, if there is one.
    return seen + Look(lone_returns=end < start + _PART and before == _RETURN)


def _byte_before(descriptor: int, start: int) -> int:
    return os.pread(descriptor, 1, start - 1)[0] if start else _NEWLINE


def _look_at_block(block: bytes, before: int, separator: str) -> Look:
    content = np.frombuffer(block, dtype=np.uint8)
    quotes = b'"' in block
    newlines = content == _NEWLINE
    doubled, places = _quotes(content, before, separator) if quotes or before == _QUOTE else (False, Quotes())
    return Look(
        newlines=int(np.count_nonzero(newlines)),
        quotes=quotes,
        doubled_quotes=doubled,
        places=places,
        lone_returns=(before == _RETURN or b"\r" in block)
        and bool(((_earlier(content, before) == _RETURN) & ~newlines).any()),
        reads_alike=not (
            (b" " in block or b"\t" in block) and _begins_blank(content, _earlier(content, before), separator)
        ),
    )


def _quotes(content: Bytes, before: int, separator: str) -> tuple[bool, Quotes]:
    """Whether quotes follow one another, and where they stand; what follows the last byte is seen later."""
    before_field, after_field = _among(separator + '\n"'), _among(separator + '\n\r"')
    doubled, found = False, Quotes()
    for start in range(0, len(content), _QUOTES_BLOCK):
        piece = content[start : start + _QUOTES_BLOCK]
        framed = np.concatenate([[np.uint8(before)], piece, [np.uint8(_NEWLINE)]])
        at = np.flatnonzero(piece == _QUOTE)
        earlier = framed.take(at)
        opening, closing = before_field.take(earlier), after_field.take(framed[2:].take(at))
        closed = before != _QUOTE or after_field[piece[0]]
        doubled |= bool((earlier == _QUOTE).any())
        found += Quotes(
            odd=len(at) % 2 == 1,
            fit_outside=bool(closed and opening[::2].all() and closing[1::2].all()),
            fit_within=bool(opening[1::2].all() and closing[::2].all()),
        )
        before = piece[-1]
    return doubled, found


@functools.cache
def _among(letters: str) -> NDArray[np.bool_]:
    """By the byte, whether it is one of these."""
    return np.isin(np.arange(256), list(letters.encode()))


def _earlier(content: Bytes, before: int) -> Bytes:
    """Of each byte the one before it."""
    return np.concatenate([np.array([before], dtype=np.uint8), content[:-1]])


def _begins_blank(content: Bytes, earlier: Bytes, separator: str) -> bool:
    """Whether a field begins with a blank."""
    blank, quoted = (content == _SPACE) | (content == _TAB), earlier == _QUOTE
    if separator == "\t":
        blank &= (content == _SPACE) | quoted
    begins = (earlier == ord(separator)) | (earlier == _NEWLINE) | quoted
    return bool((blank & begins).any())
