"""A project that is a package finds its version, entry points and programs, though nothing installs it."""

from __future__ import annotations

import tomllib
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

from ml_stages.config.load import load_config
from ml_stages.config.package import PackageConfig, package_of
from ml_stages.wrapper.command import run_command
from ml_stages.wrapper.package_metadata import write_metadata

PROJECT = """
[project]
name = "Loan-Approval.model"
version = "1.2.3"
[project.scripts]
loans-train = "loans.train:Command.main [gpu]"
[project.entry-points.metrics]
cost = "loans.metrics:cost"
"""
POETRY = """
[tool.poetry]
name = "loans"
version = "4.5"
[tool.poetry.scripts]
loans-train = "loans:main"
old = { callable = "loans:main" }
"""
CONFIG = """
name = "loans"
task = "classification"
[data]
path = "t.csv"
label = "y"
[train]
command = "loans-train {train} {model}"
[predictor]
load = "loans:load"
"""


def _package(text: str) -> dict[str, Any] | None:
    found = package_of(tomllib.loads(text))
    return None if found is None else PackageConfig.model_validate(found).model_dump()


def test_metadata_is_found_as_of_an_installed_package(tmp_path: Path) -> None:
    """If this fails, a package that asks for its own version cannot be imported in any stage."""
    write_metadata(_package(PROJECT), tmp_path)
    (found,) = distributions(path=[str(tmp_path)])
    assert (found.metadata["Name"], found.version) == ("Loan-Approval.model", "1.2.3")
    points = {(one.group, one.name): one.value for one in found.entry_points}
    assert points == {
        ("console_scripts", "loans-train"): "loans.train:Command.main [gpu]",
        ("metrics", "cost"): "loans.metrics:cost",
    }


@pytest.mark.parametrize(
    ("project", "version", "programs"),
    [
        (POETRY, "4.5", {"loans-train"}),
        ('[project]\nname = "loans"\ndynamic = ["version"]\n', "0+unknown", set[str]()),
        ('[project]\nname = "loans"\n[tool.poetry]\nversion = "7"\n', "7", set[str]()),
    ],
)
def test_packages_of_other_tools(project: str, version: str, programs: set[str]) -> None:
    """If this fails, packages of Poetry, or with a version from git, cannot be imported."""
    package = _package(project)
    assert package is not None
    assert package["version"] == version
    assert set(package["entry_points"].get("console_scripts", {})) == programs


@pytest.mark.parametrize(
    "project",
    [
        "",
        "[tool.ruff]\n",
        "[project]\n",
        '[project]\nname = "My Project"\n',
        '[project]\nname = "a"\n[project.scripts]\nx = "a.b main"\n',
    ],
)
def test_what_is_no_package_gets_none(tmp_path: Path, project: str) -> None:
    """If this fails, a project that no tool would install cannot be run either."""
    assert _package(project) is None
    write_metadata(None, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_configuration_says_what_the_package_is(tmp_path: Path) -> None:
    """If this fails, nobody sees by what name a stage finds the package, or can say another."""
    (tmp_path / "ml-pipeline.toml").write_text(CONFIG)
    assert load_config(tmp_path).config.package is None
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    loaded = load_config(tmp_path)
    assert loaded.config.package is not None
    assert loaded.config.package.version == "1.2.3"
    assert loaded.origin(("package", "version")) == "pyproject.toml [project]"
    (tmp_path / "ml-pipeline.toml").write_text(f'{CONFIG}[package]\nname = "other"\n')
    assert load_config(tmp_path).config.package == PackageConfig(name="other")


def test_a_program_of_the_project_is_its_training(tmp_path: Path) -> None:
    """If this fails, a `command = "loans-train ..."` ends as a program that does not exist."""
    loans = tmp_path / "src" / "loans"
    loans.mkdir(parents=True)
    (loans / "__init__.py").write_text(
        'from importlib.metadata import version\n__version__ = version("loan-approval-model")\n'
    )
    (loans / "train.py").write_text(
        "import sys\nimport loans\n"
        "class Command:\n"
        "    @staticmethod\n"
        "    def main():\n"
        "        print(loans.__version__, sys.argv[1:])\n"
        "        return 5\n"
    )
    ended = run_command(["loans-train", "--seed", "a b"], tmp_path, 60, package=_package(PROJECT))
    assert (ended["exit_status"], ended["tail"]) == (5, ["1.2.3 ['--seed', 'a b']"])
