"""`churn`: few predictions differ from the baseline's."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.config.sections import EvaluationConfig
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need, no_classes
from ml_stages.gates.limits import within
from ml_stages.gates.model_metric import (
    Inconclusive,
    interval_of,
    no_baseline,
    noted,
    settled,
    share_interval_text,
)
from ml_stages.gates.multiple import chance_of


class Churn(GateConfig):
    """At most a share `max` of the rows is predicted differently than by the baseline.

    Two models may be equally good and yet disagree, which is felt by whoever is treated differently
    than yesterday. The interval of the share is judged: exact, and with `evaluation.cluster` by groups.

    Null hypothesis: the share is greater than `max`.

    Source: Clopper and Pearson, Biometrika 26:404 (1934).

    Assumes: rows (or the groups of `evaluation.cluster`) are independent and drawn like those that the
    model will meet.

    Limits: counts changes for the better and for the worse alike; predicted numbers are not counted.
    """

    kind: Literal["churn"]
    max: float = Field(ge=0, le=1)
    """Largest share of rows, from 0 to 1."""
    inconclusive: Inconclusive = "block"
    """What happens when the interval holds the limit."""

    def default_name(self) -> str:
        return "churn"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("evaluate",)

    @property
    def is_estimate(self) -> bool:
        return True

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:  # noqa: ARG002 - an interface
        return no_classes("churn", task)

    def judge(self, evidence: Evidence) -> Judgement:
        share = need(evidence.metrics, "evaluate", evidence).disagreement
        if share is None or share.value is None:
            raise _absent(evidence)
        interval = interval_of(share.lower, share.upper)
        found = within(interval, None, self.max)
        between = "" if interval is None else f" ({share_interval_text(interval, share.confidence)})"
        advice = "; evaluate on more rows" if found is GateStatus.INCONCLUSIVE and interval else ""
        status, message = settled(
            found,
            f"{share.value:.2%} of {share.counted} are predicted otherwise than by the baseline"
            f"{between}; expected at most {self.max:.2%}{noted(share.note)}{advice}",
            self.inconclusive,
        )
        return Judgement(
            status=status,
            message=message,
            observed=share.value,
            expected={"max": self.max},
            interval=interval,
            chance=chance_of(share, (None, self.max)),
            harm=f"more than {self.max:.2%} are predicted otherwise",
        )


def _absent(evidence: Evidence) -> Absent:
    if evidence.was_compared:
        return Absent("churn is not measured: only classes can be compared, not numbers")
    return no_baseline(evidence)
