"""`audit`: no known vulnerability, no insecure code, no leaked secret."""

from __future__ import annotations

from typing import Literal

from ml_stages.evidence import AuditReport, AuditTool, Finding
from ml_stages.gates.findings import first_of, placed
from ml_stages.gates.gate import Evidence, GateConfig, GateStatus, Judgement, need

_SEARCHED = {
    "vulnerabilities": "{} pins asked about",
    "code": "{} files searched for insecure code",
    "secrets": "{} for secrets",
}


class Audit(GateConfig):
    """Every search of the audit came to its end and found nothing that counts; warnings do not block.

    A service that cannot be asked is an `error`: nothing is known then, and nothing is passed.
    """

    kind: Literal["audit"]

    def default_name(self) -> str:
        return "audit"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("audit",)

    def judge(self, evidence: Evidence) -> Judgement:
        report = need(evidence.audit, "audit", evidence)
        errors = [finding for finding in report.findings if finding.severity == "error"]
        broken = [tool for tool in report.tools if tool.status == "broke"]
        found = [first_of([*map(placed, errors)])] if errors else []
        parts = [*found, *map(_unknown, broken)]
        return Judgement(
            status=_status(errors, broken),
            message="; ".join([*(parts or _clean(report)), *report.notes]),
            observed=len(errors),
            expected=0,
        )


def _status(errors: list[Finding], broken: list[AuditTool]) -> GateStatus:
    if errors:
        return GateStatus.FAILED
    return GateStatus.ERROR if broken else GateStatus.PASSED


def _unknown(tool: AuditTool) -> str:
    if tool.name == "vulnerabilities":
        return f"could not ask for known vulnerabilities: {tool.message}"
    return f"could not search for {tool.name}: {tool.message}"


def _clean(report: AuditReport) -> list[str]:
    """What a pass says: what was looked at, and what was let through."""
    searched = [
        _SEARCHED[tool.name].format(f"{tool.checked:,}") for tool in report.tools if tool.status == "ran"
    ]
    off = [f"{tool.name} turned off" for tool in report.tools if tool.status == "off"]
    ignored = [f"ignored: {len(report.ignored)}"] if report.ignored else []
    warnings = [f"warnings: {len(report.findings)}"] if report.findings else []
    found = ["nothing that blocks" if ignored or warnings else "nothing found", *ignored, *warnings]
    return [", ".join([*searched, *off]) + ": " + ", ".join(found)]
