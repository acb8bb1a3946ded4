"""A run that is killed leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ml_stages.host.watchdog import main
from tests.projects import TinyProject

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
FORKING = """
import subprocess, time
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
open({marker!r}, "w").write(f"{{child.pid}}.")
time.sleep(600)
"""


@contextmanager
def _started_in_training(project: TinyProject) -> Iterator[psutil.Process]:
    """A run whose training has started a process of its own, and sleeps."""
    marker = project.root / "started"
    project.edit("train.py", "import json", f"{FORKING.format(marker=str(marker))}\nimport json")
    output = subprocess.DEVNULL
    command = project.command("run", str(project.root))
    with subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "CI": "true"}) as run:
        _wait_until(lambda: marker.is_file() and marker.read_text().endswith("."))
        yield psutil.Process(run.pid)
        run.kill()


def _wait_until(is_so: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)


def _is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_killed_run_leaves_no_process(project: TinyProject) -> None:
    """If this fails, a CI host that kills a job, or one out of memory, leaves a training on the GPU."""
    with _started_in_training(project) as run:
        below = run.children(recursive=True)
        assert {"sleep"} < {process.name() for process in below}
        run.send_signal(signal.SIGKILL)
        _wait_until(lambda: all(map(_is_gone, below)))
        left = [process for process in below if not _is_gone(process)]
        for process in left:
            process.kill()
    assert not left


def test_a_run_goes_on_without_its_watchdog(tmp_path: Path) -> None:
    """If this fails, who stops a process that they do not know breaks a training of days."""
    code = """
import os, psutil
from ml_stages.host.watchdog import watched, watching
with watched():
    (dog,) = psutil.Process().children()
    dog.kill()
    while dog.status() != psutil.STATUS_ZOMBIE:
        pass
    with watching(os.getpid()):
        print("went on")
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert (ended.stdout, ended.stderr) == ("went on\n", "")


def test_what_has_ended_is_left_alone() -> None:
    """If this fails, another program that got the number of a stage that ended is stopped in its place."""
    with subprocess.Popen(SLEEPER) as left, subprocess.Popen(SLEEPER) as other:
        main([b"%d\n" % other.pid, b"%d\n" % left.pid, b"-%d\n" % other.pid])
        assert left.wait(timeout=60) == -signal.SIGTERM
        assert other.poll() is None
        other.kill()
