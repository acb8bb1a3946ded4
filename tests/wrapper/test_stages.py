"""The wrapper in the project's environment: each command for real, its report as the models want it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ml_stages import digest, evidence
from ml_stages.evidence import LintReport, TrainReport
from ml_stages.wrapper import predict
from ml_stages.wrapper.train import find_device
from tests.projects import TinyProject


def _run(stage: str, project: TinyProject, tmp_path: Path, config: dict[str, Any], **parameters: Any) -> str:
    """Run one wrapper stage as a runner does; returns the report's text."""
    model, train = tmp_path / "model", tmp_path / "train"
    model.mkdir()
    train.mkdir()
    (train / "train.csv").write_bytes((project.root / "data" / "apples.csv").read_bytes())
    job = {
        "stage": stage,
        "config": config,
        "parameters": {"timeout": 60, "ruff": str(Path(sys.executable).with_name("ruff")), **parameters},
        "inputs": {"source": str(project.root), "code": str(project.root), "train-set": str(train)},
        "outputs": {"model": str(model)},
        "report": str(tmp_path / "report.json"),
    }
    (tmp_path / "job.json").write_text(json.dumps(job))
    subprocess.run(
        [sys.executable, "-m", "ml_stages.wrapper", stage, str(tmp_path / "job.json")],
        check=True,
        timeout=60,
        env={**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])},
    )
    return (tmp_path / "report.json").read_text()


LINT = {"lint": {"ruff": True, "mypy": None, "paths": ["."]}}
TRAIN = {"train": {"command": "python train.py {train} {model} {seed}"}, "seed": 3}


