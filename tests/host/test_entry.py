"""Kept results: used again only while they are what was made."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_stages.config.data import DataConfig
from ml_stages.host.artifact import Folder, data_folder
from ml_stages.host.entry import Entry, read_entry, seal


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    (tmp_path / "out" / "train-set" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "empty").mkdir()
    (tmp_path / "out" / "train-set" / "train.csv").write_text("a\n1\n")
    (tmp_path / "out" / "train-set" / "deep" / "more.csv").write_text("a\n2\n")
    (tmp_path / "report.json").write_text('{"method": "hash"}')
    (tmp_path / "log.txt").write_text("")
    seal(tmp_path, ["train-set", "empty"])
    return tmp_path


def _of(entry: Path) -> Entry:
    found = read_entry(entry)
    assert found is not None
    return found


def test_what_was_made_is_found_again(entry: Path) -> None:
    """If this fails, everything is trained again each time."""
    found = _of(entry)
    assert found.report == '{"method": "hash"}'
    assert set(found.outputs) == {"train-set", "empty"}
    assert all(made.is_unchanged for made in found.outputs.values())


def test_a_cache_that_comes_out_of_an_archive_is_the_same(entry: Path) -> None:
    """If this fails, a CI host that restores its cache trains again what it has."""
    before = _of(entry).outputs["train-set"].digest
    file = entry / "out" / "train-set" / "train.csv"
    os.utime(file, (1, 1))
    noted = (entry / "outputs.json").read_text()
    assert _of(entry).outputs["train-set"].digest == before
    assert (entry / "outputs.json").read_text() != noted, "the next run reads no file again"


def test_two_runs_may_find_it_at_once(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, of two runs with a restored cache one ends with `No such file or directory`."""
    os.utime(entry / "out" / "train-set" / "train.csv", (1, 1))
    replace = Path.replace

    def meanwhile(path: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", replace)
        assert read_entry(entry) is not None
        return path.replace(target)

    monkeypatch.setattr(Path, "replace", meanwhile)
    assert read_entry(entry) is not None
    assert not list(entry.glob(".*"))


def _cut(entry: Path) -> None:
    (entry / "out" / "train-set" / "train.csv").write_text("a\n")


def _write_in_its_time(entry: Path) -> None:
    file = entry / "out" / "train-set" / "train.csv"
    seen = file.stat()
    file.write_text("a\n7\n")
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def _swap_for_its_like(entry: Path) -> None:
    file, other = entry / "out" / "train-set" / "train.csv", entry / "other.csv"
    seen = file.stat()
    other.write_text("a\n7\n")
    os.utime(other, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    other.replace(file)


def _write_as_much(entry: Path) -> None:
    (entry / "out" / "train-set" / "train.csv").write_text("a\n3\n")


def _add(entry: Path) -> None:
    (entry / "out" / "empty" / "new").write_text("")


def _remove(entry: Path) -> None:
    (entry / "out" / "train-set" / "deep" / "more.csv").unlink()


def _remove_folder(entry: Path) -> None:
    (entry / "out" / "empty").rmdir()


def _lose_report(entry: Path) -> None:
    (entry / "report.json").write_text("")


def _lose_seal(entry: Path) -> None:
    (entry / "outputs.json").write_text("")


def _mix_up_seal(entry: Path) -> None:
    (entry / "outputs.json").write_text('{"report": "", "outputs": []}')


def _lose_log(entry: Path) -> None:
    (entry / "log.txt").unlink()


@pytest.mark.parametrize(
    "change",
    [
        _cut,
        _write_as_much,
        _write_in_its_time,
        _swap_for_its_like,
        _add,
        _remove,
        _remove_folder,
        _lose_report,
        _lose_seal,
        _mix_up_seal,
        _lose_log,
    ],
)
def test_what_was_changed_since_is_no_result(entry: Path, change: Callable[[Path], None]) -> None:
    """If this fails, a model is made of what a training left of its train set, or of half a disk."""
    change(entry)
    assert read_entry(entry) is None


def test_a_file_that_joins_the_data_is_a_change(tmp_path: Path) -> None:
    """If this fails, a table that is still being delivered is judged under the digest of its first half."""
    for name in ("a.csv", "b.csv", "notes.txt"):
        (tmp_path / name).write_text("x\n1\n")
    data = data_folder(tmp_path, DataConfig(path="*.csv", label="x"))
    (tmp_path / "notes.txt").write_text("read")
    assert data.is_unchanged, "a file that nothing reads is none"
    (tmp_path / "c.csv").write_text("x\n1\n")
    assert not data.is_unchanged


def test_a_folder_that_is_gone_is_a_change(tmp_path: Path) -> None:
    """If this fails, a stage passes although what it read was deleted under it."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("1")
    model = Folder.taken(tmp_path / "model")
    (tmp_path / "model" / "weights").unlink()
    assert not model.is_unchanged
