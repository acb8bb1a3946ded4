"""The project's pins: which lock file, and which Python it is for."""

from __future__ import annotations

import re
from pathlib import Path

from ml_stages.audit.parameters import LockText
from ml_stages.audit.pins import Pin, Unpinned, read_pins
from ml_stages.config.load import read_toml
from ml_stages.config.sections import EnvironmentConfig
from ml_stages.errors import UsageError
from ml_stages.report.numbers import listed

_MADE = "requirements.lock"
LOCK_NAMES = (_MADE, "pylock.toml", "requirements.txt")

_UNREAD = {
    "uv.lock": "uv export --no-emit-project -o requirements.lock",
    "poetry.lock": "poetry export --all-groups -o requirements.lock",
    "pdm.lock": "pdm export -o requirements.lock",
    "Pipfile.lock": "pipenv requirements --dev --hash > requirements.lock",
}
"""Locks of tools that write their own form, and the command that writes ours, with what tests need."""

_FOLDER_LINE = re.compile(
    r"^(?:(?:-e|--editable)[\s=]*)?(?:[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?\s*@\s*)?"
    r"(?:file:|\.{0,2}/|\.{1,2}(?:$|[\s;\[]))"
)
_OTHER_FILE = re.compile(r"^(?:-[rc]|--requirement|--constraint)(?:[\s=]|(?<=-[rc])\S)")
"""More pins, or bounds, in a file that is not this one."""
_NAMED_TO_THE_BIT = re.compile(r"^(?:[^@]*@\s*)?https?://|\bgit\+[^#]*@[0-9a-f]{7,40}(?:#|\s|$)")
"""A file on the network, and a commit: no versions, and yet the same package every time."""
_PASSWORD = re.compile(r"//[^/@\s]+@")
_PYTEST = re.compile(r"pytest\b")
_NAMED = 3
_BUILT_BY_BACKEND = ("torch", "torchvision", "torchaudio")
_FOLDER_PACKAGE = re.compile(r"^(?:\[packages\.directory\]|directory\s*=)")


def find_lock(project: Path, config: EnvironmentConfig) -> Path | None:
    """The project's lock file, or ``None`` where the configuration asks for the current interpreter.

    Raises :class:`UsageError` when there is none, or one that installs a folder or reads another file:
    without pins no run can be repeated.
    """
    if config.interpreter == "current":
        return None
    names = [config.lock] if config.lock else LOCK_NAMES
    found = next((project / name for name in names if (project / name).is_file()), None)
    if found is None:
        raise UsageError(
            f"{project} has no lock file ({', '.join(names)}): make one with"
            f" {how_to_lock(project, config)}, or set"
            " `environment.interpreter = 'current'` to use the Python that runs the pipeline, unlocked"
        )
    _refuse_folders(found, config)
    return found


def what_is_open(lock: LockText, config: EnvironmentConfig) -> str:
    """Which packages a lock leaves open, and the command that writes one that does not; empty where none.

    The environment of an open lock is another one as soon as there are new releases, while everything that
    is known by the lock's text counts as unchanged. What its packages need in turn is not looked at. A lock
    of PEP 751 cannot be open.
    """
    if lock.name.endswith(".toml"):
        return ""
    found = [one.text for one in read_pins(lock) if isinstance(one, Unpinned)]
    names = [
        _PASSWORD.sub("//***@", text.split(";")[0].strip())
        for text in found
        if not _NAMED_TO_THE_BIT.search(text)
    ]
    if not names:
        return ""
    lines = "1 line has" if len(names) == 1 else f"{len(names)} lines have"
    named = " and name it in environment.lock" if config.lock not in {None, _MADE} else ""
    return (
        f"{lock.name} is no real lock: {lines} no pin ({listed(names, _NAMED)}), so the same code"
        " and data can train another model once there are new releases; write one with"
        f" {_compile(lock.name, config)}{named}"
    )


