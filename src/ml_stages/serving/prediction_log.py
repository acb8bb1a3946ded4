"""The prediction log: what was asked and answered, as JSON lines, for drift and replay.

Full files become Parquet where that is asked for (:mod:`ml_stages.serving.parquet_log`).
Written by a thread of its own, so that a slow disk slows no answer; whole lines in one write, so that
a worker that is killed leaves no half line; when the disk is full, serving goes on and
``ml_log_failures_total`` counts what could not be written.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ml_stages.model.answers import Answers
from ml_stages.serving.features import Columns, FeatureTable
from ml_stages.serving.metrics import Metrics
from ml_stages.serving.parquet_log import ParquetFiles
from ml_stages.serving.settings import Settings

_LOG = logging.getLogger("ml_serving")
_MASK = "***"
_FLUSH_SECONDS = 0.5
_MOST_WAITING = 10_000
"""Entries that may wait for the disk; more are dropped and counted."""
_SAID_AGAIN_SECONDS = 60.0


class PredictionLog:
    """One worker's log files in a folder that workers may share."""

    def __init__(self, settings: Settings, table: FeatureTable, model_digest: str, metrics: Metrics) -> None:
        self._folder = Path(settings.log_folder)
        self._settings = settings
        self._masked = frozenset(feature.name for feature in table.features if feature.sensitive)
        self._model_digest = model_digest
        self._metrics = metrics
        self._entries: deque[tuple[float, Columns, Answers, float]] = deque()
        self._draw = random.Random()  # noqa: S311 - sampling, no secret
        self._file = -1
        self._size = 0
        self._said = float("-inf")
        self._path = Path()
        self._parquet = ParquetFiles() if settings.log_format == "parquet" else None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def add(self, columns: Columns, answers: Answers, seconds: float) -> None:
        """Log one request, or not, as the sampling has it; never blocks."""
        if self._draw.random() >= self._settings.log_share:
            return
        if len(self._entries) >= _MOST_WAITING:
            self._metrics.add("log_failures")
            return
        self._entries.append((time.time(), columns, answers, seconds))

    def close(self) -> None:
        """Write what waits, and end."""
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.wait(_FLUSH_SECONDS):
            self._flush()
        self._flush()
        self._finish()

    def _flush(self) -> None:
        while self._entries:
            count = min(len(self._entries), 500)
            lines = [self._line(*self._entries.popleft()) for _ in range(count)]
            try:
                self._write(lines)
            except OSError as error:
                self._metrics.add("log_failures", count)
                self._say(error)

    def _say(self, error: OSError) -> None:
        """Not at every failure: on a full disk, a little room comes and goes."""
        now = time.monotonic()
        if now - self._said >= _SAID_AGAIN_SECONDS:
            self._said = now
            _LOG.error("predictions are not logged: %s", error)

    def _line(self, when: float, columns: Columns, answers: Answers, seconds: float) -> bytes:
        features = {
            name: [_MASK] * len(values) if name in self._masked else values
            for name, values in columns.items()
        }
        entry = {
            "time": datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds"),
            "model": self._model_digest,
            "seconds": round(seconds, 6),
            "features": features,
            "predictions": answers.predictions,
        }
        if answers.probabilities is not None:
            entry |= {"probabilities": answers.probabilities, "classes": answers.classes}
        return json.dumps(entry, separators=(",", ":")).encode() + b"\n"

    def _write(self, lines: Sequence[bytes]) -> None:
        # A file that somebody deleted to make room would be written on, and keep its room taken.
        is_gone = self._file >= 0 and not os.fstat(self._file).st_nlink
        if self._file < 0 or is_gone or self._size >= self._settings.log_bytes:
            self._open()
        content = b"".join(lines)
        written = os.write(self._file, content)
        if written < len(content):
            # The disk took a part: without it, the file still ends with a whole line.
            os.ftruncate(self._file, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written

    def _open(self) -> None:
        self._finish()
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        self._path = self._folder / f"predictions-{stamp}-{os.getpid()}.jsonl"
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        self._size = 0
        for old in sorted(self._folder.glob("predictions-*"))[: -self._settings.log_files]:
            old.unlink(missing_ok=True)

    def _finish(self) -> None:
        """Close the file that is written; what cannot become Parquet stays as lines."""
        if self._file < 0:
            return
        os.close(self._file)
        self._file = -1
        if self._parquet is not None and self._path.exists():
            try:
                self._parquet.convert(self._path)
            except OSError:
                _LOG.exception("the prediction log stays as JSON lines")
