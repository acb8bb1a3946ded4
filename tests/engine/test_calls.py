"""The module on a real engine: what a user types, and what comes of it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.engine.conftest import Caller


def _verdict(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "verdict.json").read_text())
    return found


def test_a_good_project_passes_and_the_second_run_runs_nothing(call: Caller, tmp_path: Path) -> None:
    """If this fails, the headline command does not work, or everything is made again each time."""
    ran = call("full-pipeline")
    assert ran.exit_status == 0, ran.output + ran.progress[-3000:]
    assert "apples: passed" in ran.output
    again = call("reports", "export", f"--path={tmp_path / 'reports'}")
    assert again.exit_status == 0, again.progress[-3000:]
    verdict = _verdict(tmp_path / "reports")
    assert verdict["status"] == "passed"
    stages = {stage["name"]: stage for stage in verdict["stages"]}  # type: ignore[attr-defined]
    for name in (
        "lint",
        "test",
        "data-validate",
        "split",
        "train",
        "predict",
        "evaluate",
        "build-image",
        "probe",
    ):
        assert stages[name]["cached"]["hit"], name


def test_source_and_data_are_taken_as_typed(call: Caller) -> None:
    """If this fails, the command on the card is an unknown flag."""
    root = call.project.root
    ran = call("full-pipeline", f"--source={root}", f"--data={root / 'data'}")
    assert ran.exit_status == 0, ran.output + ran.progress[-3000:]


def test_an_edited_gate_does_not_retrain_and_fails_with_3(call: Caller, tmp_path: Path) -> None:
    """If this fails, an edited gate retrains, or a failed gate does not stop a CI job."""
    call("evaluate-gate", "status")
    call.project.edit("pyproject.toml", "min = 0.7", "min = 0.999")
    ran = call("full-pipeline")
    assert ran.exit_status == 3, ran.output
    assert "threshold-accuracy" in ran.output + ran.progress
    exported = call("reports", "export", f"--path={tmp_path / 'reports'}")
    assert exported.exit_status == 0, exported.progress[-3000:]
    verdict = _verdict(tmp_path / "reports")
    assert verdict["status"] == "failed"
    stages = {stage["name"]: stage for stage in verdict["stages"]}  # type: ignore[attr-defined]
    assert stages["train"]["cached"]["hit"]
    for name in ("junit.xml", "summary.md", "report.html", "results.sarif"):
        assert (tmp_path / "reports" / name).is_file()


def test_wrong_configuration_ends_with_2(call: Caller) -> None:
    """If this fails, a mistyped key looks like a failed model."""
    call.project.edit("pyproject.toml", 'label = "ripe"', 'lable = "ripe"')
    ran = call("full-pipeline")
    assert ran.exit_status == 2
    assert "data.lable: unknown key; did you mean 'label'?" in ran.output + ran.progress


def test_a_broken_training_is_the_projects_failure(call: Caller) -> None:
    """If this fails, a syntax error looks like a broken engine."""
    call.project.edit("train.py", "train, model, _seed = sys.argv[1:]", "train, model = = sys.argv")
    ran = call("full-pipeline")
    assert ran.exit_status == 3
    assert "SyntaxError" in ran.output + ran.progress


def test_stages_are_typed_objects(call: Caller) -> None:
    """If this fails, another module has to parse text."""
    assert call("lint", "status").output.strip() == "passed"
    gates = call("evaluate-gate", "gates", "name")
    assert "threshold-accuracy" in gates.output, gates.progress[-2000:]


def test_model_can_be_exported(call: Caller, tmp_path: Path) -> None:
    """If this fails, nobody gets at the trained model."""
    ran = call("train", "export", f"--path={tmp_path / 'model'}")
    assert ran.exit_status == 0, ran.progress[-3000:]
    assert "threshold" in json.loads((tmp_path / "model" / "model.json").read_text())
