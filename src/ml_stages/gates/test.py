"""`test`: the project's own tests passed, and there were some."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.ending import ending
from ml_stages.evidence import CommandRun, TestReport
from ml_stages.gates.gate import Evidence, GateConfig, GateStatus, Judgement, need

_NONE_COLLECTED = 5
"""Exit status of pytest that found no test."""


class Test(GateConfig):
    """Every test passed, at least one ran, and the coverage is what was asked for."""

    kind: Literal["test"]
    min_coverage: float | None = Field(default=None, ge=0, le=1)
    """Smallest share of statements covered; needs tests that measure it."""

    def default_name(self) -> str:
        return "test"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("test",)

    def judge(self, evidence: Evidence) -> Judgement:
        report = need(evidence.test, "test", evidence)
        problem = _problem(report) or self._coverage_problem(report)
        ran = report.tests - report.skipped
        return Judgement(
            status=GateStatus.FAILED if problem else GateStatus.PASSED,
            message=problem or f"{ran} passed" + (f", {report.skipped} skipped" if report.skipped else ""),
            observed={"tests": report.tests, "failed": report.failures + report.errors},
            expected={"failed": 0, "min_coverage": self.min_coverage},
        )

    def _coverage_problem(self, report: TestReport) -> str | None:
        if self.min_coverage is None:
            return None
        if report.coverage is None:
            return "no coverage was measured; run the tests with pytest-cov and --cov"
        if report.coverage < self.min_coverage:
            return f"coverage {report.coverage:.1%}, expected at least {self.min_coverage:.1%}"
        return None


def _problem(report: TestReport) -> str | None:
    if report.failed_tests:
        first = report.failed_tests[0]
        count = report.failures + report.errors
        return f"{count} of {report.tests} failed: {first.name}: {first.message}"
    if report.run.timed_out:
        return f"the tests ran out of time after {report.run.duration:.0f} s"
    if report.tests - report.skipped <= 0:
        began = report.tests or report.run.exit_status in {0, _NONE_COLLECTED}
        why = "a project without tests is not a tested one" if began else _ended(report.run)
        return f"no test ran; {why}"
    return None if report.run.succeeded else _ended(report.run)


def _ended(run: CommandRun) -> str:
    """How the command ended; the last line that names an error (pytest marks its own by `E`), or the last."""
    said = [line for line in run.tail if line.strip()] or ["no output"]
    if said[-1].endswith(": No module named pytest"):
        return "the project's environment has no pytest; add it to what the lock file is made from"
    errors = [line for line in said if line.startswith("E  ") or "error" in line.lower()]
    return f"the command {ending(run.exit_status)}: {(errors or said)[-1].removeprefix('E  ').strip()}"
