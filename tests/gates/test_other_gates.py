"""Equivalence, churn, class collapse, sizes and times, and gates made of gates."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from ml_stages.evaluation.metrics_report import ClassCount, Comparison, Metric, MetricsReport, SliceMetrics
from ml_stages.evaluation.shares import clopper_pearson
from ml_stages.evidence import CommandRun, Device, LintReport, TrainReport
from ml_stages.gates.calibration import Calibration
from ml_stages.gates.churn import Churn
from ml_stages.gates.class_collapse import ClassCollapse
from ml_stages.gates.composed import All, AnyOf, Not
from ml_stages.gates.fairness import Fairness
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus
from ml_stages.gates.lint import Lint
from ml_stages.gates.model_size import ModelSize
from ml_stages.gates.no_regression import NoRegression
from ml_stages.gates.no_significant_change import NoSignificantChange
from ml_stages.gates.slice import Slice
from ml_stages.gates.threshold import Threshold
from ml_stages.gates.training_time import TrainingTime


def metrics(**fields: Any) -> Evidence:
    return Evidence(metrics=MetricsReport(rows=1000, metrics=[], **fields), has_baseline=True)


@pytest.mark.parametrize(
    ("lower", "upper", "status"),
    [
        (-0.01, 0.015, "passed"),
        (-0.03, 0.01, "inconclusive"),
        (-0.1, 0.1, "inconclusive"),
        (0.03, 0.05, "failed"),
    ],
)
def test_no_change_must_be_proven(lower: float, upper: float, status: str) -> None:
    """A comparison on ten rows, which detects nothing, would prove that nothing changed."""
    gate = NoSignificantChange.model_validate(
        {"kind": "no-significant-change", "metric": "f1", "margin": 0.02}
    )
    found = Comparison(
        metric="f1",
        candidate=0.8,
        baseline=0.8,
        difference=(lower + upper) / 2,
        lower=lower,
        upper=upper,
        rows=1,
    )
    judged = gate.judge(metrics(comparisons=[found]))
    assert judged.status == status
    assert ("rows would let an equally good model pass" in judged.message) == (status == "inconclusive")


@pytest.mark.parametrize(("most", "status"), [(0.06, "passed"), (0.04, "inconclusive"), (0.01, "failed")])
def test_calibration(most: float, status: str) -> None:
    """Probabilities that mean nothing would be served as if they did."""
    error = Metric(name="calibration_error", value=0.03, lower=0.02, upper=0.05, rows=900)
    gate = Calibration.model_validate({"kind": "calibration", "max_error": most})
    judged = gate.judge(Evidence(metrics=MetricsReport(rows=900, metrics=[error])))
    assert judged.status == status
    assert gate.label == "calibration"
    assert "0.03 (95% interval 0.02 to 0.05)" in judged.message


@pytest.mark.parametrize(("most", "status"), [(0.2, "passed"), (0.1, "inconclusive"), (0.05, "failed")])
def test_churn(most: float, status: str) -> None:
    """Users would be treated differently than yesterday without anyone having decided so."""
    share = Metric(name="disagreement", value=0.1, lower=0.08, upper=0.12, rows=1000)
    gate = Churn.model_validate({"kind": "churn", "max": most})
    assert gate.judge(metrics(disagreement=share)).status == status


def test_churn_without_a_baseline_is_no_pass() -> None:
    """Nothing would be compared, and nothing found."""
    gate = Churn.model_validate({"kind": "churn", "max": 0.1})
    report = MetricsReport(rows=10, metrics=[])
    with pytest.raises(Absent) as skipped:
        gate.judge(Evidence(metrics=report, first_run_allowed=True))
    assert skipped.value.status is GateStatus.SKIPPED
    for has_baseline in (True, False):
        with pytest.raises(Absent) as missing:
            gate.judge(Evidence(metrics=report, has_baseline=has_baseline))
        assert missing.value.status is GateStatus.ERROR


def count(label: str, rows: int, predicted: int, total: int = 1000) -> ClassCount:
    lower, upper = clopper_pearson(predicted, total, 0.95)
    share = Metric(name="predicted", value=predicted / total, lower=lower, upper=upper, rows=total)
    return ClassCount(label=label, rows=rows, predicted=predicted, share=share)


@pytest.mark.parametrize(("predicted", "status"), [(120, "passed"), (13, "inconclusive"), (0, "failed")])
def test_a_class_that_is_no_longer_predicted_fails(predicted: int, status: str) -> None:
    """A model that always says no would pass on its accuracy."""
    counts = [
        count("no", 880, 1000 - predicted),
        count("yes", 120, predicted),
        count("gone", 0, 0),
    ]
    judged = ClassCollapse.model_validate({"kind": "class-collapse"}).judge(metrics(classes=counts))
    assert judged.status == status
    assert judged.interval is not None
    assert "not judged, for want of rows: 'gone'" in judged.message
    with pytest.raises(Absent, match="classification only"):
        ClassCollapse.model_validate({"kind": "class-collapse"}).judge(metrics())


def test_one_of_many_classes_at_its_limit_is_no_proof_of_collapse() -> None:
    """With twenty classes, one would be called collapsed by chance in every third run."""
    gate = ClassCollapse.model_validate({"kind": "class-collapse", "min_ratio": 1.0})

    def status(classes: int) -> GateStatus:
        counts = [count("few", 100, 79, 10_000)] + [
            count(f"c{i}", 100, 110, 10_000) for i in range(classes - 1)
        ]
        report = MetricsReport(rows=10_000, metrics=[], classes=counts)
        return gate.judge(Evidence(metrics=report)).status

    assert status(1) is GateStatus.FAILED
    assert status(20) is GateStatus.INCONCLUSIVE


@pytest.mark.parametrize(
    ("gate", "fields"),
    [
        (Threshold, {"kind": "threshold", "metric": "roc_auc", "min": 0.5}),
        (Calibration, {"kind": "calibration", "max_error": 0.1}),
        (Slice, {"kind": "slice", "metric": "roc_auc", "min": 0.5}),
        (Fairness, {"kind": "fairness", "column": "sex", "criterion": "equal-opportunity"}),
        (NoRegression, {"kind": "no-regression", "metric": "roc_auc", "margin": 0.1}),
    ],
)
def test_what_has_no_value_is_never_let_through(gate: type[GateConfig], fields: dict[str, Any]) -> None:
    """`inconclusive = "pass"` would let a model through whose metric does not exist."""
    names = ("roc_auc", "calibration_error", "recall")
    absent = [Metric(name=name, value=None, note="undefined: no probabilities") for name in names]
    slices = [SliceMetrics(where={"sex": sex}, rows=500, metrics=absent) for sex in ("f", "m")]
    compared = Comparison(metric="roc_auc", candidate=None, baseline=None, difference=None)
    report = MetricsReport(rows=1000, metrics=absent, slices=slices, comparisons=[compared])
    evidence = Evidence(metrics=report, has_baseline=True)
    judged = gate.model_validate({**fields, "inconclusive": "pass"}).judge(evidence)
    assert judged.status is GateStatus.INCONCLUSIVE


def _trained(**run: Any) -> Evidence:
    command = CommandRun.model_validate({"command": ["train"], "exit_status": 0, "duration": 12.5, **run})
    device = Device(kind="cpu", name="a CPU")
    return Evidence(
        train=TrainReport(run=command, device=device, seed=0, model_bytes=2_000_000, model_files=["m"])
    )


def test_size_and_time_of_training() -> None:
    """A model that outgrew its device, or a training that takes all night, would be released unseen."""

    def size(most: int) -> GateStatus:
        return ModelSize.model_validate({"kind": "model-size", "max_bytes": most}).judge(_trained()).status

    def time(most: float, **run: Any) -> GateStatus:
        gate = TrainingTime.model_validate({"kind": "training-time", "max_seconds": most})
        return gate.judge(_trained(**run)).status

    assert (size(2_000_000), size(1_999_999)) == (GateStatus.PASSED, GateStatus.FAILED)
    assert (time(12.5), time(12)) == (GateStatus.PASSED, GateStatus.FAILED)
    assert time(20, exit_status=None, timed_out=True) is GateStatus.FAILED


PASSED, FAILED, OPEN = GateStatus.PASSED, GateStatus.FAILED, GateStatus.INCONCLUSIVE


def _part(status: GateStatus) -> dict[str, Any]:
    limits = {PASSED: 0.5, OPEN: 0.8, FAILED: 0.9}
    return {"kind": "threshold", "metric": "f1", "min": limits[status]}


def _evidence() -> Evidence:
    f1 = Metric(name="f1", value=0.8, lower=0.75, upper=0.85, rows=300)
    report = MetricsReport(rows=300, metrics=[f1])
    return Evidence(metrics=report.model_copy(update={"stricter": {2: report}}))


@pytest.mark.parametrize(("one", "other"), list(product([PASSED, OPEN, FAILED], repeat=2)))
def test_composed_gates_follow_kleenes_logic(one: GateStatus, other: GateStatus) -> None:
    """Something undecided would become a pass by being composed."""
    rank = [FAILED, OPEN, PASSED]
    gates = [_part(one), _part(other)]
    worst, best = (choose(one, other, key=rank.index) for choose in (min, max))
    assert All.model_validate({"kind": "all", "gates": gates}).judge(_evidence()).status is worst
    assert AnyOf.model_validate({"kind": "any", "gates": gates}).judge(_evidence()).status is best
    negated = Not.model_validate({"kind": "not", "gates": gates[:1]}).judge(_evidence()).status
    assert negated is rank[2 - rank.index(one)]


def test_a_composed_gate_names_its_parts_and_survives_missing_evidence() -> None:
    """An absent report inside a composition would end the verdict with a traceback, or pass."""
    gates = [{"kind": "probe"}, _part(PASSED)]
    gate = All.model_validate({"kind": "all", "gates": gates})
    judged = gate.judge(_evidence())
    assert judged.status is GateStatus.ERROR
    assert judged.observed == {"probe": "error", "threshold-f1": "passed"}
    assert gate.reads == ("probe", "evaluate")
    assert gate.label == "all(probe, threshold-f1)"
    assert All.model_validate(gate.model_dump()) == gate
    negated = Not.model_validate({"kind": "not", "gates": gates[:1]})
    assert negated.judge(_evidence()).status is GateStatus.ERROR


def test_an_unknown_part_is_refused_with_the_known_ones() -> None:
    """A misspelt kind inside a composition would be accepted."""
    with pytest.raises(ValueError, match=r"unknown gate .treshold.; known: .*threshold"):
        All.model_validate({"kind": "all", "gates": [{"kind": "treshold"}]})


def test_lint_without_any_linter_is_no_pass() -> None:
    """A project with every linter turned off would be reported as linted."""
    report = LintReport.model_validate({"tools": [], "findings": []})
    with pytest.raises(Absent, match="no linter is turned on") as ended:
        Lint.model_validate({"kind": "lint"}).judge(Evidence(lint=report))
    assert ended.value.status is GateStatus.SKIPPED
