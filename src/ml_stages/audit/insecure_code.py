"""Insecure code: ruff's security rules over the source, whatever the project's own settings are.

The rules are those of bandit (https://bandit.readthedocs.io), and so are their severities. ``# noqa: S301``
in the source is respected: it stands where a reviewer sees it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ml_stages.audit.finding import Found, level
from ml_stages.config.audit import Severity
from ml_stages.evidence import Finding

_LEFT_OUT = ("S101", "S105", "S106", "S107")
"""Assertions are no danger in a pipeline; passwords are what the search for secrets is for."""
_COMMAND = [
    *("check", "--isolated", "--no-cache", "--exit-zero", "--quiet", "--output-format=json"),
    # Every file of the source, whether git or ruff would pass it over; every syntax that ruff knows.
    *("--no-respect-gitignore", "--config=exclude=[]", "--target-version=py314"),
    *("--select=S", f"--ignore={','.join(_LEFT_OUT)}"),
]
_LOW = {"S110", "S112", "S311", "S504", "S603", "S606", "S607"}
_HIGH = {
    *("S201", "S202", "S304", "S312", "S321", "S324", "S501", "S502", "S505", "S507"),
    *("S602", "S605", "S609", "S701"),
}
_SUFFIXES = {".py", ".pyi", ".pyw", ".ipynb"}


class RuffBrokeError(Exception):
    """Ruff did not come to its end."""


def version() -> str:
    """Which ruff looks."""
    return _ruff("--version").stdout.strip()


def count_files(source: Path) -> int:
    """How many files of a source can be searched."""
    return sum(path.suffix in _SUFFIXES for path in source.rglob("*") if path.is_file())


def insecure_code(source: Path, blocks_from: Severity) -> list[Found]:
    """A finding for each place; a file that cannot be parsed is one. Raises :class:`RuffBrokeError`."""
    ended = _ruff(*_COMMAND, ".", folder=source)
    try:
        entries = json.loads(ended.stdout)
    except json.JSONDecodeError:
        last = (ended.stderr.strip().splitlines() or ["no output"])[-1]
        raise RuffBrokeError(f"ruff ended with status {ended.returncode}: {last}") from None
    return [_found(entry, source.resolve(), blocks_from) for entry in entries]


def _ruff(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ruff", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _found(entry: dict[str, Any], source: Path, blocks_from: Severity) -> Found:
    rule, cell, line = entry["code"] or "invalid-syntax", entry["cell"], entry["location"]["row"]
    place = f"cell {cell}, line {line}: " if cell else ""
    finding = Finding(
        rule=rule,
        message=place + entry["message"],
        severity=level(_severity(rule, entry["message"]), blocks_from),
        file=Path(entry["filename"]).relative_to(source).as_posix(),
        line=None if cell else line,
        column=None if cell else str(entry["location"]["column"]),
    )
    return Found(finding, frozenset({rule}))


def _severity(rule: str, message: str) -> Severity | None:
    """Bandit's; ``None`` for a file that was not searched, which nobody can rate."""
    if not rule.startswith("S"):
        return None
    if rule in _LOW or "seems safe" in message:
        return "low"
    return "high" if rule in _HIGH else "medium"
