"""`golden`: rows that must be right, or must not change."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.config.sections import EvaluationConfig
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need
from ml_stages.gates.model_metric import no_baseline

_SHOWN = 5


class Golden(GateConfig):
    """Of the rows that `evaluation.golden` marks, at most `max_broken` are wrong, or changed.

    They are a list that somebody chose, not a sample: what is counted is what is meant, so that there is
    no interval, no null hypothesis, and nothing follows for other rows. Only marked rows that are in the
    holdout are looked at, since the train set proves nothing; without any the gate is an error.
    """

    kind: Literal["golden"]
    must: Literal["be-right", "not-change"] = "be-right"
    """Whether the rows are held against their labels or against the baseline's predictions."""
    max_broken: int = Field(default=0, ge=0)
    """Most rows that may break the rule."""

    def default_name(self) -> str:
        return f"golden-{self.must}"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("evaluate",)

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:
        if task not in ("classification", "regression"):
            return f"golden is for classes and numbers; the task is {task}"
        return "" if evaluation.golden else "no rows are marked; name their column in evaluation.golden"

    def judge(self, evidence: Evidence) -> Judgement:
        report = need(evidence.metrics, "evaluate", evidence).golden
        if report is None or report.rows == 0:
            raise Absent(
                "no row of the holdout is marked as golden; name a column in evaluation.golden whose "
                "values are `true`, `yes` or 1 for such rows"
            )
        broken = report.wrong if self.must == "be-right" else report.changed
        if broken is None:
            raise no_baseline(evidence)
        rule = "wrong" if self.must == "be-right" else "predicted otherwise than by the baseline"
        keys = f" (keys: {', '.join(broken[:_SHOWN])}{', ...' * (len(broken) > _SHOWN)})" if broken else ""
        return Judgement(
            status=GateStatus.FAILED if len(broken) > self.max_broken else GateStatus.PASSED,
            message=(
                f"{len(broken)} of {report.rows} golden rows are {rule}{keys}; "
                f"expected at most {self.max_broken}"
            ),
            observed=len(broken),
            expected={"max_broken": self.max_broken},
        )
