"""The gate on the probe's checks."""

from __future__ import annotations

from typing import Literal

from ml_stages.gates.gate import Evidence, GateStatus
from ml_stages.gates.probe import Probe
from ml_stages.serving.probing.probe_report import ProbeCheck, ProbeReport


def _judge(*statuses: Literal["passed", "failed", "skipped"]) -> tuple[GateStatus, str]:
    checks = [ProbeCheck(name=f"check {status}", status=status, message="why") for status in statuses]
    report = ProbeReport(subject="s", checks=checks, requests=7)
    judged = Probe(kind="probe").judge(Evidence(probe=report))
    return judged.status, judged.message


def test_a_check_that_was_skipped_is_said_and_does_not_fail() -> None:
    """If this fails, a contract that nobody looked at reads as one that was kept, or stops a release."""
    status, message = _judge("passed", "passed", "skipped")
    assert status is GateStatus.PASSED
    assert message == "2 checks, 7 requests answered right; check skipped skipped: why"


def test_one_failed_check_fails() -> None:
    """If this fails, a server that answers wrong is released."""
    assert _judge("passed", "failed", "skipped") == (GateStatus.FAILED, "check failed: why")
    assert _judge()[0] is GateStatus.FAILED
