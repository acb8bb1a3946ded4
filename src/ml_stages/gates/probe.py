"""`probe`: the served model answers as the tested one did."""

from __future__ import annotations

from typing import Literal

from ml_stages.gates.gate import Evidence, GateConfig, GateStatus, Judgement, need


class Probe(GateConfig):
    """Every check of the running server passed.

    The checks: it gets ready; it describes the schema's columns; it answers every holdout row as the tested
    model did, alone as in a batch and many clients at once; it refuses bad input; its answers to right and
    wrong requests are what its OpenAPI document says; its pages answer, still; under load nothing is lost.

    Limits: the contract is held to `probe.contract_examples` requests of each kind within
    `probe.contract_seconds`, the same at every run. What there was no time for is said by the check; a check
    that is turned off is said by the gate, and does not fail it.
    """

    kind: Literal["probe"]

    def default_name(self) -> str:
        return "probe"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("probe",)

    def judge(self, evidence: Evidence) -> Judgement:
        report = need(evidence.probe, "probe", evidence)
        failed = [check for check in report.checks if check.status == "failed"]
        skipped = [
            f"; {check.name} skipped: {check.message}" for check in report.checks if check.status == "skipped"
        ]
        count = len(report.checks) - len(skipped)
        wording = "; ".join(f"{check.name}: {check.message}" for check in failed[:3])
        return Judgement(
            status=GateStatus.PASSED if report.checks and not failed else GateStatus.FAILED,
            message=wording or f"{count} checks, {report.requests} requests answered right{''.join(skipped)}",
            observed=len(failed),
            expected=0,
        )
