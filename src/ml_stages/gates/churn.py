"""`churn`: few predictions differ from the baseline's."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need
from ml_stages.gates.limits import within
from ml_stages.gates.model_metric import Inconclusive, interval_of, interval_text
from ml_stages.gates.multiple import chance_of


class Churn(GateConfig):
    """At most a share `max` of the rows is predicted differently than by the baseline.

    Two models may be equally good and yet disagree, which is felt by whoever is treated differently
    than yesterday. The exact interval of the share is judged.

    Null hypothesis: the share is greater than `max`.

    Source: Clopper and Pearson, Biometrika 26:404 (1934).

    Assumes: independent rows.

    Limits: counts changes for the better and for the worse alike; regression has none.
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

    def judge(self, evidence: Evidence) -> Judgement:
        share = need(evidence.metrics, "evaluate", evidence).disagreement
        if share is None or share.value is None:
            raise self._absent(evidence)
        interval = interval_of(share.lower, share.upper)
        status = within(interval, None, self.max)
        let_through = status is GateStatus.INCONCLUSIVE and self.inconclusive == "pass"
        return Judgement(
            status=GateStatus.PASSED if let_through else status,
            message=(
                f"{share.value:.2%} of {share.rows:,} rows are predicted otherwise than by the baseline"
                f"{interval_text(share.lower, share.upper, share.confidence)}; "
                f"expected at most {self.max:.2%}"
                + (' (let through: inconclusive = "pass")' if let_through else "")
            ),
            observed=share.value,
            expected={"max": self.max},
            interval=interval,
            chance=chance_of(share.value, interval, (None, self.max), share.confidence, share.rows),
        )

    @staticmethod
    def _absent(evidence: Evidence) -> Absent:
        if evidence.has_baseline:
            return Absent("churn is not measured: only classes can be compared, not numbers")
        if evidence.first_run_allowed:
            return Absent("skipped: the first run, there is no baseline yet", GateStatus.SKIPPED)
        return Absent("there is no baseline whose predictions could have changed; publish one first")
