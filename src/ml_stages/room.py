"""A disk without room: how it is noticed, and what is told of it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Why a file cannot be written whole; the last one is a limit of the shell (`ulimit -f`)."""
_SAID = tuple(os.strerror(number) for number in _NO_ROOM)
_LITTLE = 1_000_000
"""Bytes that may be free on a disk that was full a moment ago."""


def lacks_room(error: OSError) -> bool:
    """Whether a file could not be written for want of room; Polars gives the words without the number."""
    return error.errno in _NO_ROOM or _is_said(str(error))


def told_of_room(cache: Path, said: Iterable[str] = ()) -> str:
    """How much is free where stages write, as the end of a message; empty where room was not wanting.

    ``said`` are lines of what failed: they may be about another disk.
    """
    free = [(shutil.disk_usage(folder).free, folder, variable) for folder, variable in _places(cache)]
    if min(free)[0] >= _LITTLE and not any(map(_is_said, said)):
        return ""
    there = " and ".join(f"{left / 1e6:,.0f} MB free in {folder} ({name})" for left, folder, name in free)
    return f"; there are {there}: make room, or name another folder in the variable"


def _places(cache: Path) -> Iterator[tuple[Path, str]]:
    yield cache, "ML_PIPELINE_CACHE"
    # `tempfile` finds a folder by writing there, which a full disk does not take.
    temporary = Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108
    if temporary.is_dir():
        yield temporary, "TMPDIR"


def _is_said(line: str) -> bool:
    return any(words in line for words in _SAID)
