"""`probe`: the served model answers as the tested one did."""

from __future__ import annotations

from typing import Literal

from ml_stages.gates.gate import Evidence, GateConfig, GateStatus, Judgement, need


class Probe(GateConfig):
    """Every check of the running server passed."""

    kind: Literal["probe"]

    def default_name(self) -> str:
        return "probe"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("probe",)

    def judge(self, evidence: Evidence) -> Judgement:
        report = need(evidence.probe, "probe", evidence)
        failed = [check for check in report.checks if check.status == "failed"]
        wording = "; ".join(f"{check.name}: {check.message}" for check in failed[:3])
        return Judgement(
            status=GateStatus.PASSED if report.checks and not failed else GateStatus.FAILED,
            message=wording or f"{len(report.checks)} checks, {report.requests} requests answered right",
            observed=len(failed),
            expected=0,
        )
