"""Let every gate judge the reports that exist."""

from __future__ import annotations

from collections.abc import Iterable

from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement
from ml_stages.verdict import GateResult


def judge(gates: Iterable[GateConfig], evidence: Evidence) -> list[GateResult]:
    """Judge each gate; one that breaks is an `error` and never stops the others."""
    return [_judge_one(gate, evidence) for gate in gates]


def _judge_one(gate: GateConfig, evidence: Evidence) -> GateResult:
    try:
        judgement = gate.judge(evidence)
    except Absent as absent:
        judgement = Judgement(status=absent.status, message=str(absent))
    except Exception as error:  # noqa: BLE001 - a bug in one gate must block, not end the run
        judgement = Judgement(
            status=GateStatus.ERROR, message=f"the gate itself broke: {type(error).__name__}: {error}"
        )
    lacking = any(stage in evidence.missing for stage in gate.reads)
    return GateResult(
        name=gate.label,
        kind=str(getattr(gate, "kind", "")),
        required=gate.required,
        chosen=judgement.status is GateStatus.SKIPPED and not lacking,
        reads=gate.reads,
        **judgement.model_dump(),
    )
