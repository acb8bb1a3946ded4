"""`all`, `any` and `not`: gates made of gates, with three values."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, field_validator

from ml_stages.config.sections import EvaluationConfig
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement
from ml_stages.gates.limits import every
from ml_stages.gates.multiple import one_sided_error


def _as_gate(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    from ml_stages.gates.registry import GATES  # noqa: PLC0415 (the registry lists this module's gates, too)

    kind = value.get("kind")
    if kind not in GATES:
        raise ValueError(f"unknown gate {kind!r}; known: {', '.join(sorted(GATES))}")
    return GATES[kind].model_validate(value)


_DECIDED = (GateStatus.PASSED, GateStatus.FAILED)
Part = Annotated[SerializeAsAny[GateConfig], BeforeValidator(_as_gate)]


@dataclass(frozen=True)
class Level:
    """By what the error of a pass, and that of a failure, is divided.

    A gate hands it to its parts. Where one part suffices for a result, as a pass suffices for `any` and a
    failure for `all`, each part has its own chance to bring it about wrongly, so that the error is divided
    among them (Bonferroni; Holm's procedure asks the same of the first). Where all parts must agree the
    one that should not have is wrong at its own error, and nothing is divided. `not` exchanges the two.
    """

    passing: int = 1
    failing: int = 1


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

    @property
    def is_estimate(self) -> bool:
        return any(gate.is_estimate for gate in self.gates)

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:
        return next((why for gate in self.gates if (why := gate.misfit(task, evaluation))), "")

    def default_name(self) -> str:
        return f"{getattr(self, 'kind', '')}({', '.join(gate.label for gate in self.gates)})"

    @abstractmethod
    def join(self, statuses: list[GateStatus]) -> GateStatus:
        """The result out of the parts' results."""

    @abstractmethod
    def level_of_parts(self, level: Level) -> Level:
        """The errors that are left for each part."""

    def judge(self, evidence: Evidence) -> Judgement:
        judged = self.judge_at(Level(failing=evidence.family), evidence)
        if not self.is_estimate:
            return judged
        # All that is known of the p-value: whether it is within the family's error, divided by its gates.
        proven = judged.status is GateStatus.FAILED
        chance = one_sided_error(evidence) / evidence.family if proven else 1.0
        return judged.model_copy(update={"chance": chance})

    def judge_at(self, level: Level, evidence: Evidence) -> Judgement:
        """Judge with divided errors."""
        inner = self.level_of_parts(level)
        parts = [(gate.label, _judged(gate, inner, evidence)) for gate in self.gates]
        return Judgement(
            status=self.join([judged.status for _, judged in parts]),
            message="; ".join(f"{label} {judged.status}: {judged.message}" for label, judged in parts),
            observed={label: str(judged.status) for label, judged in parts},
            skips=any(judged.skips or judged.status is GateStatus.SKIPPED for _, judged in parts),
        )

    def levels(self, level: Level) -> Iterator[Level]:
        """The errors of all parts that are no composed gates themselves."""
        inner = self.level_of_parts(level)
        for gate in self.gates:
            if isinstance(gate, Composed):
                yield from gate.levels(inner)
            elif gate.is_estimate:
                yield inner

    @property
    def _chances(self) -> int:
        return max(sum(gate.is_estimate for gate in self.gates), 1)


def _judged(gate: GateConfig, level: Level, evidence: Evidence) -> Judgement:
    if isinstance(gate, Composed):
        return gate.judge_at(level, evidence)
    if not gate.is_estimate:
        return _at(gate, 1, evidence)
    passing, failing = (_at(gate, divisor, evidence) for divisor in (level.passing, level.failing))
    if GateStatus.FAILED in (passing.status, failing.status):
        return _noted(failing, passing, level.failing)
    return _noted(passing, failing, level.passing)


def _at(gate: GateConfig, divisor: int, evidence: Evidence) -> Judgement:
    try:
        return gate.judge(evidence.at(divisor))
    except Absent as absent:
        return Judgement(status=absent.status, message=str(absent))


def _noted(judged: Judgement, other: Judgement, divisor: int) -> Judgement:
    """Say that a part would be decided if it stood alone."""
    if judged.status is not GateStatus.INCONCLUSIVE or other.status not in _DECIDED:
        return judged
    note = f" (alone it would have {other.status}; here its error is divided by {divisor})"
    return judged.model_copy(update={"message": judged.message + note})


def family_of(gates: Iterable[GateConfig]) -> int:
    """How many of the gates rest on chance: among so many the error of a failure is divided."""
    return max(sum(gate.is_estimate for gate in gates), 1)


def divisors_of(gates: Sequence[GateConfig]) -> list[int]:
    """By what the error of intervals is divided for the parts of composed gates, besides by one."""
    level = Level(failing=family_of(gates))
    found = {
        divisor
        for gate in gates
        if isinstance(gate, Composed)
        for part in gate.levels(level)
        for divisor in (part.passing, part.failing)
    }
    return sorted(found - {1})


def _all_decided(gates: list[GateConfig]) -> list[GateConfig]:
    for gate in gates:
        if getattr(gate, "inconclusive", "block") == "pass":
            raise ValueError(f'{gate.label}: `inconclusive` must be "block" in a part of `any` or `not`')
        _all_decided(gate.gates if isinstance(gate, Composed) else [])
    return gates


class All(Composed):
    """Every part passes; a part that was skipped does not count beside others.

    Fails when some part fails, and else, when a part is an error or undecided, so is the whole. A pass
    needs no correction: a wrong pass of all is a wrong pass of the part that should have failed. One part
    suffices for a failure, so that parts that estimate something share its error: with two of them at 95 %
    each fails by its 97.5 % interval.

    Null hypothesis: that of some part.

    Source: intersection-union tests, Berger, Technometrics 24:295 (1982); for the failures Bonferroni,
    which is the first step of Holm, Scand. J. Stat. 6:65 (1979).

    Assumes: what the parts assume; nothing about how they depend on each other.

    Limits: those of the parts. Gates beside each other block for the same reasons, each under its own name,
    and share the error of failures likewise.
    """

    kind: Literal["all"]

    def join(self, statuses: list[GateStatus]) -> GateStatus:
        return every(statuses)

    def level_of_parts(self, level: Level) -> Level:
        return Level(level.passing, level.failing * self._chances)


class AnyOf(Composed):
    """At least one part passes; it fails only when every part fails, and is undecided in between.

    One part suffices for a pass, so that parts that estimate something share its error: with two of them
    at 95 % each passes by its 97.5 % interval, and a model for which neither limit is kept passes in 2.5 %
    of runs at most. A failure needs all parts, and no correction. No part may be `inconclusive = "pass"`:
    what is undecided in one would then pass the whole.

    Null hypothesis: those of all parts together.

    Source: union-intersection and intersection-union tests, Roy, Ann. Math. Stat. 24:220 (1953), and
    Berger, Technometrics 24:295 (1982); Bonferroni for the passes.

    Assumes: what the parts assume; nothing about how they depend on each other.

    Limits: `sealed`, `drift`, `latency` and `throughput` decide by intervals or tests of their own, whose
    error is not divided: as a part each adds its own chance to pass wrongly.
    """

    kind: Literal["any"]
    _decided = field_validator("gates")(_all_decided)

    def join(self, statuses: list[GateStatus]) -> GateStatus:
        order = (GateStatus.PASSED, GateStatus.ERROR, GateStatus.INCONCLUSIVE, GateStatus.FAILED)
        return next((status for status in order if status in statuses), GateStatus.SKIPPED)

    def level_of_parts(self, level: Level) -> Level:
        return Level(level.passing * self._chances, level.failing)


class Not(Composed):
    """The one part fails. What is undecided stays so: not proven bad is not proven good.

    A pass here is a failure of the part, at the error that a pass may have, and a failure a pass of the
    part, at the error of a failure: divided by the gates beside it, as every failure is. The part may not
    be `inconclusive = "pass"`: what is undecided would then fail.

    Null hypothesis: the limit of the part is kept.

    Assumes: what the part assumes.

    Limits: those of the part.
    """

    kind: Literal["not"]
    gates: list[Part] = Field(min_length=1, max_length=1)
    """The one gate that must fail."""
    _decided = field_validator("gates")(_all_decided)

    def join(self, statuses: list[GateStatus]) -> GateStatus:
        exchanged = {GateStatus.PASSED: GateStatus.FAILED, GateStatus.FAILED: GateStatus.PASSED}
        return exchanged.get(statuses[0], statuses[0])

    def level_of_parts(self, level: Level) -> Level:
        return Level(level.failing, level.passing)


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
