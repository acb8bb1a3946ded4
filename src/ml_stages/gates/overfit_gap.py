"""`overfit-gap`: the model is not much better on the rows that it was trained on."""

from __future__ import annotations

from math import hypot
from typing import Literal

from pydantic import Field

from ml_stages.behaviour.part import Part
from ml_stages.config.sections import EvaluationConfig
from ml_stages.evaluation.metrics_report import Metric
from ml_stages.gates.behaviour import BehaviourGate, behaviours_of
from ml_stages.gates.gate import Evidence, GateStatus, Judgement, need
from ml_stages.gates.limits import Interval, within
from ml_stages.gates.model_metric import counted_of, find_metric, interval_text, noted, settled, too_wide
from ml_stages.gates.multiple import Reading
from ml_stages.report.numbers import exact, number


class OverfitGap(BehaviourGate):
    """On the train set the metric is better than on the holdout by at most `max`.

    Both are samples of different rows, so that the interval of the gap joins both metrics' own by
    squared distances (Newcombe, Stat. Med. 17:873 (1998)); the interval below the limit passes, above
    it fails. A gap alone is no harm: a forest knows its train set by heart and may yet be the best
    there is. It warns of a model that will be worse than it looks.

    Null hypothesis: the gap is greater than `max`.

    Source: Newcombe, Stat. Med. 17:873 (1998).

    Assumes: rows (or the groups of `evaluation.cluster`) of both sets are independent and of the same kind.

    Limits: train rows that are in the model by heart say nothing about how it will do.
    """

    kind: Literal["overfit-gap"]
    metric: str
    """Name of the metric, e.g. `roc_auc`."""
    max: float = Field(gt=0)
    """Largest gap, in the metric's own units."""
    rows: int = Field(default=5000, ge=1)
    """Most rows of the train set that are predicted."""

    @property
    def is_estimate(self) -> bool:
        return True

    def default_name(self) -> str:
        return f"overfit-gap-{self.metric}"

    def rule(self) -> str:
        return f"a gap of at most {exact(self.max)}"

    def parts(self) -> list[Part]:
        return [Part(gate=self.label, variant="rows of the train set", operation="train", rows=self.rows)]

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:
        if any(self.metric == own.name for own in evaluation.own_metrics):
            return f"{self.metric} is the project's own, which is computed on the holdout alone"
        return super().misfit(task, evaluation) or too_wide(self.metric, task, "max", self.max)

    def judge(self, evidence: Evidence) -> Judgement:
        (seen,) = behaviours_of(self.label, evidence)
        if seen.error:
            message = f"the predictor cannot answer {seen.variant}: {seen.error}"
            return Judgement(status=GateStatus.FAILED, message=message)
        report = need(evidence.metrics, "evaluate", evidence)
        holdout = find_metric(report, self.metric)
        trained = find_metric(report.model_copy(update={"metrics": seen.metrics}), self.metric)
        gap = None
        if trained.value is not None and holdout.value is not None:
            gap = (trained.value - holdout.value) * (1 if holdout.greater_is_better else -1)
        interval = _difference(_known(trained), _ends(holdout), better=holdout.greater_is_better)
        found = within(interval, None, self.max)
        note = holdout.note if interval else _notes(trained, holdout)
        shown = "undefined" if gap is None else number(gap)
        width = interval_text(*interval, holdout.confidence) if interval else ""
        status, message = settled(
            found,
            f"{self.metric} is better on the train set by {shown}{width}: {_shown(trained.value)} on "
            f"{counted_of(seen.rows, trained)} of it, {_shown(holdout.value)} on {holdout.counted} of the "
            f"holdout; expected {self.rule()}{noted(note)}",
            self.inconclusive,
            is_known=gap is not None,
        )
        return Judgement(
            status=status,
            message=message,
            observed=gap,
            expected={"max": self.max},
            interval=interval,
            chance=_chance(gap, interval, self.max, (trained, holdout)),
            harm=f"the gap is above {exact(self.max)}",
        )


def _chance(
    gap: float | None, interval: Interval | None, most: float, both: tuple[Metric, Metric]
) -> float | None:
    if gap is None or interval is None:
        return None
    deciding = min(metric.deciding for metric in both)
    return Reading(gap, interval, both[0].confidence, deciding).tail((None, most))


def _shown(value: float | None) -> str:
    return "undefined" if value is None else number(value)


_Ends = tuple[float | None, float | None, float | None]


def _ends(metric: Metric) -> _Ends:
    """Lower bound, value and upper bound."""
    return metric.lower, metric.value, metric.upper


def _known(trained: Metric) -> _Ends:
    """Those of the train set, whose rows may all be without any loss, as a tree knows them by heart.

    They have no interval, and none is needed: the gap is no wider than what the holdout loses.
    """
    best = 1.0 if trained.greater_is_better else 0.0
    if trained.value == best and trained.lower is None:
        return best, best, best
    return _ends(trained)


def _notes(trained: Metric, holdout: Metric) -> str:
    """Why there is no interval: for want of which of both."""
    sides = (("on the train set", trained), ("on the holdout", holdout))
    return "; ".join(f"{metric.note} ({side})" for side, metric in sides if metric.note)


def _difference(one: _Ends, other: _Ends, *, better: bool) -> Interval | None:
    """Interval of the gap out of both metrics' lower bound, value and upper bound."""
    if None in one or None in other:
        return None
    (low, value, high), (less, centre, more) = one, other
    assert low is not None and value is not None and high is not None  # noqa: S101, PT018
    assert less is not None and centre is not None and more is not None  # noqa: S101, PT018
    gap = value - centre
    lower, upper = gap - hypot(value - low, more - centre), gap + hypot(high - value, centre - less)
    return (lower, upper) if better else (-upper, -lower)
