"""Invariance, directional, robustness, overfit gap, golden rows, throughput, output schema."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ml_stages.evaluation.metrics_report import (
    Behaviour,
    ClassCount,
    GoldenReport,
    Metric,
    MetricsReport,
    OutputReport,
)
from ml_stages.evaluation.shares import clopper_pearson
from ml_stages.evidence import BehaveReport, CommandRun
from ml_stages.gates.directional import Directional
from ml_stages.gates.gate import Absent, Evidence, GateStatus
from ml_stages.gates.golden import Golden
from ml_stages.gates.invariance import Invariance
from ml_stages.gates.output_schema import OutputSchema
from ml_stages.gates.overfit_gap import OverfitGap
from ml_stages.gates.robustness import Robustness
from ml_stages.gates.throughput import Throughput
from ml_stages.serving.probing.probe_report import LoadReport, ProbeReport

INVARIANCE = {"kind": "invariance", "column": "sex", "values": ["f", "m"]}


def evidence(*found: Behaviour, exit_status: int = 0, **report: Any) -> Evidence:
    run = CommandRun(command=["python"], exit_status=exit_status, duration=1, tail=["Segmentation fault"])
    metrics = MetricsReport.model_validate({"rows": 500, "metrics": [], "behaviours": list(found), **report})
    return Evidence(behaviour=BehaveReport(run=run), metrics=metrics)


def seen(broken: int, rows: int = 500, gate: str = "invariance-sex", **fields: Any) -> Behaviour:
    lower, upper = clopper_pearson(broken, rows, 0.95)
    share = Metric(name="broken", value=broken / rows, lower=lower, upper=upper, rows=rows)
    return Behaviour(gate=gate, variant="sex = f", rows=rows, broken=broken, **{"share": share, **fields})


@pytest.mark.parametrize(
    ("broken", "most", "status"),
    [
        ((0, 0), 0.0, "passed"),
        ((0, 1), 0.0, "failed"),
        ((2, 3), 0.05, "passed"),
        ((2, 30), 0.05, "inconclusive"),
        ((2, 60), 0.05, "failed"),
    ],
)
def test_every_change_must_keep_the_rule(broken: tuple[int, int], most: float, status: str) -> None:
    """A model that treats women otherwise would pass because its answer for men is stable."""
    gate = Invariance.model_validate({**INVARIANCE, "max": most})
    judged = gate.judge(evidence(*(seen(one) for one in broken)))
    assert judged.status == status
    assert f"{broken[1]} of 500 changed rows break the rule" in judged.message
    assert ("raise `rows` of this gate" in judged.message) == (status == "inconclusive")
    assert (judged.chance is None) == (most == 0)


def test_a_predictor_that_cannot_answer_fails() -> None:
    """A crash on bad rows would end in `error`, as if the pipeline had broken."""
    gate = Robustness.model_validate({"kind": "robustness"})
    judged = gate.judge(evidence(seen(0, gate="robustness", error="ValueError: NaN")))
    assert judged.status is GateStatus.FAILED
    assert "cannot answer; sex = f: ValueError: NaN" in judged.message
    with pytest.raises(
        Absent, match=r"was killed \(SIGSEGV\) on changed rows; its last line: Segmentation"
    ) as ended:
        gate.judge(evidence(exit_status=-11))
    assert ended.value.status is GateStatus.FAILED


def unasked(**fields: Any) -> Behaviour:
    return Behaviour(gate="invariance-sex", variant="sex = f", rows=0, **fields)


def test_a_gate_that_does_not_fit_the_data_is_an_error() -> None:
    """A misspelt column would be a predictor's failure, or a pass."""
    gate = Invariance.model_validate(INVARIANCE)
    with pytest.raises(Absent, match="sex = f: 'sex' is no feature; mend this gate") as ended:
        gate.judge(evidence(unasked(fault="'sex' is no feature"), seen(0)))
    assert ended.value.status is GateStatus.ERROR


def test_a_change_that_changes_no_row_proves_nothing() -> None:
    """A gate would pass since every row holds the value already."""
    gate = Invariance.model_validate({**INVARIANCE, "inconclusive": "pass"})
    with pytest.raises(Absent, match="no row was changed; sex = f was not judged: as it was") as ended:
        gate.judge(evidence(unasked(idle="as it was")))
    assert ended.value.status is GateStatus.INCONCLUSIVE
    judged = gate.judge(evidence(unasked(idle="as it was"), seen(0)))
    assert judged.status is GateStatus.PASSED
    assert judged.message.endswith("; sex = f was not judged: as it was")


