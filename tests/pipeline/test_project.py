"""What the module says of a project that it cannot run: no engine is needed for that."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import dagger
import pytest

from ml_pipeline.project import read_project
from ml_stages.errors import UsageError
from ml_stages.host.source import find_source
from ml_stages.source_patterns import told_of_folder_links
from tests.projects import TinyProject


class _Folder:
    """A directory of the engine's that is one of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.excluded: list[str] = []

    def filter(self, exclude: Sequence[str] = (), **_: Any) -> _Folder:
        self.excluded = [*exclude]
        return self

    async def export(self, path: str) -> None:
        shutil.copytree(self._root, path, symlinks=True)


def _refusal(project: TinyProject, profile: str | None = None) -> str:
    source = cast("dagger.Directory", _Folder(project.root))
    with pytest.raises(UsageError) as caught:
        asyncio.run(read_project(source, None, profile))
    return str(caught.value)


def test_messages_name_the_project_s_files(project: TinyProject) -> None:
    """If this fails, a user reads of a file in a temporary folder of a container that is gone."""
    assert re.match(r"pyproject\.toml has no profile 'nope'", _refusal(project, "nope"))
    project.edit("pyproject.toml", "label =", "lable =")
    assert _refusal(project).startswith("pyproject.toml: ")
    project.write("pyproject.toml", "")
    assert _refusal(project).startswith("the source has no configuration")


def test_a_missing_lock_file_is_named(project: TinyProject) -> None:
    """If this fails, whoever forgot the lock file hears of a folder that does not exist."""
    project.edit("pyproject.toml", 'interpreter = "current"', 'lock = "pins.txt"')
    said = _refusal(project)
    assert "pins.txt" in said
    assert "tmp" not in said


def test_a_lock_without_pins_is_told_to_the_run(project: TinyProject) -> None:
    """If this fails, containers are made of other packages every month under one key, without a word."""
    project.edit("pyproject.toml", 'interpreter = "current"', "")
    project.write("requirements.txt", "torch\n")
    source = cast("dagger.Directory", _Folder(project.root))
    read = asyncio.run(read_project(source, None, None))
    assert "requirements.txt is no real lock: 1 line has no pin (torch)" in "".join(read.told)
    project.write("requirements.txt", "torch==2.9.1\n")
    assert asyncio.run(read_project(source, None, None)).told == ()


def test_links_are_source_where_they_are_on_the_host(project: TinyProject) -> None:
    """If this fails, an engine tests other files than the laptop, or files of its own that a link names."""
    project.edit("pyproject.toml", 'interpreter = "current"', "")
    project.write("requirements.txt", "pandas==3.0.0\n")
    (project.root / "kept.py").symlink_to("train.py")
    (project.root / "all [old]").symlink_to("tests")
    (project.root / "tests" / "host").symlink_to("/etc/hostname")
    (project.root / "round").symlink_to("round")
    source = _Folder(project.root)
    read = asyncio.run(read_project(cast("dagger.Directory", source), None, None))
    assert source.excluded == ["all \\[old]", "round", "tests/host"]
    folders, stray = read.told
    assert folders == _told_on_the_host(project)
    assert "round, tests/host" in stray
    (project.root / "round").unlink()
    (project.root / "tests" / "host").unlink()
    assert read.source_digest == find_source(project.root).digest


def _told_on_the_host(project: TinyProject) -> str:
    return told_of_folder_links(find_source(project.root).linked)
