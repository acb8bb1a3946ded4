"""Where a project's tools find their settings: in its own files, and nowhere else.

Ruff, pytest and mypy go on searching in the folders above, and in the user's home. What they find there is
about something else, and a laptop has other such files than a CI host.
"""

from __future__ import annotations

import re
from pathlib import Path

_RUFF = {"ruff.toml": "", ".ruff.toml": "", "pyproject.toml": "tool.ruff"}
_PYTEST = {
    "pytest.ini": "",
    ".pytest.ini": "",
    "pytest.toml": "",
    ".pytest.toml": "",
    "pyproject.toml": "tool.pytest",
    "tox.ini": "pytest",
    "setup.cfg": "tool:pytest",
}
_MYPY = {"mypy.ini": "", ".mypy.ini": "", "pyproject.toml": "tool.mypy", "setup.cfg": "mypy"}
"""Files, and the table that settings stand in; empty where the whole file is for them."""


def end_search_of_ruff(source: Path) -> None:
    """Write an empty file of settings where there is none."""
    _end_search(source, "ruff.toml", _RUFF)


def end_search_of_pytest(source: Path) -> None:
    """Write an empty file of settings where there is none."""
    _end_search(source, "pytest.ini", _PYTEST)


def configures_ruff(source: Path) -> bool:
    """Whether the project has settings of ruff."""
    return _has_settings(source, _RUFF)


def configures_mypy(source: Path) -> bool:
    """Whether the project has settings of mypy."""
    return _has_settings(source, _MYPY)


def _end_search(source: Path, name: str, places: dict[str, str]) -> None:
    if not _has_settings(source, places):
        (source / name).write_text("", encoding="utf-8")


def _has_settings(source: Path, places: dict[str, str]) -> bool:
    return any(
        (source / name).is_file() and _has_table(source / name, table) for name, table in places.items()
    )


def _has_table(file: Path, table: str) -> bool:
    """Whether the file has the table, or one below it; by headers: Python 3.10 reads no TOML."""
    words = r"\s*\.\s*".join(rf"[\"']?{re.escape(word)}[\"']?" for word in table.split("."))
    header = re.compile(rf"^\s*\[\[?\s*{words}\s*[\].]", re.MULTILINE)
    return not table or header.search(file.read_text(encoding="utf-8")) is not None
