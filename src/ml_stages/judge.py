"""Let every gate judge the reports that exist."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ml_stages.gates.composed import family_of
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement
from ml_stages.gates.model_metric import settled
from ml_stages.gates.multiple import one_sided_error
from ml_stages.holm import holm
from ml_stages.report.numbers import number
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
    doubts = _doubts([judgement for _, judgement in judged], one_sided_error(evidence))
    return [
        _result(gate, _doubted(gate, judgement, doubt) if doubt else judgement, evidence)
        for (gate, judgement), doubt in zip(judged, doubts, strict=True)
    ]


def _doubts(judged: list[Judgement], error: float) -> list[str]:
    """Why failures are not proven among all gates; empty where they are, and for one gate alone."""
    family = [place for place, judgement in enumerate(judged) if judgement.chance is not None]
    chances = [judged[place].chance or 0.0 for place in family]
    doubts = [""] * len(judged)
    for place, chance in zip(family, holm(chances), strict=True):
        if len(family) > 1 and judged[place].status is GateStatus.FAILED and chance > error:
            doubts[place] = (
                f"taken alone this proves that {judged[place].harm}, but not as one of {len(family)} gates "
                f"that can err by chance: p = {number(chance)} by Holm's procedure, needed is {number(error)}"
            )
    return doubts


def _doubted(gate: GateConfig, judgement: Judgement, doubt: str) -> Judgement:
    """A failure that the number of gates explains is no proof: inconclusive, as its gate wants that."""
    message = f"{judgement.message} ({doubt})"
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
        **judgement.model_dump(exclude={"chance", "harm"}),
    )
