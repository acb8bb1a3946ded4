"""`threshold`: a metric is at least, or at most, what was asked for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ml_stages.config.sections import EvaluationConfig
from ml_stages.evaluation.metrics_report import Metric
from ml_stages.gates.gate import Evidence, GateStatus, Judgement
from ml_stages.gates.limits import limits_text, need_order, within
from ml_stages.gates.model_metric import (
    MetricGate,
    find_metric,
    interval_of,
    interval_text,
    noted,
    one_sided,
    out_of_range,
)
from ml_stages.gates.multiple import chance_of
from ml_stages.report.numbers import exact, number


class Threshold(MetricGate):
    """The metric lies within its limits.

    With `bound = "interval"` (the default) a pass means: not only this holdout, but the model on
    further rows of the same kind keeps the limit, except in one run of 40 (at 95 % confidence). The
    whole interval on the right side passes, on the wrong side fails, in between is inconclusive, so
    a limit needs a holdout that is large enough for it. With `bound = "point"` the holdout's number
    itself is judged, as most tools do, and a pass says no more than that.

    Null hypothesis: the metric lies outside its limits.

    Source: the interval of each metric, see docs/metrics.md.

    Assumes: rows (or the groups of `evaluation.cluster`) are independent and drawn like those that the
    model will meet; labels are right, or wrong in at most `evaluation.label_noise`.

    Limits: looking again and again at the same holdout wears it out (see `sealed`); RMSE, R2 and MAPE
    have no interval where a tail is heavy (the note says so), and are then inconclusive: judge MAE or a
    quantile loss. A tail of which the holdout shows nothing goes unseen by any method.
    """

    kind: Literal["threshold"]
    min: float | None = None
    """Smallest value that passes."""
    max: float | None = None
    """Largest value that passes."""
    bound: Literal["interval", "point"] = Field(default="interval")
    """Which number is judged: the bounds of the interval, or the value on the holdout."""

    @model_validator(mode="after")
    def _has_a_limit(self) -> Threshold:
        if self.min is None and self.max is None:
            raise ValueError("a threshold needs `min`, `max` or both")
        need_order(self.min, self.max)
        return self

    def default_name(self) -> str:
        limits = ("min" if self.min is not None else "") + ("max" if self.max is not None else "")
        return super().default_name() + ("" if limits == "min" else f"-{limits}")

    @property
    def is_estimate(self) -> bool:
        return self.bound == "interval"

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:
        limits = {"min": self.min, "max": self.max}
        return super().misfit(task, evaluation) or out_of_range(self.metric, task, limits)

    def judge(self, evidence: Evidence) -> Judgement:
        metric = find_metric(self.rows_judged(evidence), self.metric)
        status, message = self.settle(self._status(metric), self._wording(metric), metric.value)
        return Judgement(
            status=status,
            message=message,
            observed=metric.value,
            expected={"min": self.min, "max": self.max, "bound": self.bound},
            interval=interval_of(metric.lower, metric.upper),
            harm=self._harm(metric),
            chance=None if self.bound == "point" else chance_of(metric, (self.min, self.max)),
        )

    def _harm(self, metric: Metric) -> str:
        if self.max is not None and metric.value is not None and metric.value > self.max:
            return f"{self.metric} is above {exact(self.max)}"
        return "" if self.min is None else f"{self.metric} is below {exact(self.min)}"

    def _status(self, metric: Metric) -> GateStatus:
        return within(interval_of(*self._judged(metric)), self.min, self.max)

    def _judged(self, metric: Metric) -> tuple[float | None, float | None]:
        return (metric.value, metric.value) if self.bound == "point" else (metric.lower, metric.upper)

    def _wording(self, metric: Metric) -> str:
        value = "is undefined" if metric.value is None else f"is {number(metric.value)}"
        observed = f"{metric.name} {value}{interval_text(metric.lower, metric.upper, metric.confidence)}"
        expected = f"expected {limits_text(self.min, self.max)}" + (
            " for the whole interval" if self.bound == "interval" else ""
        )
        turned = one_sided(metric, self.min, self.max)
        return f"{observed} on {metric.counted}; {expected}{turned}{noted(metric.note)}{self._advice(metric)}"

    def _advice(self, metric: Metric) -> str:
        if self._status(metric) is not GateStatus.INCONCLUSIVE:
            return ""
        if metric.value is None or self.bound == "point":
            return "" if metric.note else "; the metric must be defined on these rows"
        if metric.lower is None:  # the note says why, which more rows do not always mend
            return '; judge the holdout alone with bound = "point"'
        return (
            "; the interval holds the limit: evaluate on more rows, lower what is asked for, "
            'or judge the holdout alone with bound = "point"'
        )
