"""The module on a real engine: what a user types, and what comes of it."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import Caller

FETCH = '''\
"""Copy the apples from the orchard, for those who know the word."""

import os
import shutil
import sys

print("the word is", os.environ["ORCHARD_WORD"])
shutil.copy("orchard.csv", sys.argv[1] + "/apples.csv")
'''

COLD_START = """
[[tool.ml-pipeline.gates]]
kind = "latency"
quantile = "cold-start"
max_seconds = 60
"""


def _verdict(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "verdict.json").read_text())
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
    stages = {stage["name"]: stage for stage in verdict["stages"]}
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
    stages = {stage["name"]: stage for stage in verdict["stages"]}
    assert stages["train"]["cached"]["hit"]
    for name in ("junit.xml", "summary.md", "report.html", "results.sarif"):
        assert (tmp_path / "reports" / name).is_file()


def test_an_edit_runs_what_reads_it_and_nothing_else(call: Caller, tmp_path: Path) -> None:
    """If this fails, a word in the README retrains, or an edited training is not run."""
    call("reports", "entries")
    new = secrets.token_hex(8)  # the engine may still know what an earlier run of this test edited
    call.project.write("README.md", f"Apples {new}.\n")
    assert _ran(call, tmp_path / "readme") == {"lint", "test"}
    call.project.edit("train.py", "training on", f"learning {new} from")
    again = _ran(call, tmp_path / "train")
    assert {"train", "predict", "build-image", "probe"} <= again
    assert not {"data-validate", "split"} & again


def _ran(call: Caller, folder: Path) -> set[str]:
    exported = call("reports", "export", f"--path={folder}")
    assert exported.exit_status == 0, exported.progress[-3000:]
    stages = _verdict(folder)["stages"]
    return {stage["name"] for stage in stages if stage["cached"] and not stage["cached"]["hit"]}


def test_wrong_configuration_ends_with_2(call: Caller) -> None:
    """If this fails, a mistyped key looks like a failed model."""
    call.project.edit("pyproject.toml", 'label = "ripe"', 'lable = "ripe"')
    ran = call("full-pipeline")
    assert ran.exit_status == 2
    assert "data.lable: unknown key; did you mean 'label'?" in ran.output + ran.progress
    assert "ml-pipeline: pyproject.toml: 2 faults" in ran.output + ran.progress


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


def test_a_credential_is_shown_nowhere(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, a credential is printed where everybody reads it, or the data cannot be fetched."""
    word = "w0rd-that-nothing-may-show"
    monkeypatch.setenv("ORCHARD_WORD", word)
    project = call.project
    shutil.copy(project.root / "data" / "apples.csv", project.root / "orchard.csv")
    shutil.rmtree(project.root / "data")
    project.write("fetch.py", FETCH)
    table = '[tool.ml-pipeline.fetch]\ncommand = "python fetch.py {data}"\nsecrets = ["ORCHARD_WORD"]\n\n'
    project.edit("pyproject.toml", "[tool.ml-pipeline.train]", f"{table}[tool.ml-pipeline.train]")
    ran = call("full-pipeline", before=("--secrets=env://ORCHARD_WORD",))
    assert ran.exit_status == 0, ran.output + ran.progress[-3000:]
    assert "the word is ***" in ran.progress
    assert word not in ran.output + ran.progress
    forgotten = call("full-pipeline")
    assert forgotten.exit_status == 2
    assert "expected --secrets with ORCHARD_WORD" in forgotten.output + forgotten.progress


def test_host_and_engine_say_the_same(call: Caller, tmp_path: Path) -> None:
    """If this fails, CI judges another model than the laptop, or by other numbers."""
    call.project.write(".gitignore", "*.scratch\n!kept.scratch\n")
    for name in ("word.scratch", "kept.scratch"):
        call.project.write(name, name)
    (call.project.root / "linked.py").symlink_to("train.py")
    (call.project.root / "linked").symlink_to("tests")
    call.project.write("pyproject.toml", call.project.read("pyproject.toml") + COLD_START)
    exported = call("reports", "export", f"--path={tmp_path / 'reports'}")
    assert exported.exit_status == 0, exported.progress[-3000:]
    ran = call.project.run()
    assert ran.exit_status == 0, ran.output
    assert _comparable(_verdict(tmp_path / "reports")) == _comparable(ran.verdict)
    for stage in ("data-validate", "split", "evaluate"):
        reports = [folder / "stages" / f"{stage}.json" for folder in (tmp_path / "reports", ran.folder)]
        theirs, ours = (json.loads(report.read_text()) for report in reports)
        assert theirs == ours, stage


