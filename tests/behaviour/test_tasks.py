"""Gates on rankings and on sets of labels: each judges rightly, or is refused before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import TypeAdapter

from ml_stages.behaviour.perturb import run as perturb
from ml_stages.config.load import load_judging_config
from ml_stages.data.schema import FeatureSchema, LabelSchema, Schema
from ml_stages.errors import UsageError
from ml_stages.evaluation.evaluate import run as evaluate
from ml_stages.evaluation.metrics_report import MetricsReport
from ml_stages.evidence import BehaveReport, CommandRun
from ml_stages.gates.gate import Evidence, GateConfig
from ml_stages.gates.registry import Gate
from ml_stages.job import Job
from ml_stages.judge import judge
from ml_stages.verdict import GateResult

SIZE = 8
ROWS = 40 * SIZE
FEATURES = [
    FeatureSchema(name="weight", type="float", nullable=False),
    FeatureSchema(name="colour", type="string", nullable=True),
    FeatureSchema(name="box", type="string", nullable=False),
]


def _table(task: str, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    weight = rng.random(ROWS)
    table = pl.DataFrame(
        {
            "weight": weight,
            "colour": rng.choice(["red", "green"], ROWS),
            "box": rng.choice(["a", "b"], ROWS),
            "basket": [f"{seed}-{number // SIZE}" for number in range(ROWS)],
        }
    )
    label = _answers(task, table, "") if task == "multilabel" else pl.Series((weight > 0.6).astype(int))
    return table.with_columns(label=label)


def _answers(task: str, rows: pl.DataFrame, box: str) -> pl.Series:
    """What a model says; labels of rows of one box come in another order, and many rows have none."""
    if task == "ranking":
        return rows["weight"].cast(pl.Float64)
    said = []
    for row in rows.iter_rows(named=True):
        labels = ["heavy"] * (float(row["weight"]) > 0.6) + ["red"] * (row["colour"] == "red")
        said.append("|".join(reversed(labels) if row["box"] == box else labels))
    return pl.Series(said)


def _judged(folder: Path, task: str, gates: list[dict[str, Any]]) -> dict[str, GateResult]:
    """The stages perturb and evaluate on files, with a model's answers between them."""
    names = ("schema", "holdout-features", "train-set", "perturbed-rows", "perturbed-predictions")
    place = {name: folder / name for name in (*names, "predictions", "holdout-labels", "sealed-ledger")}
    for path in place.values():
        path.mkdir()
    holdout, train = _table(task, 1), _table(task, 2)
    schema = Schema(features=FEATURES, label=LabelSchema(name="label", type="string"), key=[])
    (place["schema"] / "schema.json").write_text(schema.model_dump_json())
    keys = pl.DataFrame({"key": [f"k{number}" for number in range(ROWS)]})
    holdout.select("weight", "colour", "box").write_csv(place["holdout-features"] / "features.csv")
    keys.write_csv(place["holdout-features"] / "keys.csv")
    train.write_csv(place["train-set"] / "train.csv")
    keys.hstack(holdout.select("label", "basket")).write_parquet(place["holdout-labels"] / "labels.parquet")
    keys.with_columns(prediction=_answers(task, holdout, "")).write_csv(
        place["predictions"] / "predictions.csv", quote_style="non_numeric"
    )
    evaluation = {"query": "basket"} if task == "ranking" else {}
    config = {
        "task": task,
        "data": {"path": "x.csv", "label": "label"},
        "gates": gates,
        "evaluation": evaluation,
    }
    report = folder / "report.json"
    written = {"perturbed-rows": place["perturbed-rows"]}
    perturb(Job(stage="perturb", config=config, inputs=place, outputs=written, report=report))
    for part in place["perturbed-rows"].iterdir():
        asked = pl.read_csv(part / "features.csv", infer_schema=False)
        said = place["perturbed-predictions"] / part.name
        said.mkdir()
        pl.read_csv(part / "keys.csv", infer_schema=False).with_columns(
            prediction=_answers(task, asked, "b")
        ).write_csv(said / "predictions.csv", quote_style="non_numeric")
    del config["gates"]
    ledger = {"sealed-ledger": place.pop("sealed-ledger")}
    evaluate(Job(stage="evaluate", config=config, inputs=place, outputs=ledger, report=report))
    found = MetricsReport.model_validate_json(report.read_text())
    ran = BehaveReport(run=CommandRun(command=["python"], exit_status=0, duration=1))
    configured: Sequence[GateConfig] = TypeAdapter(list[Gate]).validate_python(gates)
    results = judge(configured, Evidence(task=task, metrics=found, behaviour=ran))
    return {result.name: result for result in results}


