"""A disk without room, as far as it can be told without one."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from ml_stages.room import lacks_room, told_of_room


class Usage(NamedTuple):
    """As ``shutil.disk_usage`` gives it."""

    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), True),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "/cache/file"), True),
        (OSError("No space left on device (os error 28)"), True),  # as Polars says it
        (OSError(errno.EACCES, os.strerror(errno.EACCES)), False),
    ],
)
def test_a_full_disk_is_told_from_other_faults(error: OSError, *, lacks: bool) -> None:
    """If this fails, a full disk ends in a traceback, or a fault of ours is taken for one."""
    assert lacks_room(error) is lacks


@pytest.mark.parametrize(
    ("free", "said", "told"),
    [
        (10**9, [], False),
        (10**9, ["the training said no"], False),
        (10**9, ["OSError: [Errno 28] No space left on device: '/other/file'"], True),
        (4096, ["the training said no"], True),
    ],
)
def test_room_is_told_where_it_was_wanting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, said: list[str], *, told: bool
) -> None:
    """If this fails, every failure talks of disks, or a full one is not named."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**10, 10**10 - free, free))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    words = f"; there are {free / 1e6:,.0f} MB free in /c (ML_PIPELINE_CACHE) and "
    assert told_of_room(Path("/c"), said).startswith(words) is told
    assert bool(told_of_room(Path("/c"), said)) is told


def test_a_folder_for_temporary_files_that_is_not_there_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a stage that failed for another reason ends in a traceback of ours."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "gone"))
    said = told_of_room(tmp_path, [os.strerror(errno.ENOSPC)])
    assert "TMPDIR" not in said
    assert str(tmp_path) in said
