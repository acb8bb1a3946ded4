"""The prediction log: what is in it, and what it survives."""

from __future__ import annotations

import json
import resource
import signal
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ml_stages.model.answers import Answers
from ml_stages.serving.features import Feature, FeatureTable
from ml_stages.serving.metrics import MetricsMemory
from ml_stages.serving.parquet_log import ParquetError
from ml_stages.serving.prediction_log import PredictionLog
from ml_stages.serving.settings import Settings

TABLE = FeatureTable(
    (Feature("weight", "float", nullable=False), Feature("name", "string", False, sensitive=True))
)
ANSWERS = Answers(["yes"], [[0.25, 0.75]], ["no", "yes"])


def _log(folder: Path, memory: MetricsMemory, **settings: Any) -> PredictionLog:
    return PredictionLog(Settings(log_folder=str(folder), **settings), TABLE, "sha256:ab", memory.worker(0))


def _lines(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("predictions-*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_lines_hold_what_drift_and_replay_need(tmp_path: Path) -> None:
    """If this fails, production cannot be compared with training, or names people."""
    log = _log(tmp_path, MetricsMemory(1))
    log.add({"weight": [1.5], "name": ["Ann"]}, ANSWERS, 0.01)
    log.close()
    (line,) = _lines(tmp_path)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "model": "sha256:ab",
        "seconds": 0.01,
        "features": {"weight": [1.5], "name": ["***"]},
        "predictions": ["yes"],
        "probabilities": [[0.25, 0.75]],
        "classes": ["no", "yes"],
    }


def test_files_rotate_and_the_oldest_go(tmp_path: Path) -> None:
    """If this fails, the log fills the disk."""
    memory = MetricsMemory(1)
    for _ in range(5):
        log = _log(tmp_path, memory, log_bytes=100, log_files=3)
        log.add({"weight": [1.5], "name": ["Ann"]}, ANSWERS, 0.01)
        log.close()
    assert len(list(tmp_path.iterdir())) == 3
    assert memory.totals()["log_failures"] == 0


def test_a_file_that_was_deleted_is_followed_by_another(tmp_path: Path) -> None:
    """If this fails, who deletes a log to make room gets neither the room nor any further prediction."""
    memory = MetricsMemory(1)
    log = _log(tmp_path, memory)
    log.add({"weight": [1.5], "name": ["Ann"]}, ANSWERS, 0.01)
    log._flush()
    (file,) = tmp_path.iterdir()
    file.unlink()
    log.add({"weight": [2.5], "name": ["Ann"]}, ANSWERS, 0.01)
    log.close()
    assert [line["features"]["weight"] for line in _lines(tmp_path)] == [[2.5]]
    assert memory.totals()["log_failures"] == 0


def test_full_files_become_parquet(tmp_path: Path) -> None:
    """If this fails, who reads months of predictions parses JSON, or loses what was in the last file."""
    memory = MetricsMemory(1)
    log = _log(tmp_path, memory, log_format="parquet", log_bytes=2000)
    for number in range(40):
        log.add({"weight": [number / 2, None], "name": ["Ann", "Bob"]}, ANSWERS, 0.01)
        log._flush()
    log.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) > 1
    assert {file.suffix for file in files} == {".parquet"}
    table = pl.read_parquet(files)
    assert table["features"].struct.field("weight").to_list() == [[number / 2, None] for number in range(40)]
    assert set(table["features"].struct.field("name").explode()) == {"***"}
    assert table["predictions"].to_list() == [["yes"]] * 40
    assert memory.totals()["log_failures"] == 0


def test_what_cannot_become_parquet_stays_readable(tmp_path: Path) -> None:
    """If this fails, predictions are lost when the last step of keeping them fails."""
    log = _log(tmp_path, MetricsMemory(1), log_format="parquet")
    log.add({"weight": [1.5], "name": ["Ann"]}, ANSWERS, 0.01)
    log._flush()
    log._path.with_suffix(".partial").mkdir()  # where the new file would be written
    log.close()
    assert len(_lines(tmp_path)) == 1
    assert not list(tmp_path.glob("*.parquet"))


def test_parquet_without_pyarrow_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, the first full file shows that the image cannot do what it was told."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ParquetError, match="needs pyarrow"):
        _log(tmp_path, MetricsMemory(1), log_format="parquet")


def test_sampling_keeps_its_share(tmp_path: Path) -> None:
    """If this fails, a busy server logs everything, or nothing."""
    log = _log(tmp_path, MetricsMemory(1), log_share=0.2)
    for _ in range(2000):
        log.add({"weight": [1.5], "name": ["Ann"]}, ANSWERS, 0.01)
    log.close()
    assert 280 < len(_lines(tmp_path)) < 530  # five standard deviations


def test_a_full_disk_is_counted_said_and_leaves_whole_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """If this fails, a full disk stops the server, fills the other log, or corrupts this one."""
    memory = MetricsMemory(1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        log = _log(tmp_path, memory)
        for _ in range(50):
            log.add({"weight": [1.5], "name": ["Ann"]}, ANSWERS, 0.01)
        log.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    lines = _lines(tmp_path)
    assert len(lines) + memory.totals()["log_failures"] == 50
    assert memory.totals()["log_failures"] > 0
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("predictions are not logged: ")


def test_a_disk_with_a_little_room_now_and_then_fills_no_other_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, the server's log has a line for every half second that the disk is full."""
    log = _log(tmp_path, MetricsMemory(1))
    write, calls = log._write, count()

    def write_now_and_then(lines: Sequence[bytes]) -> None:
        if next(calls) % 2:
            raise OSError(28, "no room")
        write(lines)

    monkeypatch.setattr(log, "_write", write_now_and_then)
    for _ in range(5000):
        log.add({"weight": [1.5], "name": ["Ann"]}, ANSWERS, 0.01)
    log.close()
    assert next(calls) > 4
    assert len(caplog.messages) == 1


def test_a_folder_that_is_gone_is_counted(tmp_path: Path) -> None:
    """If this fails, a lost mount stops the server."""
    memory = MetricsMemory(1)
    folder = tmp_path / "log"
    folder.mkdir()
    log = _log(folder, memory)
    folder.rmdir()
    log.add({"weight": [1.5], "name": ["Ann"]}, ANSWERS, 0.01)
    log.close()
    assert memory.totals()["log_failures"] == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [("MAX_ROWS", "many"), ("MAX_ROWS", "-1"), ("LOG_SHARE", "1.5"), ("LOG_FOLDER", "/no/such/folder")],
)
def test_wrong_settings_are_refused(name: str, text: str) -> None:
    """If this fails, a typing error in a setting is found out in production."""
    with pytest.raises(ValueError, match=f"ML_SERVING_{name}={text}"):
        Settings.from_environment({f"ML_SERVING_{name}": text})
