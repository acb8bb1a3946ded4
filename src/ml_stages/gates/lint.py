"""`lint`: static analysis found nothing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.evidence import LintReport
from ml_stages.gates.findings import first_of, placed
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need

_CAME_TO_ITS_END = (0, 1)
"""Exit statuses of ruff and mypy that found nothing, and that found something."""
_UNREAD = "E902"
"""Ruff's rule about files and folders that cannot be read."""


class Lint(GateConfig):
    """The linters and the type checker ran to their end and found nothing.

    With all of them turned off the gate is skipped, and says so.
    """

    kind: Literal["lint"]
    max_findings: int = Field(default=0, ge=0)
    """Most findings that still pass."""

    def default_name(self) -> str:
        return "lint"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("lint",)

    def judge(self, evidence: Evidence) -> Judgement:
        report = need(evidence.lint, "lint", evidence)
        if not report.tools and not report.findings:
            raise Absent("no linter is turned on (lint.ruff, lint.mypy)", GateStatus.SKIPPED)
        errors = [finding for finding in report.findings if finding.severity == "error"]
        broke = _broke(report)
        passed = len(errors) <= self.max_findings and not broke
        tools = ", ".join(tool.name for tool in report.tools)
        found = first_of([*map(placed, errors)]) or "no findings"
        return Judgement(
            status=GateStatus.PASSED if passed else GateStatus.FAILED,
            message=f"{tools}: {found}{broke}{self._allowed(len(errors))}",
            observed=len(errors),
            expected={"max": self.max_findings},
        )

    def _allowed(self, count: int) -> str:
        return f"; {count:,} found, {self.max_findings:,} allowed" if self.max_findings and count else ""


def _broke(report: LintReport) -> str:
    """Who did not look at everything: then nobody knows how much there is to find, whatever is allowed."""
    names = [tool.name for tool in report.tools if tool.run.exit_status not in _CAME_TO_ITS_END]
    names += [finding.rule for finding in report.findings if finding.file is None or finding.rule == _UNREAD]
    return f"; not everything was looked at: {', '.join(dict.fromkeys(names))}" if names else ""