def _comparable(verdict: dict[str, Any]) -> dict[str, Any]:
    """A verdict without durations, times, and what only one side can know."""
    environment = {"commit", "dirty", "bundle_digest"}
    timed = {"probe"}
    return {
        **{name: verdict[name] for name in ("status", "should_deploy", "first_run", "causes")},
        "lineage": {name: value for name, value in verdict["lineage"].items() if name not in environment},
        "gates": [gate for gate in verdict["gates"] if not timed & set(gate["reads"])],
        "stages": {
            stage["name"]: stage["status"] for stage in verdict["stages"] if stage["name"] != "publish"
        },
    }


def test_a_model_that_cannot_be_served_fails_and_says_why(call: Caller) -> None:
    """If this fails, a model that its server cannot load is a broken engine, in the engine's words."""
    load = "def load(model_dir: str) -> Scale:\n"
    only_there = '    if "/app/" in __file__:\n        raise RuntimeError("no apples here")\n'
    call.project.edit("apples.py", load, load + only_there)
    ran = call("full-pipeline")
    assert ran.exit_status == 3, ran.output + ran.progress[-3000:]
    assert "RuntimeError: no apples here" in ran.output + ran.progress


def test_a_failed_stage_is_replayed_and_retried_on_request(call: Caller) -> None:
    """If this fails, a flaky test blocks until somebody edits a file."""
    flaky = "\n\nimport time\n\n\ndef test_flaky() -> None:\n    assert time.time() > {until}\n"
    tests = call.project.read("tests/test_apples.py")
    call.project.write("tests/test_apples.py", tests + flaky.format(until=time.time() + 45))
    assert call("test", "status").output.strip() == "passed"  # the stage ran; its gate judges
    assert call("test", "assert").exit_status == 3
    time.sleep(50)
    assert call("test", "assert").exit_status == 3
    assert call("test", "assert", before=("--retry=again",)).exit_status == 0


def test_what_was_trained_before_is_not_trained_again(call: Caller, tmp_path: Path) -> None:
    """If this fails, a CI host whose engine starts empty trains the same model in every run."""
    registry = os.environ.get("ML_PIPELINE_TEST_REGISTRY")
    if registry is None:
        pytest.skip("ML_PIPELINE_TEST_REGISTRY names no registry that the engine may push to")
    kept = (f"--trained={registry}/{secrets.token_hex(8)}/trained",)
    first = call("full-pipeline", before=kept)
    assert first.exit_status == 0, first.output + first.progress[-3000:]
    # Another engine: this one's cache knows no training that may take so long.
    pyproject = call.project.root / "pyproject.toml"
    pyproject.write_text(f"{pyproject.read_text()}\n[tool.ml-pipeline.timeouts]\ntrain = 999\n")
    exported = call("reports", "export", f"--path={tmp_path / 'reports'}", before=kept)
    assert exported.exit_status == 0, exported.progress[-3000:]
    stages = {stage["name"]: stage for stage in _verdict(tmp_path / "reports")["stages"]}
    assert stages["train"]["cached"]["reason"].startswith(f"trained before: {registry}/")
    assert all(stages[name]["cached"]["hit"] for name in ("predict", "evaluate", "build-image", "probe"))


def test_an_engine_that_restarts_in_the_middle_loses_nothing(call: Caller, tmp_path: Path) -> None:
    """If this fails, a restarted engine leaves a call hanging, or a broken state behind.

    The command has to do as `docker restart` does, and kill an engine that has not ended after some seconds:
    asked to end, it waits for its clients (dagger#13951), and this one waits for it. It forgets its cache.
    """
    restart = os.environ.get("ML_PIPELINE_RESTART_ENGINE")
    if restart is None:
        pytest.skip("ML_PIPELINE_RESTART_ENGINE names no command that restarts the engine")
    # An engine that knows the training from an earlier run of this test would not train.
    slow = f'print("training slowly {secrets.token_hex(8)}", flush=True)\ntime.sleep(30)\ntable = '
    call.project.edit("train.py", "import sys\n", "import sys\nimport time\n")
    call.project.edit("train.py", "table = ", slow)

    progress = tmp_path / "progress"
    with progress.open("w") as log:
        running = subprocess.Popen(call.command("train", "entries"), stdout=log, stderr=log)
        try:
            _wait_for("training slowly", progress)
            # No pipe: the new engine would inherit it, and hold it open.
            nowhere = subprocess.DEVNULL
            subprocess.run(shlex.split(restart), check=True, timeout=300, stdout=nowhere, stderr=nowhere)
            assert running.wait(timeout=120) != 0
        finally:
            running.kill()
            running.wait()
    again = call("train", "entries")
    assert "model.json" in again.output, again.progress[-3000:]


def _wait_for(words: str, file: Path) -> None:
    until = time.monotonic() + 600
    while words not in file.read_text(encoding="utf-8", errors="replace"):
        assert time.monotonic() < until, f"{words!r} never appeared"
        time.sleep(1)
