"""`ml-pipeline evaluate-gate --predictions FILE`: the gates for projects that adopt nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import accuracy_score

from tests.commands.process import ml_pipeline

GATES = """
task = "classification"

[evaluation]
slices = ["region"]

[[gates]]
kind = "threshold"
metric = "accuracy"
min = 0.7

[[gates]]
kind = "no-regression"
metric = "accuracy"
margin = 0.05

[[gates]]
kind = "slice"
metric = "accuracy"
min = 0.6
"""
REPORTS = ("verdict.json", "junit.xml", "summary.md", "results.sarif", "report.html")


def predictions(noise: float, seed: int = 1, rows: int = 900) -> pl.DataFrame:
    truth = (np.random.default_rng(5).random(rows) < 0.4).astype(int)
    score = 1 / (1 + np.exp(-3 * truth + 1.5 - noise * np.random.default_rng(seed).normal(size=rows)))
    return pl.DataFrame(
        {
            "key": range(rows),
            "label": truth,
            "prediction": (score > 0.5).astype(int),
            "probability": score,
            "region": ["north", "south", "east"] * (rows // 3),
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gates.toml").write_text(GATES)
    predictions(1.0).write_csv(tmp_path / "good.csv")
    predictions(1.0).drop("label").write_parquet(tmp_path / "same.parquet")
    predictions(4.0, seed=2).write_csv(tmp_path / "bad.csv")
    return tmp_path


def verdict(folder: Path) -> dict[str, dict[str, object]]:
    found = json.loads((folder / "out" / "verdict.json").read_text())
    return {"": found, **{gate["name"]: gate for gate in found["gates"]}}


def judge(folder: Path, name: str, *more: object) -> tuple[int, str]:
    ran = ml_pipeline(
        "evaluate-gate", "--predictions", name, "--config", "gates.toml", "--output", "out", *more, cwd=folder
    )
    assert "Traceback" not in ran.stderr
    return ran.returncode, ran.stdout + ran.stderr


def test_good_predictions_pass_with_every_report(folder: Path) -> None:
    """A project that adopts nothing but the gates would get no verdict."""
    status, shown = judge(folder, "good.csv", "--baseline-predictions", "same.parquet")
    assert status == 0, shown
    for name in REPORTS:
        assert (folder / "out" / name).is_file(), name
    found = verdict(folder)
    table = predictions(1.0)
    assert found["threshold-accuracy"]["observed"] == pytest.approx(
        accuracy_score(table["label"], table["prediction"])
    )
    assert found["no-regression-accuracy"]["status"] == "passed"
    assert found["slice-accuracy"]["status"] == "passed"
    assert found[""]["status"] == "passed"
    assert not list(ET.parse(folder / "out" / "junit.xml").iter("failure"))
    assert "roc_auc" in (folder / "out" / "summary.md").read_text()


def test_worse_predictions_fail_with_three(folder: Path) -> None:
    """CI would be green for a model that lost to its baseline."""
    status, shown = judge(folder, "bad.csv", "--baseline-predictions", "good.csv")
    assert status == 3, shown
    assert verdict(folder)["no-regression-accuracy"]["status"] == "failed"
    assert "no-regression-accuracy: accuracy (higher is better) changed by -" in shown


def test_a_baseline_of_other_classes_takes_its_comparison_alone(folder: Path) -> None:
    """A renamed class would leave no number of the new model, or pass uncompared as a first run."""
    (folder / "gates.toml").write_text(GATES + '\n[baseline]\nfirst_run = "allow"\n')
    table = predictions(1.0).drop("label", "probability")
    table.with_columns(prediction=pl.lit("approved")).write_csv(folder / "old.csv")
    status, shown = judge(folder, "good.csv", "--baseline-predictions", "old.csv")
    assert status == 1, shown
    found = verdict(folder)
    assert found["threshold-accuracy"]["status"] == found["slice-accuracy"]["status"] == "passed"
    assert found["no-regression-accuracy"]["status"] == "error"
    assert "no-regression-accuracy: not judged: baseline-predictions: 900 of 900 rows are predicted" in shown


def test_without_a_baseline_a_comparison_blocks(folder: Path) -> None:
    """A comparison with nothing would pass."""
    status, shown = judge(folder, "good.csv")
    assert status == 1
    assert "there is no baseline to compare with" in shown
    (folder / "gates.toml").write_text(GATES + '\n[baseline]\nfirst_run = "allow"\n')
    assert judge(folder, "good.csv")[0] == 0


def test_what_is_wrong_with_the_rows_is_an_error_with_reports(folder: Path) -> None:
    """A file with repeated keys would end in a traceback, or count rows twice."""
    twice = pl.concat([predictions(1.0), predictions(1.0).head(2)])
    twice.write_csv(folder / "twice.csv")
    status, shown = judge(folder, "twice.csv")
    assert status == 1
    assert "2 keys occur more than once" in shown
    assert verdict(folder)[""]["status"] == "error"


def test_a_first_run_says_so_where_the_comparison_is_part_of_another_gate(folder: Path) -> None:
    """A verdict would read as if the model had been compared with the one before."""
    part = "{kind='no-regression', metric='f1', margin=0.05}"
    limit = "{kind='threshold', metric='accuracy', min=0.5}"
    inner = f"{{kind='all', gates=[{limit}, {part}]}}"
    table = 'task = "classification"\nbaseline.first_run = "allow"\n'
    (folder / "gates.toml").write_text(f"{table}[[gates]]\nkind = 'all'\ngates = [{inner}]\n")
    status, _ = judge(folder, "good.csv")
    assert (status, verdict(folder)[""]["first_run"]) == (0, True)
    judge(folder, "good.csv", "--baseline-predictions", "same.parquet")
    assert verdict(folder)[""]["first_run"] is False


def test_a_file_that_is_compared_with_itself_is_told(folder: Path) -> None:
    """A slip in a script, one name twice, would pass every comparison, and nobody would know."""
    status, shown = judge(folder, "good.csv", "--baseline-predictions", str(folder / "good.csv"))
    assert status == 0
    assert "the baseline's predictions are the candidate's, to the byte" in shown
    assert (
        "to the byte" not in judge(folder, "good.csv", "--baseline-predictions", str(folder / "bad.csv"))[1]
    )


def test_a_bug_of_ours_leaves_reports(folder: Path) -> None:
    """A value that nobody thought of would end in a traceback, and CI would show the reports of before."""
    table = predictions(1.0)
    odd = table.with_columns(key=pl.int_range(table.height, dtype=pl.Int64).cast(pl.Int128) + 2**70)
    odd.write_parquet(folder / "odd.parquet")
    status, shown = judge(folder, "odd.parquet")
    assert status == 1
    assert "evaluate: InvalidOperationError: cannot convert i128" in shown
    assert verdict(folder)[""]["status"] == "error"


@pytest.mark.parametrize(("mark", "shown_as"), [(";", "';'"), ("\t", r"'\t'"), ("|", "'|'")])
def test_another_separator_is_said(folder: Path, mark: str, shown_as: str) -> None:
    """A file that a German Excel saved would end with a column that is missing, though it is there."""
    predictions(1.0).write_csv(folder / "marked.csv", separator=mark)
    status, shown = judge(folder, "marked.csv")
    assert status == 1, shown
    assert "marked.csv, line 1: one column, 'key" in shown
    said = f"its fields look separated by {shown_as}; write commas between fields, and points in numbers"
    assert said in shown


def test_a_lone_column_is_no_separator(folder: Path) -> None:
    """A file of keys alone would be told to use commas."""
    (folder / "alone.csv").write_text("key\n1\n2\n")
    status, shown = judge(folder, "alone.csv")
    assert status == 1, shown
    assert "the column 'label' is missing; there are: key" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--predictions", "none.csv", "--config", "gates.toml"], "none.csv: there is no such file"),
        (["--predictions", "good.csv", "--config", "none.toml"], "none.toml: there is no such file"),
        (["--predictions", "good.csv"], "there is no such file"),
        (["--config", "gates.toml"], "--config goes with --predictions"),
        (["--predictions", "good.csv", "--config", "gates.toml", "--force", "x"], "--force is for a run"),
    ],
)
def test_wrong_usage_ends_with_two(folder: Path, arguments: list[str], message: str) -> None:
    """A typing mistake would look like a broken pipeline, or a failed model."""
    ran = ml_pipeline("evaluate-gate", *arguments, cwd=folder)
    assert ran.returncode == 2
    assert message in ran.stderr


def test_a_projects_own_table_serves_and_says_what_it_leaves_out(folder: Path) -> None:
    """A project would keep its gates twice, or believe that its latency was judged."""
    table = GATES.replace("[evaluation]", "[tool.ml-pipeline.evaluation]")
    table = table.replace("[[gates]]", "[[tool.ml-pipeline.gates]]")
    project = f"""[project]
