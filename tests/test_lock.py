"""The project's lock: what counts as one, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_stages.config.sections import EnvironmentConfig
from ml_stages.errors import UsageError
from ml_stages.lock import find_lock

FOLDERS = (
    "-e .",
    "-e file:.",
    "--editable=./apples",
    ".",
    ".[train]",
    "../../libs/weights",
    "./wheels/weights-1.0-py3-none-any.whl",
    "/home/me/weights",
    "weights @ file:///home/me/weights",
    "weights[fast]@file:../weights",
)


@pytest.mark.parametrize("line", FOLDERS)
def test_a_folder_is_no_pin(tmp_path: Path, line: str) -> None:
    """An edit of a package beside the project trained nothing again, and the verdict was green; no container
    and no bundle could install it."""
    (tmp_path / "requirements.lock").write_text(f"six==1.17.0\n{line}\n")
    with pytest.raises(UsageError, match=r"requirements.lock, line 2: .* installs what lies on this machine"):
        find_lock(tmp_path, EnvironmentConfig())


def test_a_folder_in_a_pylock_is_no_pin(tmp_path: Path) -> None:
    """The same, of the other form of lock."""
    package = '[[packages]]\nname = "apples"\ndirectory = { path = ".", editable = true }\n'
    (tmp_path / "pylock.toml").write_text(f'lock-version = "1.0"\n{package}')
    with pytest.raises(UsageError, match=r"pylock.toml, line 4"):
        find_lock(tmp_path, EnvironmentConfig())


def test_pins_of_every_other_kind_are_taken(tmp_path: Path) -> None:
    """A lock that says where its packages come from, or names extras, could not be used."""
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "# -e .\n--index-url https://packages.example\nsix==1.17.0 \\\n    --hash=sha256:00\n    # via ../x\n"
        "a @ https://example/a.whl\n-e git+https://example/b@0a1b#egg=b\nc[d]==1 ; python_version < '3.13'\n"
    )
    assert find_lock(tmp_path, EnvironmentConfig()) == lock


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("uv.lock", "uv export --no-emit-project"),
        ("poetry.lock", "poetry export"),
        ("requirements.in", "uv pip compile --universal --generate-hashes requirements.in"),
        ("pyproject.toml", "uv pip compile --universal --generate-hashes pyproject.toml"),
    ],
)
def test_the_command_that_writes_a_lock_is_named(tmp_path: Path, file: str, command: str) -> None:
    """Who has a lock of another tool is told that there is none, and not what to do."""
    (tmp_path / file).touch()
    with pytest.raises(UsageError, match=command):
        find_lock(tmp_path, EnvironmentConfig())
