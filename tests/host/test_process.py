"""Processes leave nothing behind."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import anyio
import psutil
import pytest

from ml_stages.host.process import run_logged
from ml_stages.result import Ended

SLEEPER = "import time; time.sleep(600)"
FORKER = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {SLEEPER!r}], start_new_session=True)
print(child.pid, flush=True)
child.wait()
"""


def _run(code: str, log: Path, timeout: float | None = None) -> Ended:
    async def run() -> Ended:
        return await run_logged([sys.executable, "-c", code], log, environment=os.environ, timeout=timeout)

    return anyio.run(run)


def _is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_output_goes_to_the_log_and_its_tail_is_kept(tmp_path: Path) -> None:
    """If this fails, a failed stage cannot be understood."""
    log = tmp_path / "log"
    ended = _run("import sys; [print(i) for i in range(100)]; print('oh', file=sys.stderr); sys.exit(4)", log)
    assert ended.exit_status == 4
    assert sorted(log.read_text().split()) == sorted([*map(str, range(100)), "oh"])
    assert len(ended.tail) == 40


def test_timeout_stops_the_whole_tree(tmp_path: Path) -> None:
    """If this fails, a training that hangs keeps its GPU after the run."""
    log = tmp_path / "log"
    started = time.monotonic()
    ended = _run(FORKER, log, timeout=1.5)
    assert ended.exit_status is None
    assert time.monotonic() - started < 10
    assert _is_gone(int(log.read_text()))


def test_cancelling_stops_the_whole_tree(tmp_path: Path) -> None:
    """If this fails, Ctrl-C leaves orphans."""
    log = tmp_path / "log"

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            command = [sys.executable, "-c", FORKER]
            tasks.start_soon(lambda: run_logged(command, log, environment=os.environ))
            while not (log.is_file() and log.read_text().endswith("\n")):
                await anyio.sleep(0.05)
            tasks.cancel_scope.cancel()

    anyio.run(run)
    assert _is_gone(int(log.read_text()))


def test_full_disk_under_the_log_does_not_stop_the_stage() -> None:
    """If this fails, a full disk hangs or kills a training that could have ended."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    ended = _run("print('x' * 100000)", Path("/dev/full"))
    assert ended.exit_status == 0
    assert any("No space left" in line for line in ended.tail)
