"""Which JSON lines must be looked at one by one: those with other fields than the first, or odd texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]

_BLOCK = 1 << 22
_QUOTE, _COLON, _NEWLINE, _SPACE, _TAB = b'":\n \t'
_HALVES = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)")
"""A character in two escaped halves (surrogates); as a group a half that is alone."""


def doubtful_lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers, but for those that have the first one's fields in its order.

    The first is always among them: whoever finds no field twice in it need not look at those like it.
    """
    names: list[bytes] | None = None
    before = 0
    for block in _blocks(file):
        count = block.count(b"\n")
        doubtful = _doubtful(block, names) if names else range(count)
        lines = block.split(b"\n") if len(doubtful) else []
        for number in doubtful:
            yield before + int(number) + 1, lines[number]
        names = names if before else _names_of(block)
        before += count


def _blocks(file: Path) -> Iterator[bytes]:
    """Pieces of whole lines, each ended; the first line by itself."""
    with file.open("rb") as stream:
        yield stream.readline().rstrip(b"\n") + b"\n"
        rest = b""
        while block := stream.read(_BLOCK):
            lines, newline, rest = (rest + block).rpartition(b"\n")
            yield lines + newline
        if rest:
            yield rest + b"\n"


def _names_of(line: bytes) -> list[bytes]:
    """The fields' names as they are written; none where they are not plain enough to be compared."""
    found = _fields(line)
    names = [line[start:end] for start, end in zip(*found, strict=True)] if found else []
    return [] if any(b"\\" in name or not name for name in names) else names


def _fields(block: bytes) -> tuple[Places, Places] | None:
    """Where each field's name begins and ends; nothing where that is not plain to see."""
    content = _without_escapes(block)
    quotes = np.flatnonzero(content == _QUOTE)
    if len(quotes) % 2:
        return None
    opening, closing = quotes[::2], quotes[1::2]
    follows = content[closing + 1]
    if ((follows == _SPACE) | (follows == _TAB)).any():
        return None
    is_name = follows == _COLON
    return opening[is_name] + 1, closing[is_name]


def _without_escapes(block: bytes) -> NDArray[np.uint8]:
    """Of the same length, without backslashes before quotes."""
    plain = block.replace(rb"\\", b"__").replace(rb"\"", b"__") if b"\\" in block else block
    return np.frombuffer(plain, dtype=np.uint8)


def _doubtful(block: bytes, names: list[bytes]) -> Any:
    """The numbers of the lines, from 0."""
    ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == _NEWLINE)
    found = _fields(block)
    if found is None:
        return range(len(ends))
    starts, stops = found
    fields = np.diff(np.searchsorted(starts, ends), prepend=0)
    is_alike = fields == len(names)
    chosen = np.repeat(is_alike, fields)
    content = np.frombuffer(block, dtype=np.uint8)
    is_alike[is_alike] = _named(content, starts[chosen], stops[chosen], names)
    halves = [half.start() for half in _HALVES.finditer(block) if half[1]] if b"\\u" in block else []
    is_alike[np.searchsorted(ends, halves)] = False
    return np.flatnonzero(~is_alike)


def _named(
    content: NDArray[np.uint8], starts: Places, stops: Places, names: list[bytes]
) -> NDArray[np.bool_]:
    """Which rows of so many names have these ones."""
    begins, ends = starts.reshape(-1, len(names)), stops.reshape(-1, len(names))
    lengths = np.array([len(name) for name in names])
    same: NDArray[np.bool_] = (ends - begins == lengths).all(axis=1)
    begins = begins[same]
    alike = np.ones(len(begins), dtype=np.bool_)
    for i, name in enumerate(names if len(begins) else []):
        written = np.lib.stride_tricks.sliding_window_view(content, len(name))[begins[:, i]]
        alike &= written.view(f"S{len(name)}").ravel() == name
    same[same] = alike
    return same
