"""Start a process, stream its output to a log, and leave nothing of it behind."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import anyio
import psutil
from anyio.abc import ByteReceiveStream

from ml_stages.host.watchdog import watching
from ml_stages.result import TAIL_LINES, Ended

_GRACE_SECONDS = 3.0
_PR_SET_CHILD_SUBREAPER = 36


async def run_logged(
    command: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    timeout: float | None = None,
) -> Ended:
    """Run a command to its end with its output appended to ``log`` as it comes.

    On a time-out (seconds) and when cancelled, the process and everything that it started is stopped
    before this returns. Raises :class:`OSError` when the program or the log cannot be opened.
    """
    with log.open("ab") as sink:
        process = await anyio.open_process(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        assert process.stdout is not None  # noqa: S101 - for the type checker: PIPE was asked for
        tail = _Tail()
        with watching(process.pid):
            try:
                with anyio.move_on_after(timeout) as scope:
                    await _copy(process.stdout, sink, tail)
                    await process.wait()
            finally:
                with anyio.CancelScope(shield=True):
                    await stop_trees([process.pid])
                    await process.aclose()
        return Ended(None if scope.cancelled_caught else process.returncode, tail.lines())


class _Tail:
    """The last lines of a stream of bytes."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._open = b""

    def feed(self, chunk: bytes) -> None:
        *whole, self._open = (self._open + chunk).split(b"\n")
        self._lines.extend(whole)

    def lines(self) -> list[str]:
        raw = [*self._lines, self._open] if self._open else list(self._lines)
        return [line.decode("utf-8", "replace").rstrip("\r") for line in raw]


async def _copy(stream: ByteReceiveStream, sink: BinaryIO, tail: _Tail) -> None:
    """Copy to the log; when the log's disk is full, keep reading so that the process can go on."""
    writable = True
    async for chunk in stream:
        tail.feed(chunk)
        if writable:
            try:
                sink.write(chunk)
                sink.flush()
            except OSError as error:
                writable = False
                tail.feed(f"(the log ends here: {error.strerror})\n".encode())


async def stop_trees(pids: Iterable[int]) -> None:
    """Stop processes and their descendants: first asked to, then killed."""
    processes = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            processes += [root, *root.children(recursive=True)]
    await _stop(processes)


async def stop_leftovers() -> None:
    """Stop every descendant of this process, adopted ones included."""
    await _stop(psutil.Process().children(recursive=True))


async def _stop(processes: list[psutil.Process]) -> None:
    for stop in (signal.SIGTERM, signal.SIGKILL):
        alive = [process for process in processes if _is_alive(process)]
        for process in alive:
            _signal(process, stop)
        with anyio.move_on_after(_GRACE_SECONDS):
            # psutil would wait by reaping, and take the exit status from the event loop.
            while any(_is_alive(process) for process in alive):  # noqa: ASYNC110
                await anyio.sleep(0.02)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def adopt_orphans() -> None:
    """Make processes whose parent died children of this one, so that none can slip away (Linux).

    Elsewhere only processes that still have a living parent of ours are found.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
