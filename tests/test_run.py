"""The whole pipeline on the host, on a small project broken in every way that real ones break.

Each test runs the command as a user does, in a process of its own, and reads what it wrote.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl
import psutil
import pytest

from tests.projects import Ran, TinyProject

FILL_DISK = """FILE = "{file}"
with contextlib.suppress(OSError), Path(FILE).open("wb") as stream:
    while stream.write(bytes(4096)):
        pass
"""
REPORTS = ("verdict.json", "junit.xml", "summary.md", "results.sarif", "report.html")


def _assert_reports(ran: Ran) -> None:
    for name in REPORTS:
        assert (ran.folder / name).is_file(), f"{name} was not written:\n{ran.output}"
    ET.parse(ran.folder / "junit.xml")
    assert ran.verdict["status"] in (ran.folder / "summary.md").read_text()


def _assert_fails(ran: Ran, cause: str, status: int = 3) -> None:
    assert ran.exit_status == status, ran.output
    _assert_reports(ran)
    assert not ran.verdict["should_deploy"]
    assert any(cause in line for line in ran.verdict["causes"]), ran.verdict["causes"]
    assert cause in ran.output
    assert "Traceback" not in ran.output.split("the last lines of")[0]


def test_a_good_project_passes_and_is_published(project: TinyProject) -> None:
    """If this fails, nothing works."""
    ran = project.run()
    assert ran.exit_status == 0, ran.output
    _assert_reports(ran)
    assert ran.verdict["status"] == "passed"
    assert ran.verdict["should_deploy"]
    assert ran.verdict["first_run"]
    skipped = {stage["name"] for stage in ran.verdict["stages"] if stage["status"] != "passed"}
    assert skipped == {"baseline", "data-drift"}, "what needs a baseline, and nothing else"
    lineage = ran.verdict["lineage"]
    assert all(lineage[name] for name in ("source_digest", "data_digest", "model_digest", "bundle_digest"))
    published = project.root / "registry" / "apples" / "aliases" / "production"
    assert json.loads((published / "verdict.json").read_text())["status"] == "passed"
    assert (published / "bundle" / "bundle.json").is_file()
    assert f"is production now: {published}" in ran.output


def test_a_second_run_compares_with_the_first_and_runs_nothing_again(project: TinyProject) -> None:
    """If this fails, nothing is compared, or everything is made again when nothing changed."""
    project.run()
    ran = project.run()
    assert ran.exit_status == 0, ran.output
    assert not ran.verdict["first_run"]
    assert ran.gate("no-regression-accuracy")["status"] == "passed"
    for name in ("lint", "test", "data-validate", "split", "train", "predict", "build-image"):
        assert ran.stage(name)["cached"] == {
            **ran.stage(name)["cached"],
            "hit": True,
            "reason": "nothing changed",
        }


def test_a_baseline_that_lacks_a_column_of_its_own_says_so(project: TinyProject) -> None:
    """If this fails, who drops a column from the data is shown a traceback of the pipeline's."""
    first = project.run()
    assert first.exit_status == 0, first.output
    rows = [{name: value for name, value in row.items() if name != "colour"} for row in project.table()]
    project.write_table(rows)
    project.edit("pyproject.toml", 'colour = { type = "string", allowed = ["green", "red"] }\n', "")
    ran = project.run("--until", "evaluate-gate")
    cause = "the published model cannot be asked about today's rows: column 'colour' is missing"
    _assert_fails(ran, cause, status=1)
    assert ran.gate("threshold-accuracy")["status"] == "passed"
    assert ran.gate("no-regression-accuracy")["message"] == "not judged: baseline broke"
    assert "run with `--baseline none`" in ran.output


