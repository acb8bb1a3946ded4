"""`improvement`: the candidate is better than the baseline."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.config.sections import EvaluationConfig
from ml_stages.gates.model_metric import too_wide
from ml_stages.gates.paired_metric import PairedGate
from ml_stages.report.numbers import exact


class Improvement(PairedGate):
    """The candidate is proven to be better than the baseline by more than `by`.

    The interval of the paired gain above `by` passes, below it fails, else it is inconclusive.

    Null hypothesis: the candidate gains `by` or less.

    Source: by metric, see docs/metrics.md: Tango (Stat. Med. 17:891, 1998) for shares, Dirichlet over the
    joint confusion cells (Fay, Proschan and Brittain, Biometrics 71:146, 2015) for count metrics, DeLong
    for AUCs.

    Assumes: both models predict the same rows; rows (or the groups of `evaluation.cluster`) are
    independent and drawn like those that the model will meet; labels are right, or wrong in at most
    `evaluation.label_noise`.

    Limits: a gain on this holdout; trying many candidates on it finds one that gains by chance (see
    `sealed`).
    """

    kind: Literal["improvement"]
    by: float = Field(default=0.0, ge=0)
    """Gain that must be exceeded, in the metric's own units."""

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:
        return super().misfit(task, evaluation) or too_wide(self.metric, task, "by", self.by)

    def limit(self) -> float:
        return self.by

    def asked(self) -> str:
        return f"a gain of more than {exact(self.by)}"

    def broken(self) -> str:
        return f"is not better by {exact(self.by)}" if self.by else "is worse"

    def plan(self) -> tuple[float, str] | None:
        return (self.by, f"a model that gains {exact(2 * self.by)}") if self.by else None
