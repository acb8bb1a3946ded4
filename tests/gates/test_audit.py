"""The gate `audit`: what passes, what fails, and what nobody knows."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ml_stages.evidence import AuditReport, AuditTool, Finding, IgnoredFinding
from ml_stages.gates.audit import Audit
from ml_stages.gates.gate import Absent, Evidence, GateStatus, Judgement

RAN = [
    AuditTool(name="vulnerabilities", status="ran", checked=1234),
    AuditTool(name="code", status="ran", checked=12),
    AuditTool(name="secrets", status="ran", checked=40),
]
BROKE = AuditTool(name="vulnerabilities", status="broke", message="https://osv cannot be reached")
EVAL = Finding(rule="S307", message="eval", file="model.py", line=3)
RANDOM = Finding(rule="S311", message="random", severity="warning")


def _judge(*findings: Finding, tools: list[AuditTool] = RAN, **more: Any) -> Judgement:
    report = AuditReport(day=date(2026, 11, 21), tools=tools, findings=list(findings), **more)
    return Audit(kind="audit").judge(Evidence(audit=report))


def test_nothing_found_passes_and_says_what_was_looked_at() -> None:
    """If this fails, a pass does not say what it rests on."""
    judged = _judge()
    assert judged.status is GateStatus.PASSED
    assert judged.message == (
        "1,234 pins asked about, 12 files searched for insecure code, 40 for secrets: nothing found"
    )


def test_warnings_and_exceptions_pass_and_are_counted() -> None:
    """If this fails, what was let through is not seen."""
    ignored = [IgnoredFinding(finding=EVAL, reason="ours")]
    judged = _judge(RANDOM, ignored=ignored, notes=["the exception for S301 fits nothing"])
    assert judged.status is GateStatus.PASSED
    assert judged.message.endswith(
        "nothing that blocks, ignored: 1, warnings: 1; the exception for S301 fits nothing"
    )


def test_findings_fail_and_are_named() -> None:
    """If this fails, somebody must open a report to learn what is wrong."""
    judged = _judge(*[EVAL] * 5, RANDOM)
    assert judged.status is GateStatus.FAILED
    assert judged.message == "model.py:3 S307 eval; " * 3 + "and 2 more (all 5 are in report.html)"
    assert judged.observed == 5


def test_a_service_that_was_not_reached_is_an_error() -> None:
    """If this fails, a runner without network releases everything."""
    judged = _judge(RANDOM, tools=[BROKE, *RAN[1:]], incomplete=True)
    assert judged.status is GateStatus.ERROR
    assert judged.message == "could not ask for known vulnerabilities: https://osv cannot be reached"


def test_a_finding_is_a_failure_whatever_else_broke() -> None:
    """If this fails, a leaked secret hides behind a service that is down."""
    judged = _judge(EVAL, tools=[BROKE, *RAN[1:]], incomplete=True)
    assert judged.status is GateStatus.FAILED
    assert "could not ask" in judged.message


def test_a_search_that_is_turned_off_is_named() -> None:
    """If this fails, a pass looks as if everything had been searched."""
    off = AuditTool(name="secrets", status="off")
    assert "secrets turned off" in _judge(tools=[*RAN[:2], off]).message


def test_no_report_is_no_pass() -> None:
    """If this fails, an audit that was not run passes."""
    with pytest.raises(Absent, match="audit broke"):
        Audit(kind="audit").judge(Evidence(missing={"audit": "audit broke"}))
