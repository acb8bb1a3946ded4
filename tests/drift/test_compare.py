"""The stage ``data-drift``: today's data, label and predictions beside the baseline's, and its gate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ml_stages.config.drift import Severity
from ml_stages.drift import compare
from ml_stages.drift.references import write_references
from ml_stages.drift.report import DriftReport
from ml_stages.gates.drift import Drift
from ml_stages.gates.gate import Absent, Evidence, GateStatus
from ml_stages.job import Job
from tests.data.job import folder


def _table(seed: int, rows: int = 2_000, ripe: float = 0.5, weight: float = 10) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": np.arange(rows) * 1_000 + seed,
            "weight": random.normal(weight, size=rows),
            "y": np.where(random.random(rows) < ripe, "yes", "no"),
        }
    )


def _predictions(place: Path, seed: int, yes: float = 0.5, rows: int = 600) -> Path:
    random = np.random.default_rng(seed)
    share = np.clip(random.normal(yes, 0.1, rows), 0, 1)
    place.mkdir(parents=True)
    table = {
        "key": np.arange(rows),
        "prediction": np.where(share > 0.5, "yes", "no"),
        "probability_yes": share,
    }
    pl.DataFrame(table).write_csv(place / "predictions.csv")
    return place


def _validated(root: Path, table: pl.DataFrame, **evaluation: Any) -> Path:
    data = folder(root, table, key=["id"])
    data.validate(**evaluation)
    return root / "profile"


def _bundle(root: Path, profile: Path, predictions: Path) -> Path:
    """The part of a bundle that drift reads, as build-image makes it."""
    inputs = {"profile": profile, "predictions": predictions}
    (root / "bundle").mkdir(parents=True)
    job = Job(
        stage="build-image", config={"task": "classification"}, inputs=inputs, outputs={}, report=root / "r"
    )
    for file in write_references(job):
        (root / "bundle" / file.name).write_bytes(file.read_bytes())
    schema = {"features": [{"name": "weight", "type": "float", "nullable": False}]}
    (root / "bundle" / "schema.json").write_text(json.dumps(schema))
    return root / "bundle"


def _compare(root: Path, inputs: Mapping[str, Path], **drift: Any) -> DriftReport:
    config = {
        "task": "classification",
        "data": {"path": "t.parquet", "label": "y", "key": ["id"]},
        "drift": drift,
    }
    compare.run(Job(stage="data-drift", config=config, inputs=inputs, outputs={}, report=root / "drift.json"))
    return DriftReport.model_validate_json((root / "drift.json").read_text(encoding="utf-8"))


def _judge(report: DriftReport | None, **gate: Any) -> tuple[GateStatus, str]:
    evidence = Evidence(drift=report, has_baseline=True)
    judged = Drift.model_validate({"kind": "drift", **gate}).judge(evidence)
    return judged.status, judged.message


@pytest.fixture
def before(tmp_path: Path) -> Path:
    profile = _validated(tmp_path / "before", _table(1))
    return _bundle(tmp_path, profile, _predictions(tmp_path / "predicted", 1))


def test_the_same_kind_of_data_passes(tmp_path: Path, before: Path) -> None:
    """If this fails, every new month of the same data is stopped."""
    inputs = {
        "baseline-model": before,
        "profile": _validated(tmp_path / "after", _table(2)),
        "baseline-predictions": _predictions(tmp_path / "after-predicted", 2),
    }
    report = _compare(tmp_path, inputs)
    assert [(column.part, column.column) for column in report.columns] == [
        ("feature", "weight"),
        ("label", "y"),
        ("prediction", "prediction"),
        ("prediction", "probability_yes"),
    ]
    assert report.absent == {}
    assert _judge(report)[0] is GateStatus.PASSED
    assert _judge(report)[1] == (
        "none in 4 columns; 2,000 rows beside 2,000 of the baseline; expected at most minor"
    )


@pytest.mark.parametrize(
    ("table", "yes", "part", "column"),
    [
        ({"weight": 11}, 0.5, "feature", "weight"),
        ({"ripe": 0.8}, 0.5, "label", "y"),
        ({}, 0.7, "prediction", "probability_yes"),
    ],
)
def test_features_label_and_predictions_are_judged(
    tmp_path: Path, before: Path, table: dict[str, Any], yes: float, part: str, column: str
) -> None:
    """If this fails, one of the three can move away from what the model learned, and nobody is told."""
    inputs = {
        "baseline-model": before,
        "profile": _validated(tmp_path / "after", _table(2, **table)),
        "baseline-predictions": _predictions(tmp_path / "after-predicted", 2, yes),
    }
    report = _compare(tmp_path, inputs)
    assert report.severity is Severity.MAJOR
    status, message = _judge(report)
    assert status is GateStatus.FAILED
    assert f"major in {column} (" in message
    others = [name for name in ("feature", "label", "prediction") if name != part]
    assert _judge(report, parts=others)[0] is GateStatus.PASSED
    assert _judge(report, parts=[part])[0] is GateStatus.FAILED


@pytest.mark.parametrize(
    ("gone", "severity"),
    [
        pytest.param("comment", Severity.MINOR, id="no feature"),
        pytest.param("old_id", Severity.MINOR, id="the key of that time"),
        pytest.param("weight", Severity.MAJOR, id="a feature"),
        pytest.param("y", Severity.MAJOR, id="the label"),
    ],
)
def test_a_column_that_the_model_never_read_may_go(tmp_path: Path, gone: str, severity: Severity) -> None:
    """If this fails, a column that nobody uses blocks a release, or a lost feature does not."""
    whole = _table(1).with_columns(comment=pl.lit("fine"), old_id=pl.col("id"))
    before = _bundle(tmp_path, _validated(tmp_path / "before", whole), _predictions(tmp_path / "then", 4))
    now = _validated(tmp_path / "now", whole.rename({gone: "other"}))
    report = _compare(tmp_path, {"baseline-model": before, "profile": now})
    (found,) = [column for column in report.columns if column.column == gone]
    assert found.severity is severity
    assert found.message.startswith("the column is gone")


def test_a_baseline_without_profile_is_no_pass(tmp_path: Path) -> None:
    """If this fails, drift passes because nobody knows what the data was."""
    (tmp_path / "old").mkdir()
    inputs = {"baseline-model": tmp_path / "old", "profile": _validated(tmp_path / "after", _table(2))}
    report = _compare(tmp_path, inputs)
    status, message = _judge(report)
    assert status is GateStatus.INCONCLUSIVE
    assert "the baseline carries no profile of its data" in message
    assert _judge(report, inconclusive="pass")[0] is GateStatus.PASSED


def test_predictions_that_are_missing_are_told(tmp_path: Path, before: Path) -> None:
    """If this fails, a baseline that broke looks like one whose predictions did not move."""
    inputs = {"baseline-model": before, "profile": _validated(tmp_path / "after", _table(2))}
    report = _compare(tmp_path, inputs)
    assert _judge(report)[0] is GateStatus.INCONCLUSIVE
    assert "the baseline gave no predictions" in _judge(report)[1]
    assert _judge(report, parts=["feature", "label"])[0] is GateStatus.PASSED


def test_few_rows_are_inconclusive(tmp_path: Path, before: Path) -> None:
    """If this fails, eighty rows prove that nothing changed."""
    inputs = {
        "baseline-model": before,
        "profile": _validated(tmp_path / "after", _table(2, rows=80)),
        "baseline-predictions": _predictions(tmp_path / "after-predicted", 2),
    }
    status, message = _judge(_compare(tmp_path, inputs))
    assert status is GateStatus.INCONCLUSIVE
    assert "80 rows are too few to tell" in message
    assert _judge(_compare(tmp_path, inputs, min_rows=50))[0] is GateStatus.PASSED


def test_data_that_could_not_be_read_is_no_pass(tmp_path: Path, before: Path) -> None:
    """If this fails, unreadable data does not drift."""
    (tmp_path / "empty").mkdir()
    report = _compare(tmp_path, {"baseline-model": before, "profile": tmp_path / "empty"})
    assert "data-validate could not read the data" in _judge(report)[1]
    assert _judge(report)[0] is GateStatus.INCONCLUSIVE


def test_clustered_rows_count_for_less(tmp_path: Path) -> None:
    """If this fails, ten visits of each patient are ten independent proofs of drift."""
    random = np.random.default_rng(5)
    profiles: list[Path] = []
    for side in ("before", "after"):
        patients = np.repeat(random.normal(size=60), 20)
        table = _table(len(profiles), rows=1_200).with_columns(
            weight=patients, patient=np.repeat(np.arange(60), 20)
        )
        profiles.append(_validated(tmp_path / side, table, cluster="patient"))
    bundle = _bundle(tmp_path, profiles[0], _predictions(tmp_path / "predicted", 1))
    inputs = {
        "baseline-model": bundle,
        "profile": profiles[1],
        "baseline-predictions": _predictions(tmp_path / "after-predicted", 2, 0.52),
    }
    report = _compare(tmp_path, inputs)
    columns = {column.column: column for column in report.columns}
    assert columns["weight"].severity is Severity.INCONCLUSIVE
    assert "are worth 59 independent ones: too few to tell, at least 100" in columns["weight"].message
    assert columns["probability_yes"].severity is Severity.INCONCLUSIVE


def test_the_gate_without_baseline() -> None:
    """If this fails, a first run passes, or is stopped, by nobody's choice."""
    gate = Drift.model_validate({"kind": "drift"})
    with pytest.raises(Absent) as blocked:
        gate.judge(Evidence())
    assert blocked.value.status is GateStatus.ERROR
    with pytest.raises(Absent) as chosen:
        gate.judge(Evidence(first_run_allowed=True))
    assert chosen.value.status is GateStatus.SKIPPED
    with pytest.raises(Absent, match="not judged"):
        gate.judge(Evidence(has_baseline=True, missing={"data-drift": "data-drift broke"}))


