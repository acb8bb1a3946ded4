"""Environments that are kept, and those that are dropped."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from ml_stages.host.environment import Environments

MONTH_AGO = time.time() - 31 * 24 * 3600


def _environments(root: Path) -> Environments:
    return Environments(root, root / "log", print)


def _installed(root: Path, name: str, *, used: float, complete: bool = True) -> Path:
    folder = root / "environments" / name
    (folder / "lib").mkdir(parents=True)
    folder.with_suffix(".lock").touch()
    if complete:
        (folder / "complete").touch()
        os.utime(folder / "complete", (used, used))
    os.utime(folder, (used, used))
    return folder


def test_environments_that_nobody_used_for_a_month_are_dropped(tmp_path: Path) -> None:
    """If this fails, every new lock leaves gigabytes on the disk for ever, or what is in use is deleted."""
    old = _installed(tmp_path, "old", used=MONTH_AGO)
    broken = _installed(tmp_path, "broken", used=MONTH_AGO, complete=False)
    new = _installed(tmp_path, "new", used=time.time())
    os.utime(new, (MONTH_AGO, MONTH_AGO))  # installed long ago, and used since
    _environments(tmp_path).drop_unused()
    assert (old.exists(), broken.exists(), new.exists()) == (False, False, True)


def test_an_environment_that_is_being_installed_again_stays(tmp_path: Path) -> None:
    """If this fails, one run deletes what another is about to use."""
    old = _installed(tmp_path, "old", used=MONTH_AGO)
    with old.with_suffix(".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        _environments(tmp_path).drop_unused()
        assert (old / "complete").is_file()
    _environments(tmp_path).drop_unused()
    assert not old.exists()
