"""The table of outcomes, row by row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ml_stages.errors import ExitStatus
from ml_stages.gates.gate import GateStatus
from ml_stages.lineage import Lineage
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.verdict import GateResult, Verdict, VerdictStatus, decide, explain, may_deploy

SCHEMA = Path(__file__).parents[1] / "docs" / "verdict.schema.json"


def gate(status: str, *, required: bool = True, chosen: bool = False, name: str = "g") -> GateResult:
    return GateResult(
        name=name,
        kind="threshold",
        required=required,
        status=GateStatus(status),
        message=f"{name} says {status}",
        chosen=chosen,
        reads=("evaluate",),
    )


def stage(status: str, name: str = "train", reason: str = "") -> StageOutcome:
    return StageOutcome(name=name, status=StageStatus(status), reason=reason)


@pytest.mark.parametrize(
    ("gates", "stages", "expected"),
    [
        ([gate("passed")], [stage("passed")], "passed"),
        ([gate("failed")], [stage("passed")], "failed"),
        ([gate("error")], [stage("passed")], "error"),
        ([gate("inconclusive")], [stage("passed")], "failed"),
        ([gate("skipped")], [stage("passed")], "error"),
        ([gate("skipped", chosen=True)], [stage("passed")], "passed"),
        ([gate("failed"), gate("error")], [stage("error")], "failed"),
        ([gate("error"), gate("inconclusive")], [stage("passed")], "error"),
        ([], [stage("failed")], "failed"),
        ([], [stage("error")], "error"),
        ([gate("skipped")], [stage("failed")], "failed"),
        ([], [stage("skipped")], "passed"),
        ([gate("failed", required=False), gate("error", required=False)], [stage("passed")], "passed"),
    ],
)
def test_table_of_outcomes(gates: list[GateResult], stages: list[StageOutcome], expected: str) -> None:
    """If this fails, a model passes or is stopped against the documented table."""
    assert decide(gates, stages) == expected


def test_partial_run_is_never_a_pass() -> None:
    """If this fails, `--until` publishes a model that was not judged."""
    assert decide([], [stage("passed")], partial=True) == "partial"
    assert decide([gate("failed")], [], partial=True) == "failed"
    assert not may_deploy(VerdictStatus.PARTIAL, [stage("passed", "build-image")], "because")


def test_interrupted_run_is_an_error() -> None:
    """If this fails, a run that was stopped half-way looks finished."""
    assert decide([gate("failed")], [], interrupted=True) == "error"


_gates = st.lists(
    st.builds(gate, st.sampled_from([str(status) for status in GateStatus]), required=st.booleans())
)
_stages = st.lists(st.builds(stage, st.sampled_from([str(status) for status in StageStatus])))


@given(_gates, _stages)
def test_a_pass_has_nothing_against_it(gates: list[GateResult], stages: list[StageOutcome]) -> None:
    """If this fails, a required gate that did not pass lets a model out."""
    passed = decide(gates, stages) is VerdictStatus.PASSED
    clean = all(one.status is GateStatus.PASSED for one in gates if one.required) and not any(
        one.status in (StageStatus.FAILED, StageStatus.ERROR) for one in stages
    )
    assert passed == clean


@given(_gates, _stages)
def test_whatever_does_not_pass_says_why(gates: list[GateResult], stages: list[StageOutcome]) -> None:
    """If this fails, a red run does not say why."""
    status = decide(gates, stages)
    only_skipped = all(one.status in (GateStatus.PASSED, GateStatus.SKIPPED) for one in gates if one.required)
    if status is not VerdictStatus.PASSED and not only_skipped:
        assert explain(gates, stages)


def test_causes_come_in_the_order_of_the_stages() -> None:
    """If this fails, a follow-up failure hides the first cause."""
    early = gate("failed", name="data").model_copy(update={"reads": ("data-validate",)})
    causes = explain([gate("failed", name="f1"), early], [stage("failed", "train", "exit status 1")])
    assert causes == ["data: data says failed", "train: exit status 1", "f1: f1 says failed"]


def test_force_needs_something_to_ship() -> None:
    """If this fails, a forced run publishes a model that was never built."""
    failed = VerdictStatus.FAILED
    assert may_deploy(failed, [stage("passed", "build-image")], "hot fix")
    assert not may_deploy(failed, [stage("skipped", "build-image")], "hot fix")
    assert not may_deploy(failed, [stage("passed", "build-image")], None)
    assert not may_deploy(VerdictStatus.ERROR, [stage("passed", "build-image")], "hot fix")


def _verdict(status: str, *, interrupted: bool = False) -> Verdict:
    return Verdict(
        name="apples",
        status=VerdictStatus(status),
        should_deploy=status == "passed",
        interrupted=interrupted,
        gates=[gate("passed"), gate("error").model_copy(update={"observed": float("nan")})],
        stages=[stage("passed")],
        lineage=Lineage(pipeline_version="1", seed=0),
        started="2026-01-01T00:00:00+00:00",
        duration=1.5,
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [("passed", 0), ("partial", 0), ("error", 1), ("failed", 3)],
)
def test_exit_status(status: str, expected: int) -> None:
    """If this fails, CI goes on after a red run."""
    assert _verdict(status).exit_status == expected
    assert _verdict("error", interrupted=True).exit_status is ExitStatus.INTERRUPTED


def test_verdict_holds_to_the_published_schema() -> None:
    """If this fails, tools that read verdict.json by its schema break."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(json.loads(_verdict("passed").model_dump_json()))


def test_published_schema_is_that_of_the_model() -> None:
    """If this fails, the schema under docs/ is not what the code writes: `make docs` renews it."""
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == Verdict.model_json_schema(mode="serialization")