def test_a_new_version_is_the_same_model_and_a_new_split_is_said(project: TinyProject) -> None:
    """If this fails, no small holdout lets a release out, or a model loses to one that has seen it."""
    first = project.run()
    assert first.exit_status == 0, first.output
    project.edit("pyproject.toml", 'version = "1"', 'version = "2"')
    ran = project.run("--until", "evaluate-gate")
    assert ran.exit_status == 0, ran.output
    assert not ran.stage("baseline")["notes"]
    project.edit("pyproject.toml", 'label = "ripe"', 'label = "ripe"\nholdout = 0.4')
    ran = project.run("--until", "evaluate-gate")
    assert "baseline: it was published with another split" in ran.output


def test_a_baseline_of_another_label_is_said_and_one_of_another_task_refused(project: TinyProject) -> None:
    """If this fails, a model beats one that predicts something else, or a user reads of failed casts."""
    first = project.run()
    assert first.exit_status == 0, first.output
    project.write_table(
        [{"sweet" if name == "ripe" else name: row[name] for name in row} for row in project.table()]
    )
    project.edit("pyproject.toml", 'label = "ripe"', 'label = "sweet"')
    project.edit("train.py", 'table["ripe"]', 'table["sweet"]')
    ran = project.run("--until", "evaluate-gate")
    assert ran.exit_status == 0, ran.output
    assert "baseline: it was published to predict 'ripe': " in ran.output
    project.edit("pyproject.toml", 'task = "classification"', 'task = "regression"')
    project.edit("pyproject.toml", 'metric = "accuracy"', 'metric = "mae"')
    project.edit("pyproject.toml", "min = 0.7", "max = 0.7")
    ran = project.run("--until", "evaluate-gate")
    assert ran.exit_status == 2, ran.output
    assert "the published model is for classification, and the task is regression now: " in ran.output
    assert project.run("--until", "test").exit_status == 0


def test_a_renamed_project_is_told_that_its_baseline_has_another_name(project: TinyProject) -> None:
    """If this fails, a new name is a first run, in which a worse model passes uncompared without a word."""
    assert project.run().exit_status == 0
    project.edit(
        "pyproject.toml", '[tool.ml-pipeline]\nname = "apples"', '[tool.ml-pipeline]\nname = "fruit"'
    )
    ran = project.run("--until", "evaluate-gate")
    assert "baseline: nothing was published as the model fruit before, but as apples" in ran.output


def test_an_edit_that_nothing_is_made_of_names_the_commit_at_most(project: TinyProject) -> None:
    """`parameters changed` after an edit of the README says nothing to anybody."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(project.root)]
    project.write("README.md", "# apples\n")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "apples"]):
        subprocess.run([*git, *arguments], check=True)
    project.run("--until", "build-image")
    project.write("README.md", "# ripe apples\n")
    ran = project.run("--until", "build-image")
    assert ran.stage("train")["cached"]["hit"]
    assert ran.stage("build-image")["cached"]["reason"] == "commit changed"


def test_links_that_no_stage_gets_are_told(project: TinyProject) -> None:
    """If this fails, a stage misses a file that stands in every listing of the project."""
    (project.root / "weights.bin").symlink_to("not/fetched")
    (project.root / "same").symlink_to("tests")
    ran = project.run("--until", "lint")
    assert "lint: no source, since they are links to folders: same; copy what is needed" in ran.output
    assert "lint: no source, since they are links that lead nowhere: weights.bin; fetch or copy" in ran.output


def test_a_model_that_no_commit_holds_is_told_when_it_goes_out(project: TinyProject) -> None:
    """If this fails, a model is in production whose training nobody can find again, and no line says so."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(project.root)]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "apples"]):
        subprocess.run([*git, *arguments], check=True)
    commit = subprocess.check_output([*git, "rev-parse", "--short=12", "HEAD"], text=True).strip()
    told = f"publish: it was made of more than commit {commit} holds"
    assert told not in project.run().output
    project.write("scratch.py", "")
    ran = project.run()
    assert ran.exit_status == 0
    assert told in ran.output
    assert "made of more than commit" in (ran.folder / "summary.md").read_text()


