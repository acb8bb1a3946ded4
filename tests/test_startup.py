"""How a process starts."""

from __future__ import annotations

import gc
import importlib
import os
import subprocess
import sys

import pytest

from ml_stages.startup import importing, keep_memory


def test_garbage_is_looked_for_again_after_the_imports() -> None:
    """Memory of a long command would never come back, least of all after an import that failed."""
    with importing():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ModuleNotFoundError), importing():
        importlib.import_module("no_such_module")
    assert gc.isenabled()
    gc.unfreeze()


@pytest.mark.parametrize(
    ("before", "expected"), [(None, "dirty_decay_ms:10000"), ("narenas:2", "narenas:2")], ids=["own", "user"]
)
def test_memory_is_kept_unless_the_user_said_otherwise(before: str | None, expected: str) -> None:
    """A validation would take a tenth longer, or an allocator's setting of the user's be passed over."""
    environment = {name: value for name, value in os.environ.items() if name != "_RJEM_MALLOC_CONF"}
    environment |= {"_RJEM_MALLOC_CONF": before} if before else {}
    # Polars reads the setting as it is imported, and leaves there what holds.
    program = (
        "from ml_stages.startup import keep_memory; keep_memory(); import os, polars;"
        "print(os.environ['_RJEM_MALLOC_CONF'])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert expected in ended.stdout
    assert ("dirty_decay_ms:10000" in ended.stdout) == (before is None)


def test_memory_is_kept_where_a_process_that_uses_polars_starts_another() -> None:
    """What Polars leaves in the environment would pass for the user's: of a notebook, or a benchmark."""
    program = (
        "from ml_stages.startup import keep_memory; keep_memory(); import os;"
        "print(os.environ['_RJEM_MALLOC_CONF'])"
    )
    outer = f"import polars, subprocess, sys; subprocess.check_call([sys.executable, '-c', {program!r}])"
    environment = {name: value for name, value in os.environ.items() if name != "_RJEM_MALLOC_CONF"}
    ended = subprocess.run(
        [sys.executable, "-c", outer], env=environment, capture_output=True, text=True, check=True
    )
    assert "dirty_decay_ms:10000" in ended.stdout


READ_AHEAD = ("POLARS_ROW_GROUP_PREFETCH_SIZE", "POLARS_CSV_CHUNK_PREFETCH_LIMIT", "POLARS_CSV_CHUNK_SIZE")


def test_as_much_is_read_ahead_as_the_user_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who reads from a slow disk could not have more of it read ahead."""
    monkeypatch.setenv("_RJEM_MALLOC_CONF", "narenas:2")
    for name in READ_AHEAD:
        monkeypatch.setenv(name, "64")
    keep_memory()
    assert [os.environ[name] for name in READ_AHEAD] == ["64"] * 3


@pytest.mark.parametrize(
    ("processors", "ahead"), [(None, ["2", "1"]), (1, ["2", "1"]), (2, ["2", "1"]), (16, ["16", "8"])]
)
def test_more_is_read_ahead_for_more_processors(
    processors: int | None, ahead: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a large machine would wait, or Polars be told to read nothing ahead, at which it panics."""
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    for name in (*READ_AHEAD, "_RJEM_MALLOC_CONF"):
        monkeypatch.setenv(name, "")  # so that what is set below ends with the test
        monkeypatch.delenv(name)
    keep_memory()
    assert [os.environ[name] for name in READ_AHEAD[:2]] == ahead
