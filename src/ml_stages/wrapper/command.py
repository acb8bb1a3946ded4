"""Run one command of the project, show its output as it comes, and remember how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ml_stages.wrapper.package_metadata import write_metadata, write_programs

TAIL_LINES = 40


def run_command(  # noqa: PLR0913 - what a command is given, and what becomes of its words
    command: list[str],
    folder: Path,
    timeout: float | None,
    extra: dict[str, str] | None = None,
    *,
    package: dict[str, Any] | None = None,
    keep: int | None = TAIL_LINES,
    hidden: Sequence[str] = (),
) -> dict[str, Any]:
    """Run to the end or to the time-out (seconds); returns the fields of ``evidence.CommandRun``.

    Metadata and programs of ``package`` (the fields of ``config.package``) are found as if it were installed.
    ``keep`` is how many of the last lines are remembered, ``None`` for all; of ``hidden`` nothing is
    shown or remembered. The command is started
    in a session of its own, so that a time-out stops all that it started. A program that does not
    exist ends like a shell's: exit status 127.
    """
    started = time.monotonic()
    tail: deque[str] = deque(maxlen=keep)
    with _as_installed(package, folder) as installed:
        try:
            process = _start(command, folder, {**os.environ, **installed, **(extra or {})})
        except OSError as error:
            line = f"{command[0]}: {error.strerror}"
            print(line)
            return _command_run(command, 127, time.monotonic() - started, [line])
        reader = threading.Thread(target=_copy, args=(process.stdout, tail, hidden), daemon=True)
        reader.start()
        exit_status = _wait(process, timeout)
    # A grandchild that outlives the command may hold the pipe open: its words no longer count.
    reader.join(timeout=1)
    return _command_run(command, exit_status, time.monotonic() - started, list(tail))


def _start(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


@contextmanager
def _as_installed(package: dict[str, Any] | None, folder: Path) -> Iterator[dict[str, str]]:
    """Variables with which the project's modules, its metadata and its programs are found."""
    with tempfile.TemporaryDirectory() as scratch:
        write_metadata(package, Path(scratch))
        write_programs(package, Path(scratch, "bin"))
        yield {
            "PYTHONPATH": os.pathsep.join([project_paths(folder)["PYTHONPATH"], scratch]),
            "PATH": os.pathsep.join([str(Path(scratch, "bin")), os.environ.get("PATH", os.defpath)]),
        }


def project_paths(folder: Path) -> dict[str, str]:
    """The project's root, and its ``src`` folder, ahead on ``PYTHONPATH``."""
    roots = [str(path) for path in (folder / "src", folder) if path.is_dir()]
    inherited = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([*roots, *([inherited] if inherited else [])])}


def _command_run(
    command: list[str], exit_status: int | None, duration: float, tail: list[str]
) -> dict[str, Any]:
    return {
        "command": command,
        "exit_status": exit_status,
        "timed_out": exit_status is None,
        "duration": round(duration, 3),
        "tail": tail,
    }


def _copy(stream: IO[bytes], tail: deque[str], hidden: Sequence[str]) -> None:
    with stream:
        for line in stream:
            raw = line
            for text in hidden:
                raw = raw.replace(text.encode(), b"***")
            sys.stdout.buffer.write(raw)
            sys.stdout.buffer.flush()
            tail.append(raw.decode("utf-8", "replace").rstrip("\r\n"))


def _wait(process: subprocess.Popen[bytes], timeout: float | None) -> int | None:
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None