def test_what_passes_after_it_failed_on_the_same_inputs_says_so(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, a test that fails now and then is green in the end, and nobody hears of it."""
    mark = tmp_path / "second-time"
    flaky = (
        "from pathlib import Path\n\n\ndef test_twice() -> None:\n"
        f"    mark = Path({str(mark)!r})\n    seen = mark.exists()\n    mark.touch()\n    assert seen\n"
    )
    project.write("tests/test_flaky.py", flaky)
    failed = project.run("--until", "test")
    assert failed.exit_status == 3
    assert not failed.stage("test")["notes"]
    passed, found = project.run("--until", "test"), project.run("--until", "test")
    assert found.stage("test")["cached"]["hit"]
    for ran in (passed, found):
        assert ran.exit_status == 0, ran.output
        assert "failed on the very same inputs before it passed" in " ".join(ran.stage("test")["notes"])
        assert "test: failed on the very same inputs" in ran.output
    project.write("tests/test_flaky.py", flaky.replace("assert seen", "assert True"))
    assert not project.run("--until", "test").stage("test")["notes"]


def test_a_sealed_holdout_is_spent_across_runs(project: TinyProject) -> None:
    """If this fails, a run forgets what the sealed rows have answered, or retrains when they did."""
    project.edit(
        "pyproject.toml",
        "[tool.ml-pipeline.data]",
        "[tool.ml-pipeline.sealed]\nmin = 0.3\nruns = 1\n\n[tool.ml-pipeline.data]",
    )
    ran = project.run()
    assert ran.gate("sealed")["observed"] == "yes", ran.output
    assert len(list((project.root / "sealed-ledger" / "answers").iterdir())) == 1
    again = project.run()
    assert "asked before: free" in again.gate("sealed")["message"]
    assert again.stage("train")["cached"]["hit"]
    project.edit("pyproject.toml", "min = 0.3", "min = 0.31")
    assert project.run("--until", "evaluate-gate").gate("sealed")["observed"] == "spent"


def test_a_spent_holdout_goes_on_with_fresh_rows(project: TinyProject) -> None:
    """If this fails, a spent holdout blocks a project for ever, or rows that were shown are asked again."""
    sealed = "[tool.ml-pipeline.sealed]\nmin = 0.5\nruns = 1\ntolerance = 0.2\nreliability = 0.9\n\n"
    project.edit("pyproject.toml", "[tool.ml-pipeline.data]\n", f"{sealed}[tool.ml-pipeline.data]\n")
    rows = project.table()
    project.write_table(rows[:600])
    first = project.run().gate("sealed")
    assert first["observed"] == "yes", first
    assert "its numbers, now that it is retired: accuracy 0." in first["message"]

    # Another model: the spent rows do not answer for it, and too few fresh ones are there.
    project.edit("train.py", "(ripe + unripe) / 2", "(ripe + unripe) / 2 + 0.1")
    project.write_table(rows[:620])
    ran = project.run()
    spent = ran.gate("sealed")
    assert (spent["observed"], spent["status"]) == ("spent", "inconclusive")
    assert ran.exit_status == 3
    assert "are there" in spent["message"]

    fresh = [{**row, "id": f"new-{row['id']}"} for row in rows]
    project.write_table([*rows[:620], *fresh])
    ran = project.run()
    renewed = ran.gate("sealed")
    assert renewed["observed"] == "yes", renewed
    assert "are retired and open, the others alone were asked" in renewed["message"]
    report = json.loads((ran.folder / "stages" / "evaluate.json").read_text())["sealed"]
    judged = [set(file.read_text().split()) for file in (project.root / "sealed-ledger" / "rows").iterdir()]
    assert len(judged) == 2
    assert not judged[0] & judged[1], "a row was asked twice"
    assert sorted(map(len, judged)) == sorted([report["retired"], report["rows"]])
    assert "asked before: free" in project.run().gate("sealed")["message"]

    # A ledger that lost a row is no ledger: nothing is released on its word.
    file = next((project.root / "sealed-ledger" / "rows").iterdir())
    file.write_text(file.read_text()[17:])
    ran = project.run()
    assert ran.exit_status == 1
    assert f"{file.name} does not hold the rows that its name says" in ran.output
    assert not ran.verdict["should_deploy"]


def test_gates_ask_the_predictor_for_changed_rows(project: TinyProject) -> None:
    """If this fails, a model that gives NaN for a missing weight is released."""
    gates = [
        'kind = "invariance"\ncolumn = "colour"\nvalues = ["green", "red"]',
        'kind = "directional"\ncolumn = "weight"\nadd = 1\nmoves = "up"',
        'kind = "overfit-gap"\nmetric = "accuracy"\nmax = 0.2',
        'kind = "robustness"\nmax = 0.3',
        'kind = "output-schema"\nprobabilities = true',
    ]
    text = "".join(f"\n[[tool.ml-pipeline.gates]]\n{gate}\n" for gate in gates)
    project.write("pyproject.toml", project.read("pyproject.toml") + text)
    ran = project.run()
    _assert_fails(ran, "the predictor cannot answer; worst of 3 changes: 10% of the cells missing")
    for name in ("invariance-colour", "directional-weight-up", "overfit-gap-accuracy", "output-schema"):
        assert ran.gate(name)["status"] == "passed", ran.gate(name)
    assert ran.gate("robustness")["status"] == "failed"
    assert ran.stage("predict-perturbed")["status"] == "passed"


def test_until_train_then_all_trains_once(project: TinyProject) -> None:
    """If this fails, looking at a model first costs a second training."""
    partial = project.run("--until", "train")
    assert partial.exit_status == 0, partial.output
    assert partial.verdict["status"] == "partial"
    assert not partial.verdict["should_deploy"]
    assert not (project.root / "registry").exists()
    assert (partial.folder / "artifacts" / "model" / "model.json").is_file()
    assert project.run().stage("train")["cached"]["hit"]


@pytest.mark.parametrize(
    ("name", "old", "new", "trains", "reason"),
    [
        ("train.py", "training on", "learning from", True, "train.py changed"),
        ("pyproject.toml", "min = 0.7", "min = 0.6", False, "nothing changed"),
        ("tests/test_apples.py", "Scales weigh", "Scales work", False, "nothing changed"),
    ],
)
def test_training_runs_again_when_what_it_reads_changed(
    project: TinyProject, name: str, old: str, new: str, trains: bool, reason: str
) -> None:
    """If this fails, an old model is judged as the new one, or an edited gate retrains."""
    project.run("--until", "train")
    project.edit(name, old, new)
    ran = project.run("--until", "train")
    assert ran.stage("train")["cached"]["hit"] is not trains
    assert ran.stage("train")["cached"]["reason"] == reason
    assert reason in ran.output


def test_changed_data_trains_again_and_says_so(project: TinyProject) -> None:
    """If this fails, a model is trained on other data than the verdict names."""
    project.run("--until", "train")
    project.write_table(project.table()[:-50])
    ran = project.run("--until", "train")
    assert ran.stage("split")["cached"]["reason"] == "data changed"
    assert ran.stage("train")["cached"]["reason"] == "train set changed"


def test_a_null_ridden_column_fails(project: TinyProject) -> None:
    """If this fails, a model learns from holes, or nobody is told where they are."""
    rows = project.table()
    for row in rows[::3]:
        row["colour"] = ""
    project.write_table(rows)
    ran = project.run()
    _assert_fails(ran, "colour")
    holes = "; ".join(row["id"] for row in rows[:15:3])
    assert f"for example {holes}" in (ran.folder / "report.html").read_text()


def test_a_missing_column_fails_and_comes_first(project: TinyProject) -> None:
    """If this fails, a missing column shows as a puzzling crash of the training."""
    project.write_table([{key: row[key] for key in ("id", "colour", "ripe")} for row in project.table()])
    ran = project.run()
    _assert_fails(ran, "weight")
    assert ran.verdict["causes"][0].startswith("data-validation: ")


def test_shuffled_labels_fail(project: TinyProject) -> None:
    """If this fails, a model at chance goes out."""
    rows = project.table()
    labels = [row["ripe"] for row in rows]
    for row, label in zip(rows, [*labels[400:], *labels[:400]], strict=True):
        row["ripe"] = label
    project.write_table(rows)
    _assert_fails(project.run(), "accuracy")


def test_a_syntax_error_in_training_fails(project: TinyProject) -> None:
    """If this fails, a broken script looks like a broken pipeline, or hides the other faults."""
    project.edit("train.py", "train, model, _seed = sys.argv[1:]", "train, model = = sys.argv")
    ran = project.run()
    _assert_fails(ran, "SyntaxError")
    assert ran.stage("train")["status"] == "failed"
    assert ran.gate("lint")["status"] == "failed"
    assert ran.gate("test")["status"] == "passed"
    assert ran.stage("probe")["reason"] == "train failed"


def test_a_predictor_that_leaves_before_it_answered_fails(project: TinyProject) -> None:
    """If this fails, `sys.exit(0)` in the project's code ends in a traceback of ours, status 1."""
    project.edit("apples.py", '        return ["yes"', '        raise SystemExit(0)\n        return ["yes"')
    ran = project.run("--until", "predict")
    _assert_fails(ran, "the predictor ended its process with status 0 before it had answered")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "self.threshold = threshold",
            "import pears",
            "apples:load` ended with status 1: ModuleNotFoundError",
        ),
        ('table["weight"]]', 'table["id"]]', "'id' is part of the key, which the predictor sees where"),
        ('table["weight"]]', 'table["ripe"]]', "'ripe' is the label, which no predictor is given"),
        (
            'table["weight"]]',
            'table["size"]]',
            "'size' is no column that the predictor is given; it gets weight",
        ),
        ("def predict(", "def answer(", "gave 'Scale', which has no method predict"),
    ],
)
def test_a_predictor_that_fails_says_why_in_terms_of_the_project(
    project: TinyProject, old: str, new: str, said: str
) -> None:
    """A traceback of the pipeline's own files, or `KeyError: 'id'`, leaves the user to guess."""
    project.edit("apples.py", old, new)
    ran = project.run("--until", "build-image")
    _assert_fails(ran, said)
    assert "ml_stages.wrapper" not in ran.stage("predict")["reason"]
    assert ran.stage("build-image")["reason"] == "predict failed"


