"""Earlier results: found by content, whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ml_stages.errors import PipelineError, UsageError
from ml_stages.host.store import Key, Store, default_cache


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "cache", tmp_path / "project")) as store:
        yield store


def test_a_kept_result_is_found_by_its_key_alone(store: Store) -> None:
    """If this fails, nothing is ever reused, or the wrong thing is."""
    scratch = store.scratch("train")
    (scratch / "report.json").write_text("{}")
    entry = store.keep(Key({"data": "1"}), scratch)
    assert (entry / "report.json").read_text() == "{}"
    assert store.find(Key({"data": "1"})) == entry
    assert store.find(Key({"data": "2"})) is None


def test_the_first_of_two_equal_results_stands(store: Store) -> None:
    """If this fails, two runs at a time break each other's result."""
    first, second = store.scratch("train"), store.scratch("train")
    (first / "who").write_text("first")
    (second / "who").write_text("second")
    key = Key({"data": "1"})
    assert store.keep(key, first) == store.keep(key, second)
    assert (store.keep(key, store.scratch("train")) / "who").read_text() == "first"


def test_a_miss_says_what_changed(store: Store) -> None:
    """If this fails, nobody learns why something was trained again."""
    key = Key({"data": "1", "train.py": "1", "configuration": "1"})
    assert key.changed_since(store.last_parts("train")) == "first run"
    store.remember("train", key)
    earlier = store.last_parts("train")
    assert Key({**key.parts, "train.py": "2"}).changed_since(earlier) == "train.py changed"
    assert Key({**key.parts, "data": "2", "new.py": "1"}).changed_since(earlier) == "data, new.py changed"
    assert Key({"data": "1", "train.py": "1"}).changed_since(earlier) == "configuration changed"
    many = Key({**key.parts, **{f"{number:03}.py": "1" for number in range(1200)}}).changed_since(earlier)
    assert many == "000.py, 001.py, 002.py, 003.py, 004.py and 1,195 more changed"


@pytest.mark.parametrize("text", ["", '{"data": ', "[]", "\0\0"])
def test_what_a_power_cut_left_of_a_note_is_no_note(store: Store, text: str) -> None:
    """If this fails, every stage of every run breaks until somebody deletes the cache."""
    store.remember("train", Key({"data": "1"}))
    (noted,) = store.root.glob("last/*/train.json")
    noted.write_text(text)
    assert store.last_parts("train") is None
    store.remember("train", Key({"data": "1"}))
    assert store.last_parts("train") == {"data": "1"}


def test_failures_are_those_of_a_key(store: Store) -> None:
    """If this fails, what never failed is said to have, or a test that fails now and then looks sound."""
    key = Key({"data": "1"})
    assert store.failures(key) == []
    store.note_failure(key)
    store.note_failure(key)
    assert len(store.failures(key)) == 2
    assert store.failures(Key({"data": "2"})) == []


def test_results_that_nobody_uses_are_dropped(store: Store, tmp_path: Path) -> None:
    """If this fails, the cache grows for ever, or drops what was just used."""
    old, new = Key({"data": "old"}), Key({"data": "new"})
    for key in (old, new):
        store.note_failure(key)
    entry = store.keep(old, store.scratch("train"))
    store.keep(new, store.scratch("train"))
    month_ago = time.time() - 31 * 24 * 3600
    failure = tmp_path / "cache" / "failures" / f"{entry.name}.txt"
    for unused in (entry, failure):
        os.utime(unused, (month_ago, month_ago))
    store.drop_unused()
    assert store.find(old) is None
    assert store.failures(old) == []
    assert len(store.failures(new)) == 1
    assert store.find(new) is not None


def test_what_a_killed_run_left_goes_with_the_next(store: Store, tmp_path: Path) -> None:
    """If this fails, each run that ran out of memory leaves a copy of source and model for a month, or a run
    loses what it works on to another one."""
    work = "from sys import argv; from pathlib import Path; from ml_stages.host.store import Store"
    work += "; run = Store(Path(argv[1]), Path()); (run.scratch('train') / 'model').touch()"
    work += "; print('ready', flush=True); input()"
    command = [sys.executable, "-c", work, str(store.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        store.drop_unused()
        assert len(list(store.root.glob("scratch/*/train-*/model"))) == 1
        run.kill()
    mine = store.scratch("train")
    with closing(Store(store.root, tmp_path / "other")) as other:
        other.drop_unused()
    assert not list(store.root.glob("scratch/*/train-*/model"))
    assert mine.is_dir()


def test_nothing_of_a_run_is_left(store: Store) -> None:
    """If this fails, every run leaves a folder."""
    (store.scratch("train") / "model").touch()
    store.close()
    assert not list((store.root / "scratch").iterdir())


def test_without_locks_a_run_keeps_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, no run works on a file system without locks, or two delete each other's work."""

    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", refused)
        store = Store(tmp_path / "cache", tmp_path)
        mine = store.scratch("train")
    with closing(Store(tmp_path / "cache", tmp_path)) as other:
        other.drop_unused()
    assert mine.is_dir()
    store.close()
    assert not mine.exists()


def test_a_shared_folder_is_filled_whole_or_again(store: Store) -> None:
    """If this fails, half of our own code is run, or each run on a full disk leaves a part behind."""

    def fill(folder: Path) -> None:
        (folder / "code.py").write_text("1")

    def fail(folder: Path) -> None:
        fill(folder)
        raise OSError(28, "No space left on device")

    def is_whole(folder: Path) -> bool:
        return (folder / "code.py").read_text() == "1"

    with pytest.raises(OSError, match="No space left"):
        store.shared("wrapper", fail, is_whole)
    assert [path.name for path in (store.root / "scratch").rglob("*") if path.is_file()] == ["lock"]
    made = store.shared("wrapper", fill, is_whole)
    (made / "code.py").write_text("2")
    assert store.shared("wrapper", fill, is_whole) == made
    assert is_whole(made)


def test_a_damaged_result_goes_at_once(store: Store) -> None:
    """If this fails, a result that is no longer what was made is found again."""
    key = Key({"data": "1"})
    entry = store.keep(key, store.scratch("train"))
    store.drop(entry)
    store.drop(entry)
    assert store.find(key) is None


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """If this fails, a read-only home folder ends in a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PipelineError, match=r"cannot be written: Not a directory; .* in ML_PIPELINE_CACHE"):
        Store(tmp_path / "file", tmp_path)


def test_a_relative_cache_is_found_by_every_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, `ML_PIPELINE_CACHE=.cache` breaks each stage, which runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ML_PIPELINE_CACHE", "cache")
    assert default_cache() == (tmp_path / "cache").resolve()


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, a container run under any number ends in a traceback."""

    def nobody(_path: type[Path]) -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("ML_PIPELINE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", classmethod(nobody))
    with pytest.raises(UsageError, match="no home folder for the cache: name a folder"):
        default_cache()
