"""`no-significant-change`: candidate and baseline are equivalent within a margin."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.config.sections import EvaluationConfig
from ml_stages.evaluation.metrics_report import Comparison
from ml_stages.gates.gate import Evidence, GateStatus, Judgement
from ml_stages.gates.limits import within
from ml_stages.gates.model_metric import (
    MetricGate,
    find_comparison,
    interval_of,
    noted,
    too_wide,
    unchanged,
)
from ml_stages.gates.multiple import chance_of
from ml_stages.gates.paired_metric import observed_text, rows_advice
from ml_stages.report.numbers import exact


class NoSignificantChange(MetricGate):
    """The metric is proven to have changed by less than `margin`, up or down.

    An equivalence test (two one-sided tests): the whole interval of the paired difference within the
    margin passes, wholly outside fails, else it is inconclusive. That no difference was detected
    proves nothing, and does not pass.

    Null hypothesis: the metric changed by the margin or more.

    Source: two one-sided tests, Schuirmann, J. Pharmacokinet. Biopharm. 15:657 (1987).

    Assumes: both models predict the same rows; rows (or the groups of `evaluation.cluster`) are
    independent and drawn like those that the model will meet; labels are right, or wrong in at most
    `evaluation.label_noise`.

    Limits: needs more rows than a test for harm alone; equal metrics may hide different predictions (see
    `churn`).
    """

    kind: Literal["no-significant-change"]
    margin: float = Field(gt=0)
    """Largest change that counts as none, in the metric's own units."""

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:
        return super().misfit(task, evaluation) or too_wide(self.metric, task, "margin", self.margin)

    def judge(self, evidence: Evidence) -> Judgement:
        comparison = find_comparison(self.rows_judged(evidence), self.metric, evidence)
        interval = interval_of(comparison.lower, comparison.upper)
        if same := unchanged(evidence, interval):
            return same
        found = within(interval, -self.margin, self.margin)
        verdict = {GateStatus.PASSED: "proven", GateStatus.FAILED: "disproven"}.get(found, "undecided")
        moved = "rose" if (comparison.difference or 0.0) > 0 else "fell"
        status, message = self.settle(
            found,
            f"{observed_text(comparison)}; expected a change of less than {exact(self.margin)}: {verdict}"
            f"{noted(comparison.note)}{self._advice(comparison, found)}",
            comparison.difference,
        )
        return Judgement(
            status=status,
            message=message,
            observed=comparison.difference,
            expected={"change_below": self.margin},
            interval=interval,
            chance=chance_of(comparison, (-self.margin, self.margin)),
            harm=f"{self.metric} {moved} by more than {exact(self.margin)}",
        )

    def _advice(self, comparison: Comparison, found: GateStatus) -> str:
        value, lower, upper = comparison.difference, comparison.lower, comparison.upper
        if found is not GateStatus.INCONCLUSIVE or value is None or lower is None or upper is None:
            return ""
        return rows_advice(comparison, (upper - lower) / 2, self.margin, "an equally good model", limits=2)