def test_a_failing_unit_test_fails(project: TinyProject) -> None:
    """If this fails, a model goes out whose code does not pass its own tests."""
    project.edit("tests/test_apples.py", '["no", "yes"]', '["yes", "no"]')
    ran = project.run()
    _assert_fails(ran, "test_heavy_is_ripe")
    assert "test_heavy_is_ripe" in (ran.folder / "junit.xml").read_text()


def test_a_hanging_training_fails(project: TinyProject) -> None:
    """If this fails, a run never ends."""
    project.edit("train.py", "import json", "import json, time; time.sleep(600)")
    project.edit(
        "pyproject.toml",
        "[tool.ml-pipeline.baseline]",
        "[tool.ml-pipeline.timeouts]\ntrain = 2\n\n[tool.ml-pipeline.baseline]",
    )
    started = time.monotonic()
    _assert_fails(project.run(), "ran out of time after 2 s")
    assert time.monotonic() - started < 60


def test_a_metric_that_is_not_there_is_an_error(project: TinyProject) -> None:
    """If this fails, a gate passes because its metric was missing."""
    where = 'where = { colour = "blue" }'
    project.edit("pyproject.toml", 'metric = "accuracy"\nmin', f'metric = "accuracy"\n{where}\nmin')
    sliced = '[tool.ml-pipeline.evaluation]\nslices = ["colour"]'
    project.edit("pyproject.toml", "[tool.ml-pipeline.baseline]", f"{sliced}\n\n[tool.ml-pipeline.baseline]")
    ran = project.run()
    _assert_fails(ran, "the report has no slice colour = blue", status=1)
    assert ran.gate("threshold-accuracy [colour = blue]")["status"] == "error"


