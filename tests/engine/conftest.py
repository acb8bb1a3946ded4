"""A real Dagger engine, where one answers; else every test here is skipped, aloud."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.projects import TinyProject

ROOT = Path(__file__).parents[2]
_ANSWER_SECONDS = 60


def _why_not() -> str:
    if shutil.which("dagger") is None:
        return "no engine: the command `dagger` is not installed"
    try:
        asked = subprocess.run(
            ["dagger", "core", "version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_ANSWER_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"no engine answered within {_ANSWER_SECONDS} s"
    said = asked.stderr.strip().splitlines()
    return "" if asked.returncode == 0 else f"no engine answers: {said[-1] if said else asked.returncode}"


@pytest.fixture(scope="session", autouse=True)
def _engine() -> None:
    # Without an address the command would try to start an engine in Docker, which no test may do.
    named = {"_EXPERIMENTAL_DAGGER_RUNNER_HOST", "DAGGER_SESSION_PORT"} & set(os.environ)
    if reason := _why_not() if named else "no engine: no address of one is set":
        pytest.skip(reason)


@dataclass(frozen=True)
class Called:
    """How one `dagger call` ended."""

    exit_status: int
    output: str
    progress: str


@dataclass(frozen=True)
class Caller:
    """Calls the module on a project, as from a shell."""

    project: TinyProject

    def command(self, *arguments: str, before: tuple[str, ...] = ()) -> list[str]:
        """The words of a call; `before` are options of the pipeline, which come before the function."""
        call = ["dagger", "-m", str(ROOT), "call", f"--source={self.project.root}"]
        return [*call, *before, *arguments, "--progress=plain"]

    def __call__(self, *arguments: str, before: tuple[str, ...] = ()) -> Called:
        command = self.command(*arguments, before=before)
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
        return Called(ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture
def call(project: TinyProject) -> Caller:
    """The small project with a lock, ready for containers."""
    project.edit("pyproject.toml", 'interpreter = "current"', 'python = "3.11"')
    project.write("requirements.in", "pandas\npytest\n")
    options = ["-q", "--universal", "--generate-hashes", "--no-header", "--no-emit-index-url"]
    compile_lock = ["uv", "pip", "compile", *options, "--python-version", "3.11", "requirements.in"]
    subprocess.run([*compile_lock, "-o", "requirements.lock"], cwd=project.root, check=True)
    return Caller(project)
