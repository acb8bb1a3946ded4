"""Let every gate judge the reports that exist."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ml_stages.gates.composed import family_of
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement
from ml_stages.gates.model_metric import settled
from ml_stages.gates.multiple import one_sided_error, rejected
from ml_stages.verdict import GateResult


def judge(gates: Iterable[GateConfig], evidence: Evidence) -> list[GateResult]:
    """Judge each gate; one that breaks is an `error` and never stops the others.

    That all gates pass needs no correction for their number: a wrong pass of all is a wrong pass of the
    one that should have failed. That *some* gate is proven broken does need one, since of twelve gates
    on an equally good model one fails by chance in every fourth run: Holm's procedure over the gates.
    """
    gates = list(gates)
    evidence = replace(evidence, family=max(evidence.family, family_of(gates)))
    judged = [(gate, _judgement(gate, evidence)) for gate in gates]
    unproven = _unproven([judgement for _, judgement in judged], one_sided_error(evidence))
    return [
        _result(gate, _doubted(gate, judgement) if doubtful else judgement, evidence)
        for (gate, judgement), doubtful in zip(judged, unproven, strict=True)
    ]


def _unproven(judged: list[Judgement], error: float) -> list[bool]:
    """Which failures are not proven among so many gates; one gate alone needs no second look."""
    family = [place for place, judgement in enumerate(judged) if judgement.chance is not None]
    proven = dict(
        zip(family, rejected([judged[place].chance or 0.0 for place in family], error), strict=True)
    )
    return [
        len(family) > 1 and judgement.status is GateStatus.FAILED and not proven.get(place, True)
        for place, judgement in enumerate(judged)
    ]


def _doubted(gate: GateConfig, judgement: Judgement) -> Judgement:
    """A failure that the number of gates explains is no proof: inconclusive, as its gate wants that."""
    message = f"{judgement.message} (not proven, since so many gates were judged)"
    status, message = settled(GateStatus.INCONCLUSIVE, message, getattr(gate, "inconclusive", "block"))
    return judgement.model_copy(update={"status": status, "message": message})


def _judgement(gate: GateConfig, evidence: Evidence) -> Judgement:
    try:
        return gate.judge(evidence)
    except Absent as absent:
        return Judgement(status=absent.status, message=str(absent))
    except Exception as error:  # noqa: BLE001 - a bug in one gate must block, not end the run
        return Judgement(
            status=GateStatus.ERROR, message=f"the gate itself broke: {type(error).__name__}: {error}"
        )


def _result(gate: GateConfig, judgement: Judgement, evidence: Evidence) -> GateResult:
    lacking = any(stage in evidence.missing for stage in gate.reads)
    return GateResult(
        name=gate.label,
        kind=str(getattr(gate, "kind", "")),
        required=gate.required,
        chosen=judgement.status is GateStatus.SKIPPED and not lacking,
        reads=gate.reads,
        **judgement.model_dump(exclude={"chance"}),
    )