def test_a_slice_that_is_never_made_is_refused_before_anything_runs(project: TinyProject) -> None:
    """If this fails, a gate that nothing can ever answer is found out after the training."""
    where = 'where = { colour = "red" }'
    project.edit("pyproject.toml", 'metric = "accuracy"\nmin', f'metric = "accuracy"\n{where}\nmin')
    ran = project.run()
    assert ran.exit_status == 2
    assert "there are no slices by colour; list them in evaluation.slices" in ran.output


def test_a_metric_that_does_not_exist_is_refused_before_anything_runs(project: TinyProject) -> None:
    """If this fails, a misspelt metric is found out after the training."""
    project.edit("pyproject.toml", 'metric = "accuracy"\nmin', 'metric = "acuracy"\nmin')
    ran = project.run()
    assert ran.exit_status == 2
    assert "did you mean 'accuracy'?" in ran.output


def test_a_missing_baseline_blocks_unless_chosen(project: TinyProject) -> None:
    """If this fails, a comparison passes because there was nothing to compare with."""
    project.edit("pyproject.toml", 'first_run = "allow"', 'first_run = "block"')
    _assert_fails(project.run(), "no-regression-accuracy", status=1)


def test_an_unknown_key_is_the_message_alone(project: TinyProject) -> None:
    """If this fails, a mistyped key is ignored, or found late."""
    project.edit("pyproject.toml", 'label = "ripe"', 'label = "ripe"\nholdot = 0.3')
    ran = project.run()
    assert ran.exit_status == 2
    assert "data.holdot: unknown key; did you mean 'holdout'?" in ran.output
    assert not ran.folder.exists()


