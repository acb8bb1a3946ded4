"""Which Python versions a project says that it runs on, as far as major and minor version tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_stages.config.load import read_toml
from ml_stages.errors import UsageError

_CLAUSE = re.compile(r"(>=|<=|==|!=|~=|>|<|\^|~)\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?(\.\*)?")
_MINORS = tuple((3, minor) for minor in range(8, 30))

Version = tuple[int, int]


def required_python(project: Path) -> str | None:
    """`requires-python` of ``[project]``, or what Poetry's table says in its place."""
    file = project / "pyproject.toml"
    content: Mapping[str, Any] = read_toml(file) if file.is_file() else {}
    poetry = content.get("tool", {}).get("poetry", {}).get("dependencies", {}).get("python")
    found = content.get("project", {}).get("requires-python", poetry)
    return found if isinstance(found, str) else None


def need_allowed(project: Path, python: str) -> None:
    """Raise :class:`UsageError` where the project says that it does not run on this version (``3.12``)."""
    required = required_python(project)
    version = re.match(r"(\d+)\.(\d+)", python)
    if required is None or version is None or allows(required, (int(version[1]), int(version[2]))):
        return
    lowest = lowest_allowed(required)
    line = f'`python = "{lowest}"` in [environment] of its configuration, or ' if lowest else ""
    raise UsageError(
        f"pyproject.toml says that the project needs Python {required}, and the run would use {python}: name"
        f" a version with {line}a file .python-version"
    )


def lowest_allowed(required: str) -> str | None:
    """The lowest version that is allowed, such as ``3.12``."""
    return next((f"{major}.{minor}" for major, minor in _MINORS if allows(required, (major, minor))), None)


def allows(required: str, version: Version) -> bool:
    """Whether some release of a minor version may be allowed; what is not understood allows every one.

    PEP 440 for the operators, and Poetry's `^` and `~`.
    """
    clauses = [_CLAUSE.fullmatch(clause.strip()) for clause in required.split(",")]
    return all(clause is None or _keeps(version, clause) for clause in clauses)


def _keeps(version: Version, clause: re.Match[str]) -> bool:
    operator, major, minor, patch, star = clause.groups()
    limit = (int(major), int(minor or 0))
    same = version[0] == limit[0] if minor is None else version == limit
    kept = {
        ">=": version >= limit,
        ">": version >= limit,
        "<=": version <= limit,
        "<": version < limit or (version == limit and int(patch or 0) > 0),
        "==": same,
        "!=": not (same and star),
        "~=": version >= limit and (version[0] == limit[0] if patch is None else version == limit),
        "^": version >= limit and version[0] == limit[0],
        "~": same,
    }
    return kept[operator]
