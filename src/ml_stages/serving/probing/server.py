"""Start a bundle's server as a process of its own, and leave nothing of it behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from ml_stages.ending import ending
from ml_stages.serving.probing.target import Target, Unanswered
from ml_stages.startup import environment_before

_GRACE_SECONDS = 10.0
_ANNOUNCED = "listening on "
_MOST_LOGGED = 1 << 20
"""Characters of the server's log that are kept."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class NotStarted(Exception):  # noqa: N818 - it names what is the case
    """The server did not become ready; the message has its last lines."""


@dataclass(frozen=True)
class Started:
    """A running server."""

    target: Target
    cold_start: float
    """Seconds from the start of the process to the first 200 of ``/health/ready``."""
    pid: int
    failures: Mapping[str, int]
    """What the model raised, by the error's first line, and how often; it grows while the server runs."""


@contextmanager
def running(command: Sequence[str], startup: float, *, log: TextIO | None = None) -> Iterator[Started]:
    """Run a server for the length of the block.

    ``command`` prints ``listening on URL`` once it is ready; what it prints goes to ``log``. Raises
    :class:`NotStarted` when it ends or is not ready within ``startup`` seconds. Also on SIGTERM the
    server is stopped.
    """
    with _termination_raises():
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment_before(),
        )
        try:
            output = _Output(process, log)
            url = output.wait_for_url(startup)
            target = Target(url)
            _wait_until_ready(target, output, started + startup)
            yield Started(target, time.perf_counter() - started, process.pid, output.failures)
        finally:
            _stop(process)


class _Output:
    """What the server prints: its address, its last lines, and why the model failed."""

    def __init__(self, process: subprocess.Popen[bytes], log: TextIO | None) -> None:
        self.failures: Counter[str] = Counter()
        self._process = process
        self._log = log
        self._room = _MOST_LOGGED
        self._tail: deque[str] = deque(maxlen=15)
        self._url = ""
        self._changed = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for_url(self, seconds: float) -> str:
        self._changed.wait(seconds)
        if self._url:
            return self._url
        if self._reader.is_alive():
            raise NotStarted(f"it was not ready within {seconds:g} s{self.tail()}")
        status = self._process.wait()
        raise NotStarted(f"it {ending(status)} before it was ready{self.tail()}")

    def tail(self) -> str:
        return "; its last lines:\n" + "\n".join(self._tail) if self._tail else ", and printed nothing"

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: PIPE was asked for
        for raw in self._process.stdout:
            line = raw.decode("utf-8", "replace").rstrip()
            self._tail.append(line)
            self._keep(line)
            if line.startswith(_ANNOUNCED):
                self._url = line.removeprefix(_ANNOUNCED)
                self._changed.set()
        self._changed.set()

    def _keep(self, line: str) -> None:
        if why := _failure(line):
            self.failures[why] += 1
        if self._log is not None and self._room > 0:
            self._room -= len(line)
            print(line, file=self._log, flush=True)


def _failure(line: str) -> str | None:
    """What was raised, without addresses, by a line of the server's log that tells of a failed model."""
    if '"traceback"' not in line:
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if entry.get("level") != "error":
        return None
    told = str(entry["traceback"]).strip().splitlines()
    # Below the last line of code; further lines of its message may follow.
    code = max((place for place, one in enumerate(told) if one.startswith(" ")), default=-1)
    return _ADDRESS.sub("", told[min(code + 1, len(told) - 1)])


def _wait_until_ready(target: Target, output: _Output, until: float) -> None:
    while True:
        try:
            if target.ask("GET", "/health/ready").status == 200:
                return
        except Unanswered:
            pass
        if time.perf_counter() > until:
            raise NotStarted(f"/health/ready never answered 200{output.tail()}")
        time.sleep(0.01)


@contextmanager
def _termination_raises() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that the server is stopped with its probe."""

    def stop(*_: object) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