def test_gates_on_behaviour_judge_sets_of_labels(tmp_path: Path) -> None:
    """`a|b` for `b|a`, or a row without any label, would fail a model; a label lost would pass unseen."""
    found = _judged(
        tmp_path,
        "multilabel",
        [
            {"kind": "invariance", "column": "box", "values": ["a", "b"]},
            {"kind": "invariance", "column": "colour", "values": ["red", "green"]},
            {"kind": "robustness", "noise": 0.0, "missing": 0.5},
            {"kind": "overfit-gap", "metric": "f1_micro", "max": 0.5},
        ],
    )
    shown = {name: (result.status.value, result.message) for name, result in found.items()}
    assert shown["invariance-box"][0] == "passed", shown
    assert shown["robustness"][0] == "passed", shown
    assert shown["overfit-gap-f1_micro"][0] == "passed", shown
    assert shown["invariance-colour"][0] == "failed", shown
    other = int((_table("multilabel", 1)["colour"] == "green").sum())
    assert f"{other} of {other} changed rows" in shown["invariance-colour"][1], shown


def test_gates_on_behaviour_judge_rankings(tmp_path: Path) -> None:
    """The gap to the train set ended the evaluation, or was that of a few rows of each query."""
    found = _judged(
        tmp_path,
        "ranking",
        [
            {"kind": "invariance", "column": "box", "values": ["a", "b"]},
            {"kind": "directional", "column": "weight", "add": 0.1, "moves": "up"},
            {"kind": "directional", "column": "weight", "add": -0.1, "moves": "up", "name": "down"},
            {"kind": "robustness", "max": 0.2, "tolerance": 1.0},
            {"kind": "overfit-gap", "metric": "ndcg", "max": 0.5, "rows": 100},
            {"kind": "output-schema", "min": 0, "max": 0.5},
        ],
    )
    shown = {name: (result.status.value, result.message) for name, result in found.items()}
    for name in ("invariance-box", "directional-weight-up", "robustness", "overfit-gap-ndcg"):
        assert shown[name][0] == "passed", shown
    assert shown["down"][0] == shown["output-schema"][0] == "failed", shown
    labels = next(pl.read_parquet(path) for path in tmp_path.glob("perturbed-rows/*/labels.parquet"))
    assert labels.height == 96
    assert labels["query"].value_counts()["count"].to_list() == [SIZE] * 12
    assert " queries of it, 1 on " in shown["overfit-gap-ndcg"][1], shown


@pytest.mark.parametrize("task", ["ranking", "multilabel"])
@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ('kind = "churn"\nmax = 0.1', "churn is for classes; the task is {task}"),
        ('kind = "class-collapse"', "class-collapse is for classes; the task is {task}"),
        (
            'kind = "fairness"\ncolumn = "sex"\ncriterion = "equal-opportunity"',
            "fairness is for classes; the task is {task}",
        ),
        ('kind = "golden"', "golden is for classes and numbers; the task is {task}"),
        ('kind = "calibration"\nmax_error = 0.1', "'calibration_error' is no metric of this task"),
        (
            'kind = "directional"\ncolumn = "a"\nadd = 1\nmoves = "up"\nof = "x"',
            "the task is {task}",
        ),
        ('kind = "output-schema"\nclasses = ["a"]', "{task}"),
        ('kind = "overfit-gap"\nmetric = "f1"\nmax = 0.1', "is no metric of this task"),
    ],
)
def test_a_gate_that_is_not_for_the_task_is_refused(tmp_path: Path, task: str, gate: str, said: str) -> None:
    """A gate that has nothing to judge would break the run at its end, or pass on absence."""
    query = '[evaluation]\nquery = "session"\n' if task == "ranking" else ""
    file = tmp_path / "gates.toml"
    file.write_text(f'task = "{task}"\n{query}[[gates]]\n{gate}\n')
    with pytest.raises(UsageError) as refused:
        load_judging_config(file, None)
    assert said.format(task=task) in str(refused.value)
    assert "gates[0]" in str(refused.value)


@pytest.mark.parametrize("task", ["ranking", "multilabel"])
def test_marked_rows_are_refused_without_a_gate_too(tmp_path: Path, task: str) -> None:
    """A column of golden rows would end the evaluation after the training."""
    file = tmp_path / "gates.toml"
    file.write_text(f'task = "{task}"\n[evaluation]\nquery = "q"\ngolden = "sure"\n')
    with pytest.raises(UsageError, match=f"golden is for classes and numbers: the task is {task}"):
        load_judging_config(file, None)