def test_a_column_that_the_gate_names_must_be_there(tmp_path: Path, before: Path) -> None:
    """If this fails, a mistyped column never drifts."""
    inputs = {"baseline-model": before, "profile": _validated(tmp_path / "after", _table(2))}
    with pytest.raises(Absent, match="no column 'wight'"):
        _judge(_compare(tmp_path, inputs), columns=["wight"])


def test_a_column_that_the_gate_names_must_be_compared(tmp_path: Path, before: Path) -> None:
    """If this fails, a gate on identifiers is green, though no value of them was looked at."""
    inputs = {"baseline-model": before, "profile": _validated(tmp_path / "after", _table(2))}
    report = _compare(tmp_path, inputs, ignore=["y"])
    apart = report.columns[0].model_copy(update={"compared": False, "message": "not compared: times"})
    report = report.model_copy(update={"columns": [apart, *report.columns[1:]]})
    status, message = _judge(report, columns=[apart.column], parts=["feature"])
    assert status is GateStatus.INCONCLUSIVE
    assert message.startswith(f"not judged: {apart.column}: not compared: times; ")
    status, message = _judge(report, parts=["feature"])
    assert status is GateStatus.PASSED
    assert f"values of 1 not compared ({apart.column})" in message


def test_where_nothing_is_compared_nothing_passes(tmp_path: Path, before: Path) -> None:
    """If this fails, a gate on the label passes because the label is among the ignored columns."""
    inputs = {
        "baseline-model": before,
        "profile": _validated(tmp_path / "after", _table(2, ripe=0.9)),
        "baseline-predictions": _predictions(tmp_path / "after-predicted", 2),
    }
    report = _compare(tmp_path, inputs, ignore=["y"])
    with pytest.raises(Absent, match="no label was compared"):
        _judge(report, parts=["label"])