def test_a_directional_gate_says_when_nothing_moved() -> None:
    """A model that ignores the column would look as if it followed the rule."""
    gate = Directional.model_validate({"kind": "directional", "column": "sex", "add": 1, "moves": "up"})
    still = seen(0, gate="directional-sex-up", moved=0)
    assert gate.judge(evidence(still)).message.endswith("; no prediction moved at all")
    moved = seen(0, gate="directional-sex-up", moved=3)
    assert "at all" not in gate.judge(evidence(moved)).message


def test_rows_that_were_never_asked_for_are_no_pass() -> None:
    """A gate would pass on another gate's rows."""
    with pytest.raises(Absent, match="holds no changed rows for 'invariance-sex'"):
        Invariance.model_validate(INVARIANCE).judge(evidence(seen(0, gate="another")))


@pytest.mark.parametrize("note", ["", "no interval: 3 groups of rows, needed are 5"])
def test_a_share_without_an_interval_is_undecided(note: str) -> None:
    """A rule that was tried on no row, or on the rows of three patients, would pass."""
    gate = Invariance.model_validate({**INVARIANCE, "max": 0.05})
    none = Behaviour(gate="invariance-sex", variant="sex = f", rows=0)
    few = seen(0, share=Metric(name="broken", value=0.0, note=note))
    judged = gate.judge(evidence(few if note else none))
    assert judged.status is GateStatus.INCONCLUSIVE
    assert note in judged.message


def test_what_is_asked_of_the_predictor_follows_from_the_configuration() -> None:
    """A configured change would never be made."""
    parts = Robustness.model_validate({"kind": "robustness", "missing": 0}).parts()
    assert [(part.operation, part.expects) for part in parts] == [("noise", "same"), ("outside", "any")]
    down = Directional.model_validate({"kind": "directional", "column": "debt", "add": 1, "moves": "down"})
    assert [(part.operation, part.value, part.expects) for part in down.parts()] == [("add", 1, "decrease")]
    assert len(Invariance.model_validate(INVARIANCE).parts()) == 2
    with pytest.raises(ValidationError, match="either `add` or `multiply`"):
        Directional.model_validate({"kind": "directional", "column": "debt", "moves": "up"})


@pytest.mark.parametrize(
    ("trained", "status"),
    [((0.84, 0.85, 0.86), "passed"), ((0.89, 0.9, 0.91), "inconclusive"), ((0.97, 0.98, 0.99), "failed")],
)
def test_overfit_gap(trained: tuple[float, float, float], status: str) -> None:
    """A model that knows its train set by heart would look as good as it is there."""
    low, value, high = trained
    mine = Metric(name="f1", value=value, lower=low, upper=high)
    holdout = Metric(name="f1", value=0.82, lower=0.79, upper=0.85, rows=500)
    gate = OverfitGap.model_validate({"kind": "overfit-gap", "metric": "f1", "max": 0.08})
    judged = gate.judge(evidence(seen(0, gate="overfit-gap-f1", metrics=[mine]), metrics=[holdout]))
    assert judged.status == status
    assert judged.observed == pytest.approx(value - 0.82)
    # Of a loss, less is better: the same gap turned over.
    turned = [
        one.model_copy(
            update={
                "value": -one.value,  # type: ignore[operator]
                "lower": -one.upper,  # type: ignore[operator]
                "upper": -one.lower,  # type: ignore[operator]
                "greater_is_better": False,
            }
        )
        for one in (mine, holdout)
    ]
    other = gate.judge(evidence(seen(0, gate="overfit-gap-f1", metrics=turned[:1]), metrics=turned[1:]))
    assert other.status == status
    assert other.interval == pytest.approx(judged.interval)