name = "loans"
[tool.ml-pipeline]
name = "loans"{table}
[[tool.ml-pipeline.gates]]
kind = "latency"
max_seconds = 0.1
[tool.ml-pipeline.data]
path = "loans.csv"
label = "approved"
[tool.ml-pipeline.train]
command = "train {{train}} {{model}}"
[tool.ml-pipeline.predictor]
load = "loans:load"
"""
    (folder / "pyproject.toml").write_text(project)
    ran = ml_pipeline(
        "evaluate-gate", "--predictions", "good.csv", "--baseline-predictions", "same.parquet", cwd=folder
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "not judged, since there are predictions alone: latency-p95 (needs probe)" in ran.stdout
    found = json.loads((folder / ".ml-pipeline" / "verdict.json").read_text())
    assert (found["status"], found["name"], found["should_deploy"]) == ("partial", "loans", False)


def test_a_table_without_a_gate_is_no_pass(folder: Path) -> None:
    """A model would go out that nothing was asked of: with an empty table, or with gates that need a run."""
    for table in ("", '[[gates]]\nkind = "latency"\nmax_seconds = 1.0\n'):
        (folder / "gates.toml").write_text('task = "classification"\n' + table)
        status, shown = judge(folder, "good.csv")
        assert status == 2, shown
        assert "nothing would be judged" in shown


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import sys\ndef f(*_): sys.exit(0)", "broke: SystemExit: 0 (mine.py, line 2)"),
        ("import os\ndef f(*_): os._exit(0)", "ended the process that it ran in (mine:f)"),
        ("import os\nos._exit(0)", "ended the process that it ran in (mine:f)"),
        ("def f(*_): return float('nan')", "(mine:f) returned no finite number"),
        ("def f(*_): raise KeyError(1)", "broke: KeyError: 1 (mine.py, line 1)"),
        ("def f(*_):\n while True: pass", "(mine:f) gave no answer within its timeout of 3 s"),
    ],
)
def test_a_metric_of_ones_own_that_breaks_is_an_error_of_its_own_gate(
    folder: Path, body: str, said: str
) -> None:
    """One function would end the whole evaluation, or CI with status 0, without a verdict."""
    (folder / "mine.py").write_text(body + "\n")
    own = '[[evaluation.own_metrics]]\nname = "profit"\ncall = "mine:f"\ntimeout = 3\n'
    gate = '[[gates]]\nkind = "threshold"\nmetric = "profit"\nmin = 0.0\n'
    (folder / "gates.toml").write_text(GATES.replace("[[gates]]", f"{own}{gate}[[gates]]", 1))
    status, shown = judge(folder, "good.csv", "--baseline-predictions", "same.parquet")
    assert status == 1
    assert f"the metric 'profit' {said}" in shown
    found = verdict(folder)
    assert found[""]["status"] == "error"
    assert found["threshold-profit"]["status"] == "error"
    assert said in str(found["threshold-profit"]["message"])
    assert {gate["status"] for name, gate in found.items() if name not in ("", "threshold-profit")} == {
        "passed"
    }


def test_a_file_that_is_no_table_is_an_error_with_reports(folder: Path) -> None:
    """The verdict of an earlier run, or none at all, would lie in the output folder."""
    (folder / "torn.parquet").write_text("PAR1")
    (folder / "empty.csv").write_text("")
    for name in ("torn.parquet", "empty.csv"):
        status, shown = judge(folder, name)
        assert status == 1
        assert f"{name}: cannot be read as" in shown
        assert all((folder / "out" / report).is_file() for report in REPORTS)


def test_faults_of_the_table_are_named(folder: Path) -> None:
    """A misspelt key would be ignored, and its gate with it."""
    (folder / "gates.toml").write_text(GATES.replace("margin = 0.05", "margn = 0.05"))
    status, shown = judge(folder, "good.csv")
    assert status == 2
    assert "gates[1].margn: unknown key; did you mean 'margin'?" in shown
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            '[[gates]]\nkind = "churn"\nmax = 0.1',
            "gates[0] (churn): churn is for classes; the task is regression",
        ),
        ('[[gates]]\nkind = "class-collapse"', "class-collapse is for classes"),
        ('[[gates]]\nkind = "slice"\nmetric = "mae"\nmax = 1', "there are no slices by any column"),
        (
            '[[gates]]\nkind = "threshold"\nmetric = "mae"\nmax = 1\nwhere = { sex = "f" }',
            "there are no slices by sex; list them in evaluation.slices",
        ),
        ('[[gates]]\nkind = "golden"', "no rows are marked"),
        (
            '[[evaluation.own_metrics]]\nname = "mae"\ncall = "a:b"',
            "'mae' is a metric already; choose another name",
        ),
        (
            2 * '[[evaluation.own_metrics]]\nname = "cost"\ncall = "a:b"\n',
            "two metrics are called 'cost', of which one would not be judged",
        ),
        (
            "[[gates]]\nkind = 'not'\ngates = [{kind='threshold', metric='mae', max=1, inconclusive='pass'}]",
            '`inconclusive` must be "block" in a part of `any` or `not`',
        ),
    ],
)
def test_a_gate_that_can_never_be_judged_is_refused_at_once(folder: Path, table: str, message: str) -> None:
    """A run would train for an hour and then say that the gate has nothing to judge."""
    (folder / "gates.toml").write_text('task = "regression"\n' + table)
    status, shown = judge(folder, "good.csv")
    assert status == 2
    assert message in shown


def test_a_sealed_holdout_answers_until_it_is_spent(folder: Path) -> None:
    """Files of predictions would wear a holdout out that a run protects."""
    sealed = "[sealed]\nmin = 0.6\nruns = 2\ntolerance = 0.1\nreliability = 0.95\n"
    (folder / "gates.toml").write_text(f'task = "classification"\n{sealed}')
    assert judge(folder, "good.csv")[0] == 0
    assert "1 of 2 answers left" in judge(folder, "good.csv")[1], "the same predictions cost an answer"
    status, shown = judge(folder, "bad.csv")
    assert status == 3
    assert "does not prove accuracy above 0.6; 0 of 2 answers left" in shown
    assert "now that it is retired: accuracy 0." in shown
    predictions(1.0, seed=7).write_csv(folder / "new.csv")
    assert "is spent after 2 answers" in judge(folder, "new.csv")[1]
    assert len(list((folder / "sealed-ledger" / "answers").iterdir())) == 2
    size = ml_pipeline("holdout-size", "--config", "gates.toml", cwd=folder)
    assert "accuracy above 0.6" in size.stdout, size.stderr


def test_parts_of_any_are_judged_by_wider_intervals(folder: Path) -> None:
    """A model that is good at neither of two things would pass twice as often as was promised."""
    parts = ", ".join(f'{{ kind = "threshold", metric = "{name}", min = 0.7 }}' for name in ("f1", "recall"))
    table = f'task = "classification"\n[[gates]]\nkind = "any"\ngates = [{parts}]\n'
    (folder / "gates.toml").write_text(table)
    assert judge(folder, "good.csv")[0] == 0
    report = json.loads((folder / "out" / "stages" / "evaluate.json").read_text())
    (strict,) = report["stricter"].values()
    for usual, wider in zip(report["metrics"], strict["metrics"], strict=True):
        assert (usual["confidence"], wider["confidence"]) == (0.95, 0.975)
        assert usual["lower"] is None or wider["lower"] <= usual["lower"], usual["name"]
        assert usual["upper"] is None or wider["upper"] >= usual["upper"], usual["name"]
    assert "97.5% interval" in str(verdict(folder)["any(threshold-f1, threshold-recall)"]["message"])
