"""`calibration`: predicted probabilities agree with observed shares."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.gates.gate import Evidence, GateStatus, Judgement
from ml_stages.gates.limits import within
from ml_stages.gates.model_metric import MetricGate, find_metric, interval_of, interval_text, noted
from ml_stages.gates.multiple import chance_of
from ml_stages.report.numbers import exact, number


class Calibration(MetricGate):
    """The debiased calibration error is proven to be at most `max_error`.

    The interval below the limit passes, above it fails, else inconclusive. Errors that cancel out
    within a bin are not seen.

    Null hypothesis: the calibration error is greater than `max_error`.

    Source: Kumar, Liang and Ma, NeurIPS 2019; for the interval Sankaran, Biometrika 50:199 (1963).

    Assumes: independent rows, at least 150 of them.

    Limits: 15 bins of equal size: errors that cancel out within a bin are not seen. There is no
    comparison with a baseline; use `brier` or `log_loss` for that.
    """

    kind: Literal["calibration"]
    metric: Literal["calibration_error"] = "calibration_error"
    """What is judged."""
    max_error: float = Field(gt=0, lt=1)
    """Largest distance of probability and share, e.g. `0.05`."""

    def default_name(self) -> str:
        return super().default_name().replace("calibration-calibration_error", "calibration")

    def judge(self, evidence: Evidence) -> Judgement:
        metric = find_metric(self.rows_judged(evidence), self.metric)
        interval = interval_of(metric.lower, metric.upper)
        found = within(interval, None, self.max_error)
        value = "is undefined" if metric.value is None else f"is {number(metric.value)}"
        status, message = self.settle(
            found,
            f"the calibration error {value}{interval_text(metric.lower, metric.upper, metric.confidence)} "
            f"on {metric.counted}; expected at most {exact(self.max_error)}{noted(metric.note)}"
            + ("; evaluate on more rows" if found is GateStatus.INCONCLUSIVE and interval else ""),
            metric.value,
        )
        return Judgement(
            status=status,
            message=message,
            observed=metric.value,
            expected={"max_error": self.max_error},
            interval=interval,
            chance=chance_of(metric, (None, self.max_error)),
            harm=f"the calibration error is above {exact(self.max_error)}",
        )
