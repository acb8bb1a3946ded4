"""What the gates that stand by themselves find in a project that has never heard of them."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ml_stages.host.source import Source
from ml_stages.lock import lacks
from ml_stages.wrapper.lint import by_ruff
from ml_stages.wrapper.settings import configures_ruff, end_search_of_ruff

_READ_BY_RUFF = ("*.py", "*.pyi", "*.ipynb", "/pyproject.toml")
_TESTS = ("test_*.py", "*_test.py")
"""What pytest collects by default."""


def unasked_findings(source: Source) -> int:
    """How much ruff finds by its defaults where the project has no settings for it; 0 where it has."""
    if configures_ruff(source.root):
        return 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        source.select(_READ_BY_RUFF, ()).copy_to(copy)
        end_search_of_ruff(copy)
        return sum(_count(arguments, pattern, copy) for _, arguments, pattern in by_ruff())


def _count(arguments: list[str], pattern: re.Pattern[str], folder: Path) -> int:
    command = [sys.executable, "-m", "ruff", *arguments, "."]
    shown = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return sum(pattern.match(line) is not None for line in shown.stdout.splitlines())


def told_of_tests(source: Source, lock: Path | None) -> Iterator[str]:
    """Why no test would run: there is no file that pytest collects by itself, or no pytest in the lock."""
    if not source.select(_TESTS, ()).files:
        yield "tests: none was found, and a model whose project has none does not go out"
    elif lock is not None and lacks(lock, "pytest"):
        yield f"tests: {lock.name} has no pytest, so none can run; add it there, or to what it is made from"
