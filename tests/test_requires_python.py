"""Which Python a project says that it needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from ml_stages.config.sections import EnvironmentConfig
from ml_stages.errors import UsageError
from ml_stages.lock import python_version
from ml_stages.requires_python import allows, lowest_allowed, need_allowed, required_python
from tests.projects import TinyProject

MINORS = [(3, minor) for minor in range(6, 16)]


@pytest.mark.parametrize(
    "required",
    [
        ">=3.12",
        ">=3.10,<3.13",
        ">= 3.9, != 3.10.*",
        ">3.8",
        "<4",
        "<=3.11",
        "<3.11.4",
        "==3.11.*",
        "==3.11.7",
        "==3.*",
        "~=3.11",
        "~=3.11.2",
        ">=3",
        "!=3.11.3",
        "",
    ],
)
def test_a_minor_version_is_allowed_where_one_of_its_releases_is(required: str) -> None:
    """If this fails, a project runs on a Python that it excludes, or is refused on one that it allows."""
    for major, minor in MINORS:
        releases = [f"{major}.{minor}.{patch}" for patch in range(40)]
        expected = any(SpecifierSet(required).filter(releases))
        assert allows(required, (major, minor)) is expected, (required, minor)


@pytest.mark.parametrize(("required", "lowest"), [("^3.12", "3.12"), ("~3.10", "3.10"), ("^3", "3.8")])
def test_the_words_of_poetry_are_known(tmp_path: Path, required: str, lowest: str) -> None:
    """If this fails, a project of Poetry runs on any Python."""
    pyproject = f'[tool.poetry.dependencies]\npython = "{required}"\n'
    (tmp_path / "pyproject.toml").write_text(pyproject)
    assert required_python(tmp_path) == required
    assert lowest_allowed(required) == lowest
    assert not allows(required, (4, 0))
    assert allows("whatever this says", (3, 11))


def test_a_python_that_the_project_does_not_run_on_is_refused(tmp_path: Path) -> None:
    """If this fails, the project's own code ends in a syntax error that names no reason."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "p"\nrequires-python = ">=3.12"\n')
    with pytest.raises(
        UsageError, match=r'needs Python >=3\.12, and the run would use 3\.11: .*`python = "3\.12"`'
    ):
        need_allowed(tmp_path, "3.11")
    need_allowed(tmp_path, "3.12.1")
    need_allowed(tmp_path, "pypy")  # a name that uv knows, maybe


@pytest.mark.parametrize(("text", "version"), [("# ours\n3.12 \n3.11\n", "3.12"), ("\n", None)])
def test_the_version_file_is_read_as_its_tools_do(tmp_path: Path, text: str, version: str | None) -> None:
    """If this fails, an empty file, or one with a comment, ends in a traceback."""
    (tmp_path / ".python-version").write_text(text)
    assert python_version(tmp_path, EnvironmentConfig()) == version


def test_a_run_asks_before_it_installs_anything(project: TinyProject) -> None:
    """If this fails, the refusal is never reached, or stops stages that run none of the project's code."""
    project.edit("pyproject.toml", 'interpreter = "current"', "")
    project.write("requirements.txt", "six==1.17.0\n")
    project.edit("pyproject.toml", "[project]", '[project]\nrequires-python = ">=3.28"')
    refused = project.run(command="test")
    assert refused.exit_status == 2, refused.output
    assert "needs Python >=3.28" in refused.output
    split = project.run(command="split")
    assert split.exit_status == 0, split.output