def what_is_built_otherwise(lock: LockText, config: EnvironmentConfig) -> str:
    """That a lock's hashes are of other builds of torch than are installed; empty where they are not.

    A build for one kind of device has the kind in its version (``2.9.1+cpu``), but for macOS.
    """
    if config.torch_backend is None or lock.name.endswith(".toml") or "--hash" not in lock.text:
        return ""
    pins = [pin for pin in read_pins(lock) if isinstance(pin, Pin) and pin.name in _BUILT_BY_BACKEND]
    built = {pin.name for pin in pins if "+" in pin.version}
    others = [f"{pin.name} {pin.version}" for pin in pins if pin.name not in built]
    if not others:
        return ""
    return (
        f"{lock.name} has {listed(others, _NAMED)} with hashes of a build for any device, and"
        f" environment.torch_backend = {config.torch_backend!r} installs another one on Linux, which these"
        f" hashes refuse or do not check; make the lock again with {_compile('requirements.in', config)},"
        " or of whatever it was made"
    )


def how_to_lock(project: Path, config: EnvironmentConfig) -> str:
    """The command that writes a lock out of what the project has, in words."""
    for name, command in _UNREAD.items():
        if (project / name).is_file():
            return f"`{command}`"
    sources = ("requirements.in", "pyproject.toml", "setup.py", "setup.cfg")
    source = next((name for name in sources if (project / name).is_file()), None)
    named = f"{source or sources[0]}{_with_tests(project) if source == 'pyproject.toml' else ''}"
    command = _compile(named, config)
    return command if source else f"{command} out of a {sources[0]} that names its packages, a line each"


def _compile(sources: str, config: EnvironmentConfig) -> str:
    """The command that pins what the environment's own settings would install."""
    backend = f" --torch-backend {config.torch_backend}" if config.torch_backend else ""
    indexes = "".join(f" --index {_PASSWORD.sub('//***@', index)}" for index in config.extra_indexes)
    return f"`uv pip compile --universal{backend}{indexes} --generate-hashes {sources} -o {_MADE}`"


def _with_tests(project: Path) -> str:
    """The option that adds pytest, which a project names apart from what it needs to run; empty without."""
    table = read_toml(project / "pyproject.toml")
    extras = table.get("project", {}).get("optional-dependencies", {})
    for option, lists in (("extra", extras), ("group", table.get("dependency-groups", {}))):
        for name, requirements in lists.items():
            if any(isinstance(one, str) and _PYTEST.match(one) for one in requirements):
                return f" --{option} {name}"
    return ""


def lacks(lock: Path, *names: str) -> bool:
    """Whether a lock file installs none of some packages, nor one that adds to them (``pytest-cov``)."""
    line = re.compile(rf"""^\s*(?:name\s*=\s*["'])?(?:{"|".join(names)})\b""", re.MULTILINE)
    return not line.search(lock.read_text(encoding="utf-8", errors="replace"))


def _refuse_folders(lock: Path, config: EnvironmentConfig) -> None:
    """What lies elsewhere is no pin: its edits would change nothing that anything is known by."""
    pattern = _FOLDER_PACKAGE if lock.suffix == ".toml" else _FOLDER_LINE
    for number, line in enumerate(lock.read_text(encoding="utf-8").splitlines(), start=1):
        if lock.suffix != ".toml" and _OTHER_FILE.match(line):
            raise UsageError(
                f"{lock.name}, line {number}: `{line.strip()}` names another file, whose edits would go"
                f" unseen; write what both hold into one: {_compile(lock.name, config)}"
            )
        if pattern.match(line):
            raise UsageError(
                f"{lock.name}, line {number}: `{line.strip()}` installs what lies on this machine, which"
                " is no pin: an edit of it would go unseen, and no container and no bundle would have it."
                " The project itself needs no line, it is importable as it is (`uv export"
                " --no-emit-project` leaves it out); of another package pin a release, or move it into the"
                " project"
            )


def python_version(project: Path, config: EnvironmentConfig) -> str | None:
    """The project's Python version: configured, or in ``.python-version``, else ``None``."""
    file = project / ".python-version"
    if config.python or not file.is_file():
        return config.python
    lines = (line.split("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return next(filter(None, lines), None)
