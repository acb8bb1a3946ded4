"""``init`` in a project that was not made for the gates which stand by themselves."""

from __future__ import annotations

import tomllib
from pathlib import Path

import polars as pl
import pytest

from ml_stages.adopt.initial import Initial, write_initial
from ml_stages.wrapper import lint

UNTIDY = "import sys, os\nx = {  'a':1 }\n"


def _initial(project: Path, **files: str) -> Initial:
    for name, text in files.items():
        (project / f"{name}.py").write_text(text, encoding="utf-8")
    (project / "data").mkdir()
    table = pl.DataFrame({"id": range(200), "x": [0.5, 1.5] * 100, "y": ["no", "yes"] * 100})
    table.write_csv(project / "data" / "t.csv")
    return write_initial(project, project / "data", "y")[1]


def _lint_gates(initial: Initial) -> list[dict[str, object]]:
    gates = (
        tomllib.loads(initial.text).get("tool", {}).get("ml-pipeline", tomllib.loads(initial.text))["gates"]
    )
    return [gate for gate in gates if gate["kind"] == "lint"]


def test_a_project_without_settings_of_ruff_starts_from_what_there_is(tmp_path: Path) -> None:
    """If this fails, the first run of a project that is formatted by hand is red for its quotes."""
    (gate,) = _lint_gates(_initial(tmp_path, train=UNTIDY, other="y = 1\n"))
    config = {"ruff": True, "mypy": None, "paths": ["."]}
    job = {"inputs": {"source": str(tmp_path)}, "config": {"lint": config}, "parameters": {}}
    assert gate["max_findings"] == len(lint.run(job)["findings"]) >= 3


@pytest.mark.parametrize(
    ("name", "text"), [("ruff.toml", ""), ("pyproject.toml", "[tool.ruff.lint]\nselect = ['F']\n")]
)
def test_a_project_with_settings_of_ruff_is_held_to_them(tmp_path: Path, name: str, text: str) -> None:
    """If this fails, `init` lets faults pass that the project itself calls faults."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert not _lint_gates(_initial(tmp_path, train=UNTIDY))


def test_a_tidy_project_keeps_the_gate_as_it_stands(tmp_path: Path) -> None:
    """If this fails, every project gets a table about linters, for nothing."""
    assert not _lint_gates(_initial(tmp_path, train="x = 1\n"))


def test_what_git_ignores_is_nobody_s_fault(tmp_path: Path) -> None:
    """If this fails, files that no checkout has raise how much may be found in those that count."""
    (tmp_path / ".gitignore").write_text("scratch.py\n", encoding="utf-8")
    assert not _lint_gates(_initial(tmp_path, train="x = 1\n", scratch=UNTIDY))


@pytest.mark.parametrize(("name", "told"), [("train", True), ("test_train", False), ("train_test", False)])
def test_a_project_without_tests_is_told(tmp_path: Path, *, name: str, told: bool) -> None:
    """If this fails, a newcomer learns after the training that the model cannot go out."""
    initial = _initial(tmp_path, **{name: "x = 1\n"})
    assert any(point.startswith("tests:") for point in initial.open_points) is told


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("requirements.txt", "pandas\n", True),
        ("requirements.txt", "pandas\npytest>=8\n", False),
        ("requirements.lock", "# via pytest\nipytest==1\n", True),
        ("requirements.lock", "pytest-cov==7.0 \\\n    --hash=sha256:00\n", False),
        ("pylock.toml", '[[packages]]\nname = "pytest"\n', False),
    ],
)
def test_a_lock_without_pytest_is_told(tmp_path: Path, name: str, text: str, *, told: bool) -> None:
    """If this fails, a newcomer with tests learns from a red first run that none of them ran."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    points = _initial(tmp_path, test_train="x = 1\n").open_points
    assert [point for point in points if point.startswith("tests:")] == [
        f"tests: {name} has no pytest, so none can run; add it there, or to what it is made from"
    ] * told
