"""`all`, `any` and `not`: gates made of gates, with three values."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, field_validator

from ml_stages.config.sections import EvaluationConfig
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement
from ml_stages.gates.limits import every
from ml_stages.gates.multiple import one_sided_error, rejected, smallest


def _as_gate(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    from ml_stages.gates.registry import GATES  # noqa: PLC0415 (the registry lists this module's gates, too)

    kind = value.get("kind")
    if kind not in GATES:
        raise ValueError(f"unknown gate {kind!r}; known: {', '.join(sorted(GATES))}")
    return GATES[kind].model_validate(value)


Part = Annotated[SerializeAsAny[GateConfig], BeforeValidator(_as_gate)]


class Composed(GateConfig):
    """A gate whose result is made from other gates' results."""

    gates: list[Part] = Field(min_length=1)
    """The gates that it is made of, written as everywhere; their own `required` has no effect."""

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(stage for gate in self.gates for stage in gate.reads))

    @property
    def compares_servers(self) -> bool:
        return any(gate.compares_servers for gate in self.gates)

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:
        return next((why for gate in self.gates if (why := gate.misfit(task, evaluation))), "")

    def default_name(self) -> str:
        return f"{getattr(self, 'kind', '')}({', '.join(gate.label for gate in self.gates)})"

    @abstractmethod
    def join(self, statuses: list[GateStatus]) -> GateStatus:
        """The result out of the parts' results."""

    def judge(self, evidence: Evidence) -> Judgement:
        parts = [(gate.label, _judged(gate, evidence)) for gate in self.gates]
        judgements = [judged for _, judged in parts]
        status = self.join([judged.status for judged in judgements])
        message = "; ".join(f"{label} {judged.status}: {judged.message}" for label, judged in parts)
        if status is GateStatus.FAILED and not self.is_proven(judgements, one_sided_error(evidence)):
            status, message = (
                GateStatus.INCONCLUSIVE,
                f"{message} (not proven of any, since they are so many)",
            )
        return Judgement(
            status=status,
            message=message,
            observed={label: str(judged.status) for label, judged in parts},
            chance=self.chance_of(judgements),
        )

    def chance_of(self, parts: list[Judgement]) -> float | None:  # noqa: ARG002 - an interface
        """The p-value of a failure, where chance could have made it."""
        return None

    def is_proven(self, parts: list[Judgement], error: float) -> bool:  # noqa: ARG002 - an interface
        """Whether a failure stands in spite of the number of parts."""
        return True


def _judged(gate: GateConfig, evidence: Evidence) -> Judgement:
    try:
        return gate.judge(evidence)
    except Absent as absent:
        return Judgement(status=absent.status, message=str(absent))


def _all_decided(gates: list[GateConfig]) -> list[GateConfig]:
    for gate in gates:
        if getattr(gate, "inconclusive", "block") == "pass":
            raise ValueError(f'{gate.label}: `inconclusive` must be "block" in a part of `any` or `not`')
        _all_decided(gate.gates if isinstance(gate, Composed) else [])
    return gates


class All(Composed):
    """Every part passes; a part that was skipped does not count beside others.

    Fails when some part fails (of parts that estimate something: in spite of their number, by Holm's
    procedure); else an error, or an undecided part, is the result.

    Null hypothesis: that of some part.

    Source: intersection-union tests, Berger, Technometrics 24:295 (1982); Holm, Scand. J. Stat. 6:65
    (1979).

    Assumes: what the parts assume.

    Limits: those of the parts. Gates beside each other block for the same reasons, each under its own name.
    """

    kind: Literal["all"]

    def join(self, statuses: list[GateStatus]) -> GateStatus:
        return every(statuses)

    def chance_of(self, parts: list[Judgement]) -> float | None:
        if any(part.status is GateStatus.FAILED and part.chance is None for part in parts):
            return None
        return smallest([part.chance for part in parts if part.chance is not None])

    def is_proven(self, parts: list[Judgement], error: float) -> bool:
        chances = [part.chance for part in parts if part.chance is not None]
        counted = any(part.status is GateStatus.FAILED and part.chance is None for part in parts)
        return counted or len(chances) == 1 or any(rejected(chances, error))


class AnyOf(Composed):
    """At least one part passes; it fails only when every part fails, and is undecided in between.

    No part may be `inconclusive = "pass"`: what is undecided in one would then pass the whole.

    Null hypothesis: those of all parts together.

    Assumes: what the parts assume.

    Limits: every part has its own chance to pass wrongly, and one of them suffices: with two parts of
    which neither limit is kept, up to 5 % of models pass instead of 2.5 %, with four up to 10 %. Raise
    `evaluation.confidence` for that (0.975 for two, 0.9875 for four); nothing is corrected here.
    """

    kind: Literal["any"]
    _decided = field_validator("gates")(_all_decided)

    def join(self, statuses: list[GateStatus]) -> GateStatus:
        order = (GateStatus.PASSED, GateStatus.ERROR, GateStatus.INCONCLUSIVE, GateStatus.FAILED)
        return next((status for status in order if status in statuses), GateStatus.SKIPPED)

    def chance_of(self, parts: list[Judgement]) -> float | None:
        return max((part.chance for part in parts if part.chance is not None), default=None)


class Not(Composed):
    """The one part fails. What is undecided stays so: not proven bad is not proven good.

    The part may not be `inconclusive = "pass"`: what is undecided would then fail.

    Null hypothesis: the limit of the part is kept.

    Assumes: what the part assumes.

    Limits: those of the part; what the part passes wrongly fails here.
    """

    kind: Literal["not"]
    gates: list[Part] = Field(min_length=1, max_length=1)
    """The one gate that must fail."""
    _decided = field_validator("gates")(_all_decided)

    def join(self, statuses: list[GateStatus]) -> GateStatus:
        exchanged = {GateStatus.PASSED: GateStatus.FAILED, GateStatus.FAILED: GateStatus.PASSED}
        return exchanged.get(statuses[0], statuses[0])


def metrics_named(gate: GateConfig) -> list[str]:
    """The metrics that a gate and its parts judge."""
    if isinstance(gate, Composed):
        return [name for part in gate.gates for name in metrics_named(part)]
    name = getattr(gate, "metric", None)
    return [name] if isinstance(name, str) else []


def kinds_of(gate: GateConfig) -> list[str]:
    """The kind of a gate and those of its parts."""
    parts = gate.gates if isinstance(gate, Composed) else []
    return [str(getattr(gate, "kind", "")), *(kind for part in parts for kind in kinds_of(part))]
