"""What may import what."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from ml_stages.code import ROOT

LIGHT = (
    "ml_stages.config.load",
    "ml_stages.stages",
    "ml_stages.graph",
    "ml_stages.runner",
    "ml_stages.judge",
    "ml_stages.conclude",
    "ml_stages.verdict",
    "ml_stages.verify",
    "ml_stages.report.files",
    "ml_stages.report.text",
    "ml_stages.code",
)
ALLOWED = {"anyio", "pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}
ALLOWED |= {"sniffio", "idna", "ml_stages", "ml_pipeline"}

SHOW_IMPORTS = """
import sys
before = set(sys.modules)
import {modules}
found = {{name.split(".")[0] for name in set(sys.modules) - before}}
print(" ".join(sorted(found - set(sys.stdlib_module_names))))
"""


def test_light_core_needs_only_pydantic_and_anyio() -> None:
    """If this fails, the Dagger module no longer loads: the engine installs nothing else for it."""
    code = SHOW_IMPORTS.format(modules=", ".join(LIGHT))
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name for name in shown.stdout.split() if not name.startswith("_")} <= ALLOWED


@pytest.mark.parametrize(
    "module",
    [
        "ml_stages.data.validate",
        "ml_stages.data.split",
        "ml_stages.evaluation.evaluate",
        "ml_stages.judge_files",
        "ml_stages.serving.probe",
    ],
)
def test_stages_start_without_what_few_runs_need(module: str) -> None:
    """Every stage of every run would wait for an import; scipy's alone takes as long as numpy's and more."""
    shown = subprocess.run(
        [sys.executable, "-c", SHOW_IMPORTS.format(modules=module)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"scipy", "sklearn", "pandas", "pyarrow", "onnxruntime", "torch"} & set(shown.stdout.split())


def _imports(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {
        node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
    }


@pytest.mark.parametrize("file", sorted(ROOT.rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT)))
def test_stages_never_import_dagger(file: Path) -> None:
    """If this fails, the host run and the containers of stages need the Dagger SDK."""
    assert not {name for name in _imports(file) if name.split(".")[0] in {"dagger", "ml_pipeline"}}


@pytest.mark.parametrize("file", sorted((ROOT / "wrapper").glob("*.py")), ids=lambda file: file.name)
def test_wrapper_needs_the_standard_library_alone(file: Path) -> None:
    """If this fails, something of ours can collide with what a project pinned."""
    foreign = {name.split(".")[0] for name in _imports(file)} - set(sys.stdlib_module_names) - {"ml_stages"}
    assert not foreign


def test_help_imports_nothing_heavy() -> None:
    """If this fails, the command is slow before it does anything."""
    code = "import sys; from ml_stages.cli import parser; parser(); print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in shown.stdout.split()}
    assert not loaded & {"anyio", "numpy", "polars", "psutil", "pydantic", "rich", "scipy", "uvicorn"}
