"""Which of our own files a stage's result depends on."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ml_stages.code import ROOT, imported, stage_files
from ml_stages.host.stage_work import WRAPPER_MODULES
from ml_stages.stages import BY_NAME, STAGES, Environment, modules


def _names(files: tuple[Path, ...]) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in files}


def test_imports_are_followed() -> None:
    """If this fails, a container lacks a file that its stage imports."""
    assert _names(stage_files("ml_stages.judge")) >= {
        "judge.py",
        "gates/gate.py",
        "gates/__init__.py",
        "config/section.py",
        "evidence.py",
        "verdict.py",
        "stages.py",
        "__init__.py",
    }


@pytest.mark.parametrize(
    "file", sorted(ROOT.rglob("*.py")), ids=lambda file: file.relative_to(ROOT).as_posix()
)
def test_imports_are_those_that_python_sees(file: Path) -> None:
    """If this fails, a container lacks a file, or a cached result outlives an edit."""
    source = file.read_text(encoding="utf-8")
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module, "a relative import"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    assert imported(source) == {name for name in names if name.split(".")[0] == ROOT.name}


def test_training_does_not_depend_on_the_code_of_gates_or_reports() -> None:
    """If this fails, an edit of a gate of ours retrains every user's model."""
    files = _names(stage_files(*modules(BY_NAME["train"])))
    assert files == {
        "__init__.py",
        "wrapper/__init__.py",
        "wrapper/__main__.py",
        "wrapper/command.py",
        "wrapper/package_metadata.py",
        "wrapper/train.py",
    }


@pytest.mark.parametrize(
    "stage",
    [stage for stage in STAGES if stage.environment is not Environment.CORE],
    ids=lambda stage: stage.name,
)
def test_every_stage_has_its_module(stage: object) -> None:
    """If this fails, the table names a module that does not exist."""
    assert stage_files(*modules(stage))  # type: ignore[arg-type]


def test_wrapper_travels_with_all_it_imports() -> None:
    """If this fails, a stage in the project's environment cannot start."""
    assert "wrapper/offline.py" in _names(stage_files(*WRAPPER_MODULES))


def test_unknown_module_is_refused() -> None:
    """If this fails, a typing error in the table gives an empty container."""
    with pytest.raises(ModuleNotFoundError):
        stage_files("ml_stages.nowhere")


def test_a_bundle_depends_on_the_locks_of_the_server() -> None:
    """If this fails, a changed lock of the server gives the old bundle, or a container lacks it."""
    files = _names(stage_files(*modules(BY_NAME["build-image"])))
    assert {"serving/requirements.lock", "serving/onnx.lock"} <= files
    assert "requirements.lock" not in files