def test_a_data_folder_that_is_not_there_is_wrong_usage(project: TinyProject) -> None:
    """If this fails, a mistyped path looks like bad data."""
    ran = project.run("--data", str(project.root / "dta"))
    assert ran.exit_status == 2
    assert "dta does not exist" in ran.output


def test_force_publishes_past_a_failed_gate_and_is_recorded(project: TinyProject) -> None:
    """If this fails, a forced release leaves no trace, or does not happen."""
    project.edit("pyproject.toml", "min = 0.7", "min = 0.999")
    assert project.run().exit_status == 3
    assert not (project.root / "registry").exists()
    ran = project.run("--force", "the old model is worse")
    assert ran.exit_status == 3
    assert ran.verdict["status"] == "failed"
    assert ran.verdict["forced"] == "the old model is worse"
    published = project.root / "registry" / "apples" / "aliases" / "production" / "verdict.json"
    assert json.loads(published.read_text())["forced"] == "the old model is worse"
    project.edit("pyproject.toml", "min = 0.999", "min = 0.7")
    after = project.run("--until", "evaluate-gate")
    assert after.exit_status == 0, after.output
    (note,) = after.stage("baseline")["notes"]
    assert note.startswith("it was published with --force (the old model is worse), which")
    assert f"baseline: {note}" in after.output


def test_a_worse_candidate_is_stopped(project: TinyProject) -> None:
    """If this fails, a regression goes out."""
    project.run()
    project.edit("train.py", "(ripe + unripe) / 2", "ripe + 1")
    project.edit("pyproject.toml", "min = 0.7", "min = 0.3")
    _assert_fails(project.run(), "no-regression-accuracy")


def test_baseline_none_means_none(project: TinyProject) -> None:
    """If this fails, `--baseline none` still compares, or a release without comparison is called first."""
    first = project.run("--baseline", "none")
    assert "It is the first" in first.output
    assert not first.verdict["baseline_declined"]
    ran = project.run("--baseline", "none")
    assert ran.stage("baseline")["status"] == "skipped"
    assert ran.verdict["baseline_declined"]
    assert not ran.verdict["first_run"]
    assert (
        "no comparison: the run was told to have no baseline" in ran.gate("no-regression-accuracy")["message"]
    )
    assert "first" not in ran.gate("no-regression-accuracy")["message"]
    assert "as the run was told, though a version is published" in ran.output


