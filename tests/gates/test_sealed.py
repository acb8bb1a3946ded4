"""The gate `sealed`: its wording shows one bit until the rows are retired."""

from __future__ import annotations

from typing import Any

import pytest

from ml_stages.evaluation.metrics_report import Metric, MetricsReport, SealedReport
from ml_stages.gates.gate import Absent, Evidence, GateStatus
from ml_stages.gates.sealed import Sealed

GATE = Sealed(kind="sealed")


def evidence(answer: str | None, **fields: Any) -> Evidence:
    options = {name: fields.pop(name) for name in ("first_run_allowed",) if name in fields}
    report = SealedReport.model_validate(
        {
            "answer": answer,
            "asked": "accuracy above 0.8",
            "rows": 500,
            "planned": 900,
            "runs": 10,
            "remaining": 4,
            **fields,
        }
    )
    return Evidence(metrics=MetricsReport(rows=500, metrics=[], sealed=report), **options)


@pytest.mark.parametrize(
    ("answer", "status"), [("yes", "passed"), ("no", "failed"), ("spent", "inconclusive")]
)
def test_the_answer_decides(answer: str, status: str) -> None:
    """A candidate would go out on a `no`, or on no answer at all."""
    assert GATE.judge(evidence(answer)).status == status


def test_the_wording_says_what_is_left_and_what_the_plan_needs() -> None:
    """Nobody would know that the rows are too few, or when they are spent."""
    judged = GATE.judge(evidence("no"))
    assert "does not prove accuracy above 0.8; 4 of 10 answers left" in judged.message
    assert "500 rows decide, the plan needs 900" in judged.message
    assert judged.observed == "no"
    assert "asked before: free" in GATE.judge(evidence("yes", repeated=True)).message


def test_numbers_appear_with_the_retirement_alone() -> None:
    """Numbers of the sealed rows would be read while they still answer."""
    number = Metric(name="accuracy", value=0.85, lower=0.82, upper=0.88)
    retired = GATE.judge(evidence("spent", remaining=0, metrics=[number])).message
    assert "seal 900 fresh rows; its numbers, now that it is retired: accuracy 0.85" in retired
    assert "0.85" not in GATE.judge(evidence("yes", metrics=[number])).message


def test_an_answer_that_is_missing_is_no_pass() -> None:
    """The gate would pass where nothing was asked."""
    with pytest.raises(Absent, match="section `sealed`"):
        GATE.judge(Evidence(metrics=MetricsReport(rows=1, metrics=[])))
    with pytest.raises(Absent, match="there is no baseline to compare with") as blocked:
        GATE.judge(evidence(None))
    assert blocked.value.status is GateStatus.ERROR
    with pytest.raises(Absent, match=r"nothing spent; 500 rows decide, .* needs 900 .*: the first") as first:
        GATE.judge(evidence(None, first_run_allowed=True))
    assert first.value.status is GateStatus.SKIPPED
