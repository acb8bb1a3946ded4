"""The project's pins: which lock file, and which Python it is for."""

from __future__ import annotations

from pathlib import Path

from ml_stages.config.sections import EnvironmentConfig
from ml_stages.errors import UsageError

LOCK_NAMES = ("requirements.lock", "pylock.toml", "requirements.txt")


def find_lock(project: Path, config: EnvironmentConfig) -> Path | None:
    """The project's lock file, or ``None`` where the configuration asks for the current interpreter.

    Raises :class:`UsageError` when there is none: without pins no run can be repeated.
    """
    if config.interpreter == "current":
        return None
    names = [config.lock] if config.lock else LOCK_NAMES
    found = next((project / name for name in names if (project / name).is_file()), None)
    if found is None:
        raise UsageError(
            f"{project} has no lock file ({', '.join(names)}): make one with"
            " `uv pip compile --universal --generate-hashes pyproject.toml -o requirements.lock`, or set"
            " `environment.interpreter = 'current'` to use the Python that runs the pipeline, unlocked"
        )
    return found


def python_version(project: Path, config: EnvironmentConfig) -> str | None:
    """The project's Python version: configured, or in ``.python-version``, else ``None``."""
    file = project / ".python-version"
    if config.python or not file.is_file():
        return config.python
    return file.read_text(encoding="utf-8").split()[0]
