"""What the gates on findings say where there are more of them than fit a line."""

from __future__ import annotations

from datetime import date

import pytest

from ml_stages.evidence import AuditReport, AuditTool, CommandRun, DataReport, Finding, LintReport, ToolRun
from ml_stages.gates.audit import Audit
from ml_stages.gates.data_validation import DataValidation
from ml_stages.gates.findings import first_of
from ml_stages.gates.gate import Evidence, GateConfig
from ml_stages.gates.lint import Lint

LINT = Lint(kind="lint", max_findings=3)
DATA = DataValidation(kind="data-validation")
AUDIT = Audit(kind="audit")


def _evidence(findings: list[Finding]) -> Evidence:
    """The same findings as each of the stages would report them."""
    run = CommandRun(command=["ruff"], exit_status=1, duration=0.1)
    return Evidence(
        lint=LintReport(tools=[ToolRun(name="ruff check", version="1", run=run)], findings=findings),
        data=DataReport(rows=9, columns=["a"], digest="sha256:0", findings=findings),
        audit=AuditReport(
            day=date(2026, 11, 21), tools=[AuditTool(name="code", status="ran")], findings=findings
        ),
    )


def _findings(count: int) -> list[Finding]:
    return [
        Finding(rule="F401", message=f"unused {place}", file="a.py", line=place) for place in range(count)
    ]


@pytest.mark.parametrize("gate", [LINT, DATA, AUDIT])
def test_the_first_of_many_findings_are_named_and_the_rest_can_be_found(gate: GateConfig) -> None:
    """Of forty lint findings the terminal named one, and no gate said where the others are."""
    message = gate.judge(_evidence(_findings(40))).message
    assert [place for place in range(40) if f"unused {place};" in message] == [0, 1, 2]
    assert "; and 37 more (all 40 are in report.html)" in message


@pytest.mark.parametrize("gate", [LINT, DATA, AUDIT])
def test_few_findings_are_all_named(gate: GateConfig) -> None:
    """Somebody would open a report for what fits a line."""
    message = gate.judge(_evidence(_findings(3))).message
    assert all(f"unused {place}" in message for place in range(3))
    assert "report.html" not in message


def test_warnings_about_data_that_passes_are_told() -> None:
    """The terminal and `summary.md` said "2 warnings", and nowhere of what."""
    found = [Finding(rule="misread", message=f"{name} holds texts", severity="warning") for name in "ab"]
    judged = DATA.judge(_evidence(found))
    assert judged.message == "9 rows, every rule holds; 2 warnings: a holds texts; b holds texts"


def test_no_finding_has_no_words() -> None:
    """A gate would name nothing as if it were something."""
    assert first_of([]) == ""
