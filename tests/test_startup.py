"""How a process starts."""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ml_stages import startup
from ml_stages.serving.probing.server import NotStarted, running
from ml_stages.startup import environment_before, importing, keep_memory, sort_quickly


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


GENOA = """\
processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
flags\t\t: fpu avx2 avx512f

processor\t: 1
vendor_id\t: unread
"""


@pytest.fixture
def genoa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What Linux tells of a Zen 4 processor, with nothing set for NumPy."""
    file = tmp_path / "cpuinfo"
    file.write_text(GENOA, encoding="utf-8")
    monkeypatch.setattr(startup, "_PROCESSORS", file)
    for name in ("NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES"):
        monkeypatch.setenv(name, "")  # so that what is set below ends with the test
        monkeypatch.delenv(name)
    return file


@pytest.mark.parametrize(("numpy", "expected"), [("2.3.5", "AVX512_SKX"), ("2.4.0", "X86_V4")])
@pytest.mark.usefixtures("genoa")
def test_numpy_sorts_without_the_instruction_that_zen_4_is_slow_at(
    numpy: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every sort would take six times as long on these processors."""
    monkeypatch.setattr(importlib.metadata, "version", lambda _: numpy)
    sort_quickly()
    assert os.environ["NPY_DISABLE_CPU_FEATURES"] == expected


@pytest.mark.parametrize(
    ("told", "instead"),
    [("AuthenticAMD", "GenuineIntel"), (": 25", ": 26"), (" avx512f", ""), (GENOA, "")],
    ids=["intel", "zen 5", "zen 3", "nothing"],
)
def test_other_processors_sort_as_numpy_does(genoa: Path, told: str, instead: str) -> None:
    """Processors whose AVX-512 is quick would do without it."""
    genoa.write_text(GENOA.replace(told, instead), encoding="utf-8")
    sort_quickly()
    genoa.unlink()
    sort_quickly()
    assert "NPY_DISABLE_CPU_FEATURES" not in os.environ


@pytest.mark.parametrize("name", ["NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES"])
@pytest.mark.usefixtures("genoa")
def test_what_the_user_says_of_numpy_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy takes one of the two alone: with both it could not even be imported."""
    monkeypatch.setenv(name, "AVX512_ICL")
    sort_quickly()
    told = [os.environ.get(one) for one in ("NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES")]
    assert sorted(told, key=str) == ["AVX512_ICL", None]


@pytest.mark.parametrize("by_user", [None, "64"])
@pytest.mark.usefixtures("genoa")
def test_a_model_s_server_is_tested_without_our_settings(
    by_user: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model would be tested with another NumPy and another allocator than those it is served with."""
    monkeypatch.setattr(startup, "_BEFORE", {})
    for name in (*READ_AHEAD, "_RJEM_MALLOC_CONF"):
        monkeypatch.setenv(name, by_user or "")  # so that what is set below ends with the test
        if by_user is None:
            monkeypatch.delenv(name)
    before = dict(os.environ)
    keep_memory()
    sort_quickly()
    assert dict(os.environ) != before
    assert environment_before() == before
    told = ("NPY_DISABLE_CPU_FEATURES", *READ_AHEAD, "_RJEM_MALLOC_CONF")
    program = f"import os; print([os.environ.get(name) for name in {told}])"
    expected = str([None, *[by_user] * 4])
    with pytest.raises(NotStarted, match=re.escape(expected)), running([sys.executable, "-c", program], 20):
        pass


def test_numpy_takes_what_is_set_for_it() -> None:
    """A name that this NumPy does not know is a warning at every import, and changes nothing."""
    program = "from ml_stages.startup import sort_quickly; sort_quickly(); import numpy; numpy.sort([2, 1])"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