def test_clean_source_has_no_findings(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, a clean project cannot pass."""
    report = LintReport.model_validate_json(_run("lint", project, tmp_path, LINT))
    assert report.findings == []
    assert [tool.name for tool in report.tools] == ["ruff check", "ruff format"]
    assert all("ruff" in tool.version for tool in report.tools)


def test_findings_name_file_line_and_rule(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, a finding cannot be found."""
    project.edit("train.py", "import json", "import os\nimport json")
    project.write("ugly.py", "x=  1\n")
    project.write("mypy.ini", "[mypy]\n")
    project.write("typed.py", "x: int = 'no'\n")
    report = LintReport.model_validate_json(_run("lint", project, tmp_path, LINT))
    found = {(finding.file, finding.line, finding.rule) for finding in report.findings}
    assert ("train.py", 3, "F401") in found
    assert ("ugly.py", 1, "ruff format") in found
    assert ("typed.py", 1, "assignment") in found


def test_findings_in_the_cells_of_a_notebook_are_counted(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, beside one of a module those of notebooks do not count, and `max_findings` is kept."""
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": [text]}
        for text in ("import os", "import sys\n\nx = {'a':1}")
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    project.write("look.ipynb", json.dumps(notebook))
    project.write("unused.py", "import os\n")
    report = LintReport.model_validate_json(_run("lint", project, tmp_path, LINT))
    found = {(one.file, one.line, one.rule, one.message.partition(": ")[0]) for one in report.findings}
    assert {
        ("look.ipynb", None, "F401", "cell 1, line 1"),
        ("look.ipynb", None, "F401", "cell 2, line 1"),
        ("look.ipynb", None, "ruff format", "cell 2, line 3"),
        ("unused.py", 1, "F401", "[*] `os` imported but unused"),
    } == found


def test_a_linter_that_cannot_run_is_a_finding(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, a broken linter configuration passes as clean code."""
    project.edit("pyproject.toml", "line-length = 100", "line-lenght = 100")
    report = LintReport.model_validate_json(_run("lint", project, tmp_path, LINT))
    assert any("ended with status 2" in finding.message for finding in report.findings)


@pytest.mark.parametrize(
    ("old", "new", "tests", "failures", "errors"),
    [
        ("Scales weigh", "Scales work", 1, 0, 0),
        ('["no", "yes"]', '["yes", "no"]', 1, 1, 0),
        ("from apples import Scale", "from pears import Scale", 1, 0, 1),
    ],
)
def test_tests_are_counted(
    project: TinyProject, tmp_path: Path, old: str, new: str, tests: int, failures: int, errors: int
) -> None:
    """If this fails, a failing test is not seen."""
    project.edit("tests/test_apples.py", old, new)
    text = _run("test", project, tmp_path, {"test": {"command": "python -m pytest"}})
    report = evidence.TestReport.model_validate_json(text)
    assert (report.tests, report.failures, report.errors) == (tests, failures, errors)
    assert report.run.succeeded == (failures + errors == 0)
    assert len(report.failed_tests) == failures + errors


@pytest.mark.parametrize(
    ("new", "raised"),
    [
        ("from pears import Scale", "collection failure: ModuleNotFoundError: No module named 'pears'"),
        ("from apples import (Scale", "collection failure: SyntaxError: '(' was never closed"),
    ],
)
def test_tests_that_cannot_be_imported_say_why(
    project: TinyProject, tmp_path: Path, new: str, raised: str
) -> None:
    """If this fails, a missing package is a `collection failure`, and somebody has to look for the log."""
    project.edit("tests/test_apples.py", "from apples import Scale", new)
    text = _run("test", project, tmp_path, {"test": {"command": "python -m pytest"}})
    (failed,) = evidence.TestReport.model_validate_json(text).failed_tests
    assert failed.message == raised


def test_a_project_without_tests_has_none(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, a project without tests looks tested."""
    (project.root / "tests" / "test_apples.py").unlink()
    report = evidence.TestReport.model_validate_json(
        _run("test", project, tmp_path, {"test": {"command": "python -m pytest"}})
    )
    assert report.tests == 0
    assert not report.run.succeeded


def test_training_writes_the_model_and_says_where(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, nothing is trained."""
    report = TrainReport.model_validate_json(_run("train", project, tmp_path, TRAIN, gpu="off"))
    assert report.run.succeeded
    assert report.model_files == ["model.json"]
    assert report.device.kind == "cpu"
    assert report.seed == 3


def test_a_model_with_links_that_no_bundle_holds_is_told(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, `latest -> checkpoint` answers offline, and what is served breaks without a reason."""
    project.edit(
        "train.py",
        'Path(model, "model.json")',
        """Path(model, "checkpoint").mkdir()
Path(model, "latest").symlink_to("checkpoint")
Path(model, "same.json").symlink_to("model.json")
Path(model, "gone").symlink_to("nowhere")
Path(model, "model.json")""",
    )
    report = TrainReport.model_validate_json(_run("train", project, tmp_path, TRAIN, gpu="off"))
    (note,) = report.notes
    assert note.startswith("the model folder holds links to folders, or links that lead nowhere")
    assert ": gone, latest; write the files themselves" in note


def test_training_is_held_to_its_seed_and_threads(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, a laptop and a CI host with more cores train different models."""
    project.write(
        "train.py",
        "import json, os, pathlib, sys\n"
        "names = ['PYTHONHASHSEED', 'OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'CUBLAS_WORKSPACE_CONFIG']\n"
        "found = {name: os.environ.get(name) for name in names}\n"
        "pathlib.Path(sys.argv[2], 'model.json').write_text(json.dumps(found))\n",
    )
    config = {**TRAIN, "train": {**TRAIN["train"], "threads": 2}}  # type: ignore[dict-item]
    report = TrainReport.model_validate_json(_run("train", project, tmp_path, config, gpu="off"))
    assert (report.seed, report.threads) == (3, 2)
    found = json.loads((tmp_path / "model" / "model.json").read_text())
    assert found == {
        "PYTHONHASHSEED": "3",
        "OMP_NUM_THREADS": "2",
        "MKL_NUM_THREADS": "2",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }


def test_training_that_writes_nothing_failed(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, an empty folder is shipped as a model."""
    project.write("train.py", "print('done')\n")
    report = TrainReport.model_validate_json(_run("train", project, tmp_path, TRAIN, gpu="off"))
    assert not report.run.succeeded
    assert "wrote no file" in report.run.tail[-1]


def test_a_program_that_does_not_exist_is_the_projects_failure(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, a mistyped command looks like a broken pipeline."""
    config = {**TRAIN, "train": {"command": "pyton train.py {train} {model}"}}
    report = TrainReport.model_validate_json(_run("train", project, tmp_path, config, gpu="off"))
    assert report.run.exit_status == 127
    assert report.run.tail == ["pyton: No such file or directory"]


@pytest.fixture
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver's tool that names two GPUs."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text(
        "#!/bin/sh\n"
        '[ -n "$1" ] && echo "0, GPU-1a, NVIDIA H200, 580.159.04\n1, GPU-2b, NVIDIA L4, 580.159.04" '
        '|| echo "| CUDA Version: 13.0 |"\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_is_named_by_its_driver() -> None:
    """If this fails, a verdict does not say what a model was trained on."""
    assert find_device() == {"kind": "cuda", "name": "NVIDIA H200", "driver": "580.159.04", "cuda": "13.0"}


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("visible", "name"),
    [
        ("1,0", "NVIDIA L4"),
        ("GPU-2", "NVIDIA L4"),
        ("MIG-3c", "NVIDIA H200"),
        ("", "cpu"),
        ("-1", "cpu"),
        ("7", "cpu"),
    ],
)
def test_the_gpu_named_is_one_that_training_may_use(
    visible: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, `CUDA_VISIBLE_DEVICES=` trains on the processor, and the verdict says on a GPU."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert find_device()["name"] == name


def test_without_a_driver_it_is_the_processor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """If this fails, a machine without a GPU cannot train."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_device()["kind"] == "cpu"


_SECRET = "123-45-6789"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("return [{'known': 1}[one] for one in table['person']]", "KeyError (its message is left out"),
        ("return [float(one) for one in table['person']]", "ValueError (its message is left out"),
        ("return table['label']", "'label' is the label, which no predictor is given"),
    ],
)
def test_a_predictor_that_fails_shows_no_sensitive_value(tmp_path: Path, code: str, expected: str) -> None:
    """If this fails, a verdict that a CI host publishes quotes the numbers of people in its last lines."""
    for name in ("features", "model", "code", "predictions"):
        (tmp_path / name).mkdir()
    feature = {"name": "person", "type": "string", "nullable": False, "sensitive": True}
    schema = {"features": [feature], "label": {"name": "label", "type": "int"}, "key": [], "null_values": []}
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    (tmp_path / "features" / "features.csv").write_text(f"person\n{_SECRET}\n")
    (tmp_path / "features" / "keys.csv").write_text("key\n1\n")
    source = f"class P:\n    def predict(self, table):\n        {code}\n\ndef load(_):\n    return P()\n"
    (tmp_path / "code" / "quoting.py").write_text(source)
    task = {
        "features": str(tmp_path / "features"),
        "schema": str(tmp_path / "schema.json"),
        "load": "quoting:load",
        "model": str(tmp_path / "model"),
        "allowed": [],
        "output": str(tmp_path / "predictions"),
        "measured": str(tmp_path / "measured.json"),
    }
    (tmp_path / "task.json").write_text(json.dumps(task))
    paths = os.pathsep.join([str(tmp_path / "code"), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, "-m", "ml_stages.wrapper.offline", str(tmp_path / "task.json")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert ended.returncode == 1
    assert expected in ended.stderr
    assert "quoting.py" in ended.stderr
    assert _SECRET not in ended.stderr + ended.stdout


def _published(folder: Path) -> None:
    (folder / "model").mkdir()
    (folder / "source").mkdir()
    packed = {"model/weights": "1", "source/apples.py": ""}
    for file, content in packed.items():
        (folder / file).write_text(content)
    files = {file: digest.of_file(folder / file) for file in packed}
    (folder / "bundle.json").write_text(json.dumps({"files": files, "predictor": {"load": "apples:load"}}))


def _ask_baseline(bundle: Path) -> None:
    predict.run({"config": {}, "inputs": {"baseline-model": str(bundle)}, "outputs": {}})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("model/weights", "3", "model/weights was changed"),
        ("source/apples.py", None, "source/apples.py is missing"),
        ("source/json.py", "", "source/json.py was added"),
        ("bundle.json", '{"files": {"mod', "bundle.json was changed"),
        ("bundle.json", "[]", "bundle.json was changed"),
    ],
)
def test_a_damaged_baseline_is_not_asked(tmp_path: Path, name: str, text: str | None, said: str) -> None:
    """If this fails, any candidate is better than a baseline whose weights were lost, and passes."""
    _published(tmp_path)
    if text is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(text)
    with pytest.raises(SystemExit, match=said):
        _ask_baseline(tmp_path)


def test_a_baseline_with_a_folder_from_elsewhere_is_not_asked(tmp_path: Path) -> None:
    """If this fails, a link beside the published code puts other modules in place of those packed."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    _published(bundle)
    (bundle / "source" / "pandas").symlink_to(tmp_path)
    with pytest.raises(SystemExit, match="source/pandas was added"):
        _ask_baseline(bundle)


def _git_that_ignores_everything(folder: Path) -> None:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / ".gitignore").write_text("*\n")


def test_a_cache_that_git_ignores_is_linted(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, a cache in `.ml-pipeline`, or a home folder kept in git, hides every finding."""
    _git_that_ignores_everything(project.root.parent)
    project.write("ugly.py", "import os\n")
    report = LintReport.model_validate_json(_run("lint", project, tmp_path, LINT))
    assert [finding.rule for finding in report.findings] == ["F401"]


@pytest.mark.parametrize("setting", ["fix = true", "fix-only = true"])
def test_what_ruff_would_mend_is_found(project: TinyProject, tmp_path: Path, setting: str) -> None:
    """If this fails, a project that has ruff mend its code on laptops is clean in every run."""
    project.edit("pyproject.toml", "line-length = 100", f"line-length = 100\n{setting}")
    project.write("ugly.py", "import os\n")
    report = LintReport.model_validate_json(_run("lint", project, tmp_path, LINT))
    assert [finding.rule for finding in report.findings] == ["F401"]


def test_settings_above_the_source_do_not_count(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, a laptop's own settings of ruff let pass what a CI host finds."""
    (project.root.parent / "ruff.toml").write_text('lint.ignore = ["F401"]\n')
    project.edit("pyproject.toml", "[tool.ruff]\nline-length = 100\n", "")
    project.write("ugly.py", "import os\n")
    report = LintReport.model_validate_json(_run("lint", project, tmp_path, LINT))
    assert "F401" in [finding.rule for finding in report.findings]


@pytest.mark.parametrize("pattern", ["*", "*.py"])
def test_source_that_is_all_excluded_is_a_finding(project: TinyProject, tmp_path: Path, pattern: str) -> None:
    """If this fails, settings that exclude all, or all but pyproject.toml, pass for a clean source."""
    project.edit("pyproject.toml", "line-length = 100", f'line-length = 100\nextend-exclude = ["{pattern}"]')
    report = LintReport.model_validate_json(_run("lint", project, tmp_path, LINT))
    (finding,) = report.findings
    assert finding.message.startswith("looked at none of the 3 Python files")


@pytest.mark.parametrize(
    "table",
    ["[tool.mypy]  # types", "[[tool.mypy.overrides]]\nmodule = 'x'", "[ tool . 'mypy' ]", "[tool.mypy.x]"],
)
def test_types_are_checked_wherever_they_are_configured(
    project: TinyProject, tmp_path: Path, table: str
) -> None:
    """If this fails, a comment behind `[tool.mypy]` turns the type checker off, and nobody is told."""
    project.edit("pyproject.toml", "[tool.ruff]", f"{table}\n\n[tool.ruff]")
    report = LintReport.model_validate_json(_run("lint", project, tmp_path, LINT))
    assert [tool.name for tool in report.tools] == ["ruff check", "ruff format", "mypy"]


def test_settings_of_pytest_above_the_source_do_not_count(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, a cache below a repository that deselects a test passes a project that fails it."""
    (project.root.parent / "pytest.ini").write_text('[pytest]\naddopts = -k "not heavy"\n')
    text = _run("test", project, tmp_path, {"test": {"command": "python -m pytest"}})
    assert evidence.TestReport.model_validate_json(text).tests == 1


def test_the_projects_own_settings_of_pytest_count(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, an empty file takes the place of the options that a project runs its tests with."""
    project.edit(
        "pyproject.toml", "[tool.ruff]", '[tool.pytest.ini_options]\naddopts = "-k nothing"\n\n[tool.ruff]'
    )
    text = _run("test", project, tmp_path, {"test": {"command": "python -m pytest"}})
    assert evidence.TestReport.model_validate_json(text).tests == 0
    assert not (project.root / "pytest.ini").exists()