def _children_of_run(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupting_leaves_no_orphan_and_a_verdict(project: TinyProject, stop: signal.Signals) -> None:
    """If this fails, Ctrl-C leaves a training on the GPU, or no report of what happened."""
    marker = project.root / "started"
    daemon = "import subprocess, sys; child = subprocess.Popen(['sleep', '600'], start_new_session=True)"
    wait = f"open({str(marker)!r}, 'w').write(str(child.pid)); import time; time.sleep(600)"
    project.edit("train.py", "import json", f"{daemon}; {wait}; import json")
    process = subprocess.Popen(
        project.command("run", str(project.root)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "CI": "true"},
    )
    deadline = time.monotonic() + 60
    while not (marker.is_file() and marker.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    children = [*_children_of_run(process), psutil.Process(int(marker.read_text()))]
    process.send_signal(stop)
    output, _ = process.communicate(timeout=60)
    ran = Ran(process.returncode, output, project.root / ".ml-pipeline")
    assert ran.exit_status == 130, output
    _assert_reports(ran)
    assert ran.verdict["status"] == "error"
    assert ran.verdict["interrupted"]
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small disk can be mounted by root alone")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this system does not let root mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_still_gives_the_verdict(project: TinyProject, disk: Path) -> None:
    """If this fails, a full disk takes the verdict with it."""
    output = disk / "output"
    project.edit("train.py", "import json", "import contextlib\nimport json")
    project.write("train.py", f"{project.read('train.py')}\n{FILL_DISK.format(file=disk / 'fill')}")
    ran = project.run("--output", str(output))
    assert ran.exit_status == 1, ran.output
    assert ran.verdict["name"] == "apples"
    assert "No space left" in ran.output


def test_a_training_on_a_full_disk_says_which(
    project: TinyProject, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a full cache looks like a fault of the training, and the next run says flaky."""
    monkeypatch.setenv("ML_PIPELINE_CACHE", str(disk))
    project.write("train.py", f'{project.read("train.py")}\nPath("fill").write_bytes(bytes(2**20))\n')
    ran = project.run()
    assert ran.exit_status == 1, ran.output
    train = ran.stage("train")
    assert train["status"] == "error"
    assert "No space left on device; there are 0 MB free in" in train["reason"]
    assert f"{disk} (ML_PIPELINE_CACHE)" in train["reason"]
    subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
    ran = project.run()
    assert ran.exit_status == 0, ran.output
    assert ran.stage("train")["notes"] == []


@pytest.mark.parametrize(("room", "told"), [("1k", "source"), ("200k", "lint")])
def test_a_full_cache_ends_in_a_line(
    project: TinyProject, disk: Path, monkeypatch: pytest.MonkeyPatch, room: str, told: str
) -> None:
    """If this fails, who runs out of room reads a traceback, and does not learn where."""
    subprocess.run(["mount", "-o", f"remount,size={room}", str(disk)], check=True)
    monkeypatch.setenv("ML_PIPELINE_CACHE", str(disk))
    ran = project.run()
    assert ran.exit_status == 1, ran.output
    assert "Traceback" not in ran.output
    assert "No space left" in ran.output
    assert told in ran.output


def test_every_stage_is_a_subcommand(project: TinyProject) -> None:
    """If this fails, `ml-pipeline lint` does not exist."""
    ran = project.run(command="lint")
    assert ran.exit_status == 0, ran.output
    assert [stage["name"] for stage in ran.verdict["stages"]] == ["lint"]
    assert [gate["name"] for gate in ran.verdict["gates"]] == ["lint"]


def _add_gate(project: TinyProject, metric: str) -> None:
    gate = f'kind = "threshold"\nmetric = "{metric}"\nmin = 0.7\n'
    text = project.read("pyproject.toml").split("[[tool.ml-pipeline.gates]]")[0]
    project.write("pyproject.toml", f"{text}[[tool.ml-pipeline.gates]]\n{gate}")


def test_a_ranking_is_taken_from_data_to_a_published_model(project: TinyProject) -> None:
    """If this fails, a project that ranks has gates for files alone, and a query may be on both sides."""
    rows = [
        {**row, "basket": number // 8, "ripe": 2 if row["ripe"] == "yes" else 0}
        for number, row in enumerate(project.table())
    ]
    project.write_table(rows)
    _add_gate(project, "ndcg@3")
    project.edit("pyproject.toml", 'task = "classification"', 'task = "ranking"')
    project.edit(
        "pyproject.toml",
        "[tool.ml-pipeline.train]",
        '[tool.ml-pipeline.evaluation]\nquery = "basket"\n\n[tool.ml-pipeline.train]',
    )
    project.edit("train.py", '== "yes"', "== 2")
    project.edit("train.py", '== "no"', "== 0")
    project.edit(
        "apples.py",
        '["yes" if weight > self.threshold else "no" for weight in table["weight"]]',
        '(table["weight"] - self.threshold).tolist()',
    )
    project.edit("apples.py", "def predict_proba(self", "def _shares(self")
    project.edit("apples.py", "list[str]", "list[float]")
    project.edit("tests/test_apples.py", '["no", "yes"]', "[-1.0, 1.0]")
    ran = project.run()
    assert ran.exit_status == 0, ran.output
    assert "ndcg@3 is 0.9" in ran.gate("threshold-ndcg@3")["message"]
    labels = pl.read_parquet(next((ran.folder / "artifacts").glob("holdout-labels/labels.parquet")))
    train = pl.read_csv(next((ran.folder / "artifacts").glob("train-set/train.csv")))
    assert not set(labels["basket"].cast(pl.String)) & set(train["basket"].cast(pl.String))


def test_several_labels_a_row_are_taken_from_data_to_a_published_model(project: TinyProject) -> None:
    """If this fails, a project whose rows have several labels, or none, has gates for files alone."""
    rows = [
        {**row, "ripe": "|".join([*["ripe"] * (row["ripe"] == "yes"), *["red"] * (row["colour"] == "red")])}
        for row in project.table()
    ]
    project.write_table(rows)
    _add_gate(project, "f1_micro")
    project.edit("pyproject.toml", 'task = "classification"', 'task = "multilabel"')
    project.edit(
        "pyproject.toml",
        "[tool.ml-pipeline.environment]",
        "ripe = { max_null = 0.5 }\n\n[tool.ml-pipeline.environment]",
    )
    project.edit("train.py", 'table["ripe"] == "yes"', 'table["ripe"].fillna("").str.contains("ripe")')
    project.edit("train.py", 'table["ripe"] == "no"', '~table["ripe"].fillna("").str.contains("ripe")')
    project.edit(
        "apples.py",
        '["yes" if weight > self.threshold else "no" for weight in table["weight"]]',
        '[\n            "|".join(["ripe"] * (weight > self.threshold) + ["red"] * (colour == "red"))\n'
        '            for weight, colour in zip(table["weight"], table["colour"], strict=True)\n        ]',
    )
    project.edit("apples.py", "def predict_proba(self", "def _shares(self")
    project.edit(
        "tests/test_apples.py",
        '    assert Scale(10).predict(pd.DataFrame({"weight": [9.0, 11.0]})) == ["no", "yes"]',
        '    frame = pd.DataFrame({"weight": [9.0, 11.0], "colour": ["green", "red"]})\n'
        '    assert Scale(10).predict(frame) == ["", "ripe|red"]',
    )
    ran = project.run()
    assert ran.exit_status == 0, ran.output
    assert "f1_micro is 0.9" in ran.gate("threshold-f1_micro")["message"]
