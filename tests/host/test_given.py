"""What version control says of the source."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ml_stages.host.given import commit_of, told_of_empty_submodules
from ml_stages.host.source import find_source


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a folder of a repository, all of it committed."""
    project = tmp_path / "models" / "apples"
    project.mkdir(parents=True)
    (project / "train.py").write_text("")
    (project / ".gitignore").write_text("*.log\n")
    _git(tmp_path, "init", "-q")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-qm", "apples")
    return project


def _git(folder: Path, *words: str) -> None:
    names = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *names, "-C", str(folder), *words], check=True, capture_output=True)


def _dirty(project: Path) -> bool | None:
    return commit_of(project, find_source(project))[1]


def test_a_module_that_was_never_added_is_no_part_of_the_commit(project: Path) -> None:
    """If this fails, an image is labelled with a commit that it cannot be built from."""
    (project / "train.log").write_text("")
    assert _dirty(project) is False
    (project / "r\u00e4ume.py").write_text("")
    assert _dirty(project) is True
    _git(project, "add", ".")
    assert _dirty(project) is True
    _git(project, "commit", "-qm", "more")
    assert _dirty(project) is False


def test_an_edit_differs_from_the_commit(project: Path) -> None:
    """If this fails, code that nobody committed goes out under a commit's name."""
    (project / "train.py").write_text("print()")
    assert _dirty(project) is True


def _add_submodule(project: Path, library: Path, place: str) -> None:
    library.mkdir()
    (library / "scales.py").write_text("")
    _git(library, "init", "-q")
    _git(library, "add", ".")
    _git(library, "commit", "-qm", "scales")
    _git(project, "submodule", "--quiet", "add", str(library), place)


def test_what_stands_in_a_submodule_is_committed(project: Path, tmp_path: Path) -> None:
    """If this fails, a project with a submodule never gets a label with its commit."""
    _add_submodule(project, tmp_path / "library", "scales")
    _git(project, "commit", "-qm", "scales")
    assert _dirty(project) is False


def test_without_git_nothing_is_said(tmp_path: Path) -> None:
    """If this fails, an export of the source ends in an error, or counts as clean."""
    assert commit_of(tmp_path, find_source(tmp_path)) == (None, None)
    assert told_of_empty_submodules(tmp_path) == ""


def test_a_submodule_that_was_not_checked_out_is_named(project: Path, tmp_path: Path) -> None:
    """If this fails, who forgets it in CI reads of a module that is not there, which stands on the laptop."""
    _add_submodule(project, tmp_path / "library", "shared lib")
    assert told_of_empty_submodules(project) == ""
    _git(project, "submodule", "--quiet", "deinit", "-f", "shared lib")
    said = told_of_empty_submodules(project)
    assert said.startswith("no source, since these submodules were not checked out: shared lib; ")
    assert "models/apples/shared lib; " in told_of_empty_submodules(tmp_path)
