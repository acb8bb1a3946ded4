"""Whether a lock still holds what the project asks for: who edits the one and forgets the other is told.

Only versions that surely break a bound count: release numbers on both sides, and no marker. What the lock
lacks altogether is told by whatever imports it.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from ml_stages.audit.parameters import LockText
from ml_stages.audit.pins import Pin, normalised, read_pins
from ml_stages.config.load import read_toml
from ml_stages.config.sections import EnvironmentConfig
from ml_stages.errors import StageError
from ml_stages.lock import what_is_built_otherwise, what_is_open
from ml_stages.report.numbers import listed

_FILES = ("requirements.in", "requirements.txt")
_REQUIREMENT = re.compile(r"^([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*\(?([^;@)]*)\)?$")
_BOUND = re.compile(r"(>=|<=|==|~=|>|<)\s*(\d+(?:\.\d+)*)")
_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_KEPT: dict[str, Callable[[list[int], list[int]], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "~=": operator.ge,
    ">": operator.gt,
    "<": operator.lt,
}
_NAMED = 3


def told_of_lock(project: Path, lock: LockText, config: EnvironmentConfig) -> tuple[str, ...]:
    """What both runners say of a lock: open pins, stale ones, other builds; empty where there are none."""
    return what_is_open(lock, config), what_is_stale(project, lock), what_is_built_otherwise(lock, config)


def what_is_stale(project: Path, lock: LockText) -> str:
    """Which pins break what ``pyproject.toml`` or a requirements file asks for; empty where none does."""
    pins: dict[str, list[str]] = {}
    with suppress(StageError):  # no lock of PEP 751: who installs it says so
        for pin in read_pins(lock):
            if isinstance(pin, Pin):
                pins.setdefault(pin.name, []).append(pin.version)
    for name, requirements in _asked_for(project, lock.name):
        broken = [text for one in requirements if (text := _broken(one, pins))]
        if broken:
            return (
                f"{lock.name} is older than {name}: it has {listed(broken, _NAMED)}, and what it has is"
                " installed; make the lock again"
            )
    return ""


def _asked_for(project: Path, lock: str) -> Iterator[tuple[str, list[str]]]:
    """Each file that names what the project needs, with its requirements."""
    pyproject = project / "pyproject.toml"
    if pyproject.is_file():
        found = read_toml(pyproject).get("project", {}).get("dependencies", [])
        yield pyproject.name, [one for one in found if isinstance(one, str)]
    for name in _FILES:
        if name != lock and (project / name).is_file():
            lines = (project / name).read_text(encoding="utf-8", errors="replace").splitlines()
            yield name, [line.split("#")[0] for line in lines]


def _broken(requirement: str, pins: dict[str, list[str]]) -> str:
    """`pandas 2.2 instead of >=3`, where no pin of the package keeps the bounds; else empty."""
    match = _REQUIREMENT.match(requirement.strip())
    versions = pins.get(normalised(match[1]), []) if match else []
    if match is None or not versions or any(_may_keep(version, match[2]) for version in versions):
        return ""
    return f"{match[1]} {versions[0]} instead of {match[2].strip()}"


def _may_keep(version: str, bounds: str) -> bool:
    """Whether a version keeps all bounds that are understood."""
    if not _RELEASE.fullmatch(version):
        return True
    understood = (_BOUND.fullmatch(bound.strip()) for bound in bounds.split(","))
    return all(_KEPT[one[1]](*_padded(version, one[2])) for one in understood if one)


def _padded(first: str, second: str) -> tuple[list[int], list[int]]:
    """The numbers of two releases, as long as each other."""
    pairs = itertools.zip_longest(first.split("."), second.split("."), fillvalue="0")
    numbers = [(int(one), int(other)) for one, other in pairs]
    return [one for one, _ in numbers], [other for _, other in numbers]
