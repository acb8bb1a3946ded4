"""The gate `lint`: findings are counted, and who did not look has found nothing."""

from __future__ import annotations

import pytest

from ml_stages.evidence import CommandRun, Finding, LintReport, ToolRun
from ml_stages.gates.gate import Evidence, GateStatus
from ml_stages.gates.lint import Lint


def _report(exit_status: int | None, *findings: Finding) -> Evidence:
    run = CommandRun(command=["ruff"], exit_status=exit_status, duration=0.1)
    return Evidence(
        lint=LintReport(tools=[ToolRun(name="ruff check", version="1", run=run)], findings=[*findings])
    )


def _finding(rule: str, file: str | None = "train.py") -> Finding:
    return Finding(rule=rule, message="said", file=file, line=1)


def test_as_many_findings_as_are_allowed_pass() -> None:
    """If this fails, a project cannot adopt the pipeline before all of its findings are mended."""
    gate = Lint(kind="lint", max_findings=1)
    passed = gate.judge(_report(1, _finding("F401")))
    failed = gate.judge(_report(1, _finding("F401"), _finding("F841")))
    assert (passed.status, failed.status) == (GateStatus.PASSED, GateStatus.FAILED)
    assert (passed.message[-20:], failed.message[-20:]) == ("; 1 found, 1 allowed", "; 2 found, 1 allowed")


@pytest.mark.parametrize(
    ("exit_status", "finding"),
    [
        (2, _finding("ruff check", None)),  # settings that ruff does not know
        (1, _finding("mypy", None)),  # no module named mypy
        (1, _finding("E902")),  # a folder of lint.paths is not there
        (2, _finding("syntax")),  # mypy stops at the first one
        (None, _finding("ruff check", None)),
    ],
)
def test_a_tool_that_did_not_look_is_no_allowed_finding(exit_status: int | None, finding: Finding) -> None:
    """If this fails, `max_findings = 5` lets a linter pass that never ran: one finding, and allowed."""
    judged = Lint(kind="lint", max_findings=5).judge(_report(exit_status, finding))
    assert judged.status is GateStatus.FAILED
    assert "not everything was looked at: " in judged.message
