"""Environments that are kept, and those that are dropped."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import anyio
import pytest

from ml_stages.config.sections import EnvironmentConfig
from ml_stages.errors import StageError
from ml_stages.host.environment import Environments, is_changed, own_interpreter

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


def test_a_lock_that_cannot_be_installed_is_tried_and_told_once(tmp_path: Path) -> None:
    """If this fails, lint, test and train each try it, and the reason comes after what uv did before."""
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"apples @ {(tmp_path / 'apples').as_uri()}\n", encoding="utf-8")
    notes: list[str] = []
    environments = Environments(tmp_path, tmp_path / "log.txt", notes.append)
    told = []
    for _ in range(3):
        with pytest.raises(StageError) as raised:
            anyio.run(environments.locked, lock, None, EnvironmentConfig())
        told.append(str(raised.value))
    assert len(notes) == 1
    assert told[0].startswith("requirements.lock could not be installed for Python 3.")
    assert "uv pip ended with status 1:\nerror: " in told[0]
    again = f"requirements.lock could not be installed: the reason is in {tmp_path.name}/log.txt"
    assert told[1:] == [again, again]


def test_stages_see_neither_the_language_nor_the_place_of_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, times and texts are read otherwise on a laptop than in CI, and no key knows."""
    for name, value in (("TZ", "Asia/Tokyo"), ("LANG", "de_DE.ISO-8859-1"), ("LC_ALL", "C"), ("SIZE", "2")):
        monkeypatch.setenv(name, value)
    seen = own_interpreter().variables()
    assert (seen["TZ"], seen["LANG"]) == ("UTC", "C.UTF-8")
    assert not {"LC_ALL", "SIZE"} & seen.keys()
    chosen = own_interpreter().variables(["TZ", "SIZE"])
    assert (chosen["TZ"], chosen["SIZE"]) == ("Asia/Tokyo", "2")


def test_an_environment_whose_python_is_gone_is_made_again(tmp_path: Path) -> None:
    """If this fails, an upgrade of Python breaks every run until somebody finds and deletes the cache."""
    (tmp_path / "pins.lock").write_text("")
    environments = _environments(tmp_path)

    async def python() -> Path:
        made = await environments.locked(tmp_path / "pins.lock", None, EnvironmentConfig())
        return made.python

    first = anyio.run(python)
    first.unlink()
    first.symlink_to(tmp_path / "gone")
    assert anyio.run(python) == first
    assert first.exists()


def test_what_was_added_to_an_environment_is_not_kept(tmp_path: Path) -> None:
    """If this fails, what one training installed is there for later runs, and nowhere else."""
    (tmp_path / "pins.lock").write_text("")
    noted: list[str] = []
    environments = Environments(tmp_path, tmp_path / "log", noted.append)

    async def folder() -> Path:
        made = await environments.locked(tmp_path / "pins.lock", None, EnvironmentConfig())
        return made.python.parent.parent

    made = anyio.run(folder)
    (made / "complete").write_text("")  # as releases before left it
    assert anyio.run(folder) == made
    assert not is_changed(made)
    (packages,) = made.glob("lib/python*/site-packages")
    (packages / "__pycache__").mkdir(exist_ok=True)
    (packages / "__pycache__" / "cache.cpython-311.pyc").write_text("")
    assert not is_changed(made), "bytecode and caches are no other code"
    (packages / "extra.py").write_text("")
    assert is_changed(made)
    environments = Environments(tmp_path, tmp_path / "log", noted.append)  # of the next run
    assert anyio.run(folder) == made
    assert not (packages / "extra.py").exists()
    assert "installing pins.lock" in noted[-2]
    assert noted[-2].endswith("whose environment is not what was installed")