def test_a_train_set_that_is_known_by_heart_is_a_gap() -> None:
    """A tree without any error on its train set has no interval there, and would not fail for it."""
    mine = Metric(name="mae", value=0.0, greater_is_better=False, note="no interval: no row has any error")
    holdout = Metric(name="mae", value=5.0, lower=4.0, upper=6.0, rows=500, greater_is_better=False)
    for most, status in ((3.0, "failed"), (7.0, "passed"), (5.0, "inconclusive")):
        gate = OverfitGap.model_validate({"kind": "overfit-gap", "metric": "mae", "max": most})
        found = evidence(seen(0, gate="overfit-gap-mae", metrics=[mine]), metrics=[holdout])
        judged = gate.judge(found)
        assert judged.status == status
        assert judged.interval == (4.0, 6.0)
    explained = Metric(name="r2", value=1.0, note="no interval: no row has any error")
    other = Metric(name="r2", value=0.5, lower=0.4, upper=0.6, rows=500)
    of_r2 = OverfitGap.model_validate({"kind": "overfit-gap", "metric": "r2", "max": 0.3})
    judged = of_r2.judge(evidence(seen(0, gate="overfit-gap-r2", metrics=[explained]), metrics=[other]))
    assert (judged.status, judged.interval) == ("failed", (0.4, 0.6))
    nothing = gate.judge(evidence(seen(0, gate="overfit-gap-mae", metrics=[mine]), metrics=[mine]))
    assert nothing.status == "inconclusive", "a holdout without any error proves as little as ever"


def test_an_overfit_gap_says_which_side_has_no_number() -> None:
    """Nobody would know why the gap is undefined where the train set is to blame."""
    mine = Metric(name="f1", value=None, note="undefined: no row is positive")
    holdout = Metric(name="f1", value=0.82, lower=0.79, upper=0.85, rows=500)
    gate = OverfitGap.model_validate({"kind": "overfit-gap", "metric": "f1", "max": 0.08})
    judged = gate.judge(evidence(seen(0, gate="overfit-gap-f1", metrics=[mine]), metrics=[holdout]))
    assert judged.status == "inconclusive"
    assert "note: undefined: no row is positive (on the train set)" in judged.message


def test_golden_rows() -> None:
    """A case that must never be wrong again would be wrong again."""
    right = Golden.model_validate({"kind": "golden"})
    same = Golden.model_validate({"kind": "golden", "must": "not-change", "max_broken": 1})
    report = GoldenReport(rows=20, wrong=["a"], changed=["a"])
    assert right.judge(evidence(golden=report)).status is GateStatus.FAILED
    assert "1 of 20 golden rows are wrong (keys: a)" in right.judge(evidence(golden=report)).message
    assert same.judge(evidence(golden=report)).status is GateStatus.PASSED
    with pytest.raises(Absent, match="no baseline"):
        same.judge(evidence(golden=GoldenReport(rows=20, wrong=[])))
    with pytest.raises(Absent, match=r"evaluation\.golden"):
        right.judge(evidence(golden=GoldenReport(rows=0, wrong=[])))


@pytest.mark.parametrize(
    ("rate", "answered", "refused", "status"),
    [
        (120, 118, 0, "passed"),
        (120, 60, 0, "failed"),
        (50, 50, 0, "inconclusive"),
        (120, 118, 30, "failed"),
    ],
)
def test_throughput(rate: float, answered: float, refused: int, status: str) -> None:
    """A server that refuses every fourth request would be fast enough."""
    load = LoadReport(
        rate=rate, seconds=1, requests=120, refused=refused, lost=0, throughput=answered, quantiles=[]
    )
    slow = load.model_copy(update={"server": "baseline", "throughput": 1e6})
    probe = ProbeReport(subject="s", checks=[], load=[slow, load])
    gate = Throughput.model_validate({"kind": "throughput", "min_per_second": 100})
    judged = gate.judge(Evidence(probe=probe))
    assert judged.status == status
    assert "expected at least 100 a second, and at most 0.00% refused or lost" in judged.message
    with pytest.raises(Absent):
        gate.judge(Evidence(probe=ProbeReport(subject="s", checks=[])))


def test_output_schema() -> None:
    """A class that no user knows, or a negative price, would be served."""
    classes = [ClassCount(label=name, rows=10, predicted=10) for name in ("no", "yes")]
    gate = OutputSchema.model_validate({"kind": "output-schema", "probabilities": True})
    good = OutputReport(classes=["no", "yes"], probabilities=["no", "yes"])
    assert gate.judge(evidence(classes=classes, output=good)).status is GateStatus.PASSED
    strange = OutputReport(classes=["maybe", "no"], probabilities=["no"])
    judged = gate.judge(evidence(classes=classes, output=strange))
    assert judged.status is GateStatus.FAILED
    assert judged.message == ("'maybe' is predicted; 'yes' has no probability; expected one of no, yes")
    price = OutputSchema.model_validate({"kind": "output-schema", "min": 0})
    assert price.judge(evidence(output=OutputReport(lowest=-1, highest=5))).status is GateStatus.FAILED
    assert price.judge(evidence(output=OutputReport(lowest=1, highest=5))).status is GateStatus.PASSED
