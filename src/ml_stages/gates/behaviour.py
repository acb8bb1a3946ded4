"""What the gates share that ask the predictor for rows besides the holdout."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator

from pydantic import Field

from ml_stages.behaviour.part import Part
from ml_stages.ending import ending
from ml_stages.evaluation.metrics_report import Behaviour
from ml_stages.gates.composed import Composed
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need
from ml_stages.gates.limits import Interval, every, within
from ml_stages.gates.model_metric import Inconclusive, interval_of, noted, settled, share_interval_text
from ml_stages.gates.multiple import all_must_keep, chance_of, smallest


class BehaviourGate(GateConfig):
    """A gate on how the predictor answers changed rows: a share of them may break the rule."""

    max: float = Field(default=0.0, ge=0, lt=1)
    """Largest share of rows that may break the rule. With 0 one row that does is a failure; else the
    interval of the share is held against it, by groups where `evaluation.cluster` names some."""
    rows: int = Field(default=500, ge=1)
    """Most rows of the holdout that are changed."""
    inconclusive: Inconclusive = "block"
    """What happens when the interval holds the limit."""

    @abstractmethod
    def parts(self) -> list[Part]:
        """The sets of rows that the predictor is asked for."""

    @abstractmethod
    def rule(self) -> str:
        """What is expected, in words."""

    @property
    def reads(self) -> tuple[str, ...]:
        return ("predict-perturbed", "evaluate")

    @property
    def is_estimate(self) -> bool:
        return self.max > 0

    def judge(self, evidence: Evidence) -> Judgement:
        asked = behaviours_of(self.label, evidence)
        found = _changed(asked)
        chances = self._chances(found)
        status = self._joined(found, chances)
        worst = max(found, key=lambda one: (bool(one.error), one.broken / max(one.rows, 1)))
        answered = all(one.rows for one in found)
        wording = self._wording(worst, len(found)) + _left_out(asked)
        if status is GateStatus.INCONCLUSIVE:
            wording += "; too few changed rows to tell: raise `rows` of this gate, or data.holdout"
        status, message = settled(status, wording, self.inconclusive, is_known=answered)
        return Judgement(
            status=status,
            message=message,
            observed=None if worst.error else worst.broken / max(worst.rows, 1),
            expected={"max": self.max},
            interval=None if worst.error else _interval(worst),
            chance=None if chances is None else smallest(chances),
            harm=f"more than {self.max:.2%} of the rows break the rule",
        )

    def _joined(self, found: list[Behaviour], chances: list[float] | None) -> GateStatus:
        statuses = [self._status(one) for one in found]
        confidence = max(one.share.confidence for one in found)
        return every(statuses) if chances is None else all_must_keep(statuses, chances, confidence)

    def _status(self, one: Behaviour) -> GateStatus:
        if one.error:
            return GateStatus.FAILED
        if one.rows == 0:
            return GateStatus.INCONCLUSIVE
        if self.max == 0:
            return GateStatus.FAILED if one.broken else GateStatus.PASSED
        return within(_interval(one), None, self.max)

    def _chances(self, found: list[Behaviour]) -> list[float] | None:
        """P-values against each change keeping the limit; ``None`` where rows are only counted."""
        if self.max == 0 or any(one.error for one in found):
            return None
        found_chances = (chance_of(one.share, (None, self.max)) for one in found)
        return [1.0 if chance is None else chance for chance in found_chances]

    def _wording(self, worst: Behaviour, count: int) -> str:
        of = f"; worst of {count} changes: {worst.variant}" if count > 1 else f"; {worst.variant}"
        if worst.error:
            return f"the predictor cannot answer{of}: {worst.error}; expected {self.rule()}"
        share = worst.broken / max(worst.rows, 1)
        keys = f"; keys: {', '.join(worst.examples)}" if worst.examples else ""
        return (
            f"{worst.broken:,} of {worst.rows:,} changed rows break the rule "
            f"({share:.2%}{_interval_text(worst)}{keys}){of}; expected {self.rule()}"
            + (f" in all but {self.max:.2%} of them{noted(worst.share.note)}" if self.max else "")
            + ("; no prediction moved at all" if worst.moved == 0 else "")
        )


def _interval(one: Behaviour) -> Interval | None:
    return interval_of(one.share.lower, one.share.upper)


def _interval_text(one: Behaviour) -> str:
    interval = _interval(one)
    if interval is None:
        return ""
    return f", {share_interval_text(interval, one.share.confidence)}"


def _changed(found: list[Behaviour]) -> list[Behaviour]:
    """What there is to judge; :class:`Absent` for a gate that changes no row."""
    changed = [one for one in found if not one.idle]
    if not changed:
        raise Absent(f"no row was changed{_left_out(found)}", GateStatus.INCONCLUSIVE)
    return changed


def _left_out(found: list[Behaviour]) -> str:
    """The changes that left every row as it was."""
    return "".join(f"; {one.variant} was not judged: {one.idle}" for one in found if one.idle)


def behaviours_of(label: str, evidence: Evidence) -> list[Behaviour]:
    """What was seen for a gate; a predictor that ended is a failure, whatever else is missing."""
    run = need(evidence.behaviour, "predict-perturbed", evidence).run
    if not run.succeeded:
        last = next((line.strip() for line in reversed(run.tail) if line.strip()), "nothing")
        how = "ran out of time" if run.timed_out else ending(run.exit_status)
        raise Absent(f"the predictor {how} on changed rows; its last line: {last}", GateStatus.FAILED)
    report = need(evidence.metrics, "evaluate", evidence)
    found = [one for one in report.behaviours if one.gate == label]
    if not found:
        raise Absent(f"the report holds no changed rows for {label!r}")
    for one in found:
        if one.fault:
            raise Absent(f"{one.variant}: {one.fault}; mend this gate, or the data")
    return found


def behaviour_gates(gates: Iterable[GateConfig]) -> Iterator[BehaviourGate]:
    """Those gates, the parts of composed ones among them."""
    for gate in gates:
        if isinstance(gate, BehaviourGate):
            yield gate
        elif isinstance(gate, Composed):
            yield from behaviour_gates(gate.gates)
