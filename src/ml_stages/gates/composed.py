"""`all`, `any` and `not`: gates made of gates, with three values."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement
from ml_stages.gates.limits import every
from ml_stages.gates.multiple import smallest


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

    def default_name(self) -> str:
        return f"{getattr(self, 'kind', '')}({', '.join(gate.label for gate in self.gates)})"

    @abstractmethod
    def join(self, statuses: list[GateStatus]) -> GateStatus:
        """The result out of the parts' results."""

    def judge(self, evidence: Evidence) -> Judgement:
        parts = [(gate.label, _judged(gate, evidence)) for gate in self.gates]
        return Judgement(
            status=self.join([judged.status for _, judged in parts]),
            message="; ".join(f"{label} {judged.status}: {judged.message}" for label, judged in parts),
            observed={label: str(judged.status) for label, judged in parts},
            chance=self.chance_of([judged for _, judged in parts]),
        )

    def chance_of(self, parts: list[Judgement]) -> float | None:  # noqa: ARG002 - an interface
        """The p-value of a failure, where chance could have made it."""
        return None


def _judged(gate: GateConfig, evidence: Evidence) -> Judgement:
    try:
        return gate.judge(evidence)
    except Absent as absent:
        return Judgement(status=absent.status, message=str(absent))


class All(Composed):
    """Every part passes; a part that was skipped does not count beside others.

    Fails when some part fails; else an error, or an undecided part, is the result.
    """

    kind: Literal["all"]

    def join(self, statuses: list[GateStatus]) -> GateStatus:
        return every(statuses)

    def chance_of(self, parts: list[Judgement]) -> float | None:
        if any(part.status is GateStatus.FAILED and part.chance is None for part in parts):
            return None
        return smallest([part.chance for part in parts if part.chance is not None])


class AnyOf(Composed):
    """At least one part passes; it fails only when every part fails, and is undecided in between."""

    kind: Literal["any"]

    def join(self, statuses: list[GateStatus]) -> GateStatus:
        order = (GateStatus.PASSED, GateStatus.ERROR, GateStatus.INCONCLUSIVE, GateStatus.FAILED)
        return next((status for status in order if status in statuses), GateStatus.SKIPPED)

    def chance_of(self, parts: list[Judgement]) -> float | None:
        return max((part.chance for part in parts if part.chance is not None), default=None)


class Not(Composed):
    """The one part fails. What is undecided stays so: not proven bad is not proven good."""

    kind: Literal["not"]
    gates: list[Part] = Field(min_length=1, max_length=1)
    """The one gate that must fail."""

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
