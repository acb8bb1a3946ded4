"""Read the pins out of a lock: which versions are installed, and which lines name none."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import PurePosixPath

from ml_stages.audit.parameters import LockText
from ml_stages.errors import StageError


@dataclass(frozen=True)
class Pin:
    """One package at one version."""

    name: str
    """Normalised as PEP 503 says."""
    version: str
    line: int | None = None
    marker: str = ""
    """Where the pin counts, e.g. ``python_full_version < '3.12'``."""


@dataclass(frozen=True)
class Unpinned:
    """A requirement about whose version the lock says nothing."""

    text: str
    line: int | None = None


_PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*===?\s*(?P<version>[^\s;,*]+)\s*(?:;\s*(?P<marker>.*))?$"
)
_LOCAL = re.compile(r"^(?:-e\s*|--editable[\s=]+)?(?:\.|/|file:)")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_OPTIONS = re.compile(r"\s--?\w.*$")
_PYLOCK = re.compile(r"^pylock(?:\.[^.]+)?\.toml$")


def read_pins(lock: LockText | None) -> list[Pin | Unpinned]:
    """Every pin of a lock, of all its platforms; without a lock what is installed here.

    Understands requirements files and ``pylock.toml`` (PEP 751). A package that lies in the project
    itself is left out: no advisory is about it. Raises :class:`StageError` for a file that is neither.
    """
    if lock is None:
        return [Pin(normalised(found.name), found.version) for found in distributions()]
    if _PYLOCK.match(PurePosixPath(lock.name).name):
        return list(_read_pylock(lock))
    return list(_read_requirements(lock.text))


def normalised(name: str) -> str:
    """The name that the index and the advisories use (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read_requirements(text: str) -> Iterator[Pin | Unpinned]:
    for number, line in _logical_lines(text):
        requirement = _OPTIONS.sub("", line).strip()
        if match := _PIN.match(requirement):
            marker = (match["marker"] or "").strip()
            yield Pin(normalised(match["name"]), match["version"], number, marker)
        elif line.startswith(("-r", "--requirement")) or _names_a_package(line):
            yield Unpinned(line, number)


def _names_a_package(line: str) -> bool:
    """Whether a line installs something from outside the project: no option, no folder in it."""
    editable = line.startswith(("-e", "--editable"))
    return not _LOCAL.match(line) and (editable or not line.startswith("-"))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, joined where they end with a backslash, by the number of their first."""
    pending, first = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _COMMENT.sub("", raw)
        first = first if pending else number
        pending += line.removesuffix("\\") + " "
        if not line.endswith("\\"):
            if pending.strip():
                yield first, pending.strip()
            pending = ""
    if pending.strip():
        yield first, pending.strip()


def _read_pylock(lock: LockText) -> Iterator[Pin | Unpinned]:
    try:
        packages = tomllib.loads(lock.text)["packages"]
        headers = [
            number
            for number, line in enumerate(lock.text.splitlines(), start=1)
            if line.strip() == "[[packages]]"
        ]
        lines = headers if len(headers) == len(packages) else [None] * len(packages)
        for package, number in zip(packages, lines, strict=True):
            if "version" in package:
                yield Pin(normalised(package["name"]), package["version"], number, package.get("marker", ""))
            elif "directory" not in package:
                yield Unpinned(package["name"], number)
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise StageError(f"{lock.name} cannot be read as a lock of PEP 751: {error!r}") from None
