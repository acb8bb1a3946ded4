"""`no-regression`: the candidate is not worse than the baseline by more than a margin."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.config.sections import EvaluationConfig
from ml_stages.gates.gate import Evidence, Judgement
from ml_stages.gates.model_metric import too_wide, unchanged
from ml_stages.gates.paired_metric import PairedGate
from ml_stages.report.numbers import exact


class NoRegression(PairedGate):
    """The candidate is proven not to be worse than the baseline by `margin` or more.

    Both predict the same rows. The difference counts as a gain when the metric moves the right way.
    Its interval above minus the margin passes, below it fails, and when it holds minus the margin the
    data decides neither way: inconclusive. At 95 % confidence a model that is worse by the margin
    passes in about one run of 40, and one that is exactly as good fails in no more.

    A baseline that is the same model, to the byte, passes without statistics.

    Null hypothesis: the candidate is worse by the margin or more.

    Source: by metric, see docs/metrics.md: Tango (Stat. Med. 17:891, 1998) for shares, Dirichlet over the
    joint confusion cells (Fay, Proschan and Brittain, Biometrics 71:146, 2015) for count metrics, DeLong
    for AUCs.

    Assumes: both models predict the same rows; rows (or the groups of `evaluation.cluster`) are
    independent and drawn like those that the model will meet; labels are right, or wrong in at most
    `evaluation.label_noise`.

    Limits: the margin is a choice, and many small accepted losses add up: compare with an old baseline
    now and then. A difference of calibration errors has no interval and is always inconclusive. RMSE
    and R2 are inconclusive where the difference has a heavy tail, or the distance of the two models'
    predictions has one. What no method can see is a candidate that is far off on rows of a kind that the
    holdout does not hold, and close to the baseline on all others.
    """

    kind: Literal["no-regression"]
    margin: float = Field(ge=0)
    """Largest loss that is acceptable, in the metric's own units, e.g. `0.02`. With 0 only a proven
    improvement passes."""

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:
        return super().misfit(task, evaluation) or too_wide(self.metric, task, "margin", self.margin)

    def limit(self) -> float:
        return -self.margin

    def asked(self) -> str:
        return f"a loss of less than {exact(self.margin)}" if self.margin else "a gain (the margin is 0)"

    def broken(self) -> str:
        return f"is worse by more than {exact(self.margin)}" if self.margin else "is worse"

    def judge(self, evidence: Evidence) -> Judgement:
        judged = super().judge(evidence)
        return unchanged(evidence, judged.interval) or judged

    def plan(self) -> tuple[float, str]:
        return self.margin, "an equally good model"
