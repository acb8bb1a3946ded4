"""`fairness`: groups of people are treated alike, within a limit."""

from __future__ import annotations

from itertools import combinations
from math import log
from typing import Literal

from pydantic import Field, model_validator

from ml_stages.config.sections import EvaluationConfig
from ml_stages.evaluation.metrics_report import SliceMetrics
from ml_stages.gates.gate import (
    Absent,
    Evidence,
    GateConfig,
    GateStatus,
    Judgement,
    need,
    no_classes,
    no_slice,
)
from ml_stages.gates.limits import within
from ml_stages.gates.model_metric import Inconclusive, settled
from ml_stages.gates.multiple import all_must_keep, smallest
from ml_stages.gates.rates import RatePair
from ml_stages.report.numbers import exact

Criterion = Literal["demographic-parity", "equal-opportunity", "equalised-odds", "disparate-impact"]

_RATES: dict[Criterion, tuple[str, ...]] = {
    "demographic-parity": ("selection_rate",),
    "equal-opportunity": ("recall",),
    "equalised-odds": ("recall", "specificity"),
    "disparate-impact": ("selection_rate",),
}


class Fairness(GateConfig):
    """Between any two groups of a column the rates differ by at most `max_difference`.

    Demographic parity compares the shares predicted positive, equal opportunity the recall, equalised
    odds recall and specificity (Hardt, Price and Srebro, NeurIPS 2016). Disparate impact takes the
    ratio of the shares predicted positive instead, and asks for `min_ratio`: the four-fifths rule of
    the US Uniform Guidelines, 29 CFR 1607.4 D. The interval of each difference joins the exact
    intervals of both groups (as Newcombe, Stat. Med. 17:873 (1998), joins Wilson's), that of a ratio the
    same on the logarithm (Donner and Zou, Stat. Methods Med. Res. 21:347 (2012)).

    Every pair of groups within the limit passes, which needs no correction for their number; some
    pair proven beyond it in spite of their number (Holm's procedure) fails; else inconclusive.

    Null hypothesis: some two groups differ by more.

    Source: Hardt, Price and Srebro, NeurIPS 2016; 29 CFR 1607.4 D; Newcombe, Stat. Med. 17:873 (1998).

    Assumes: rows are independent, and the column holds what it is called; labels are as fair as the world
    that they were taken from.

    Limits: the criteria contradict each other where base rates differ (Kleinberg et al., ITCS 2017);
    groups of groups are judged where `evaluation.crossed` makes them slices, by `slice`.
    """

    kind: Literal["fairness"]
    column: str
    """The protected attribute; it stands in `evaluation.slices`."""
    criterion: Criterion
    """What must be alike."""
    max_difference: float = Field(default=0.1, gt=0, lt=1)
    """Largest difference of a rate between two groups (not for disparate impact)."""
    min_ratio: float = Field(default=0.8, gt=0, lt=1)
    """Smallest ratio of the lower to the higher rate (disparate impact)."""
    inconclusive: Inconclusive = "block"
    """What happens when the groups are too small to tell."""

    @model_validator(mode="after")
    def _limit_belongs_to_the_criterion(self) -> Fairness:
        other = "max_difference" if self.criterion == "disparate-impact" else "min_ratio"
        if other in self.model_fields_set:
            raise ValueError(f"`{other}` has no meaning for {self.criterion}")
        return self

    def default_name(self) -> str:
        return f"fairness-{self.criterion}-{self.column}"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("evaluate",)

    @property
    def is_estimate(self) -> bool:
        return True

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:
        return no_classes("fairness", task) or no_slice([self.column], evaluation)

    def judge(self, evidence: Evidence) -> Judgement:
        groups, small = self._groups(evidence)
        pairs = [
            RatePair(name, one, other, ratio=self.criterion == "disparate-impact")
            for name in _RATES[self.criterion]
            for one, other in combinations(groups, 2)
        ]
        chances = [pair.chance(self._limit()) for pair in pairs]
        found = self._status(pairs, chances)
        worst = max(pairs, key=lambda pair: pair.size, default=None)
        known = any(pair.value is not None for pair in pairs)
        status, message = settled(
            found,
            (worst.wording(self._asked()) if worst else "fewer than two groups have enough rows")
            + (f"; too small to judge: {', '.join(small)}" if small else "")
            + (
                "; undecided: bring more rows of the smaller groups"
                if found is GateStatus.INCONCLUSIVE
                else ""
            ),
            self.inconclusive,
            is_known=known,
        )
        return Judgement(
            status=status,
            message=message,
            observed=worst and worst.shown,
            expected=self._expected(),
            interval=worst and worst.shown_interval,
            chance=smallest(chances),
            harm="two groups are further apart",
        )

    def _expected(self) -> dict[str, float]:
        if self.criterion == "disparate-impact":
            return {"min_ratio": self.min_ratio}
        return {"max_difference": self.max_difference}

    def _groups(self, evidence: Evidence) -> tuple[list[SliceMetrics], list[str]]:
        report = need(evidence.metrics, "evaluate", evidence)
        groups = [part for part in report.slices if set(part.where) == {self.column}]
        if not groups:
            raise Absent(f"the report has no slices by {self.column!r}; list it in evaluation.slices")
        small = [part.where[self.column] for part in groups if not part.metrics]
        return [part for part in groups if part.metrics], small

    def _limit(self) -> float:
        return -log(self.min_ratio) if self.criterion == "disparate-impact" else self.max_difference

    def _status(self, pairs: list[RatePair], chances: list[float]) -> GateStatus:
        if not pairs:
            return GateStatus.INCONCLUSIVE
        limit = self._limit()
        held = [within(pair.interval, -limit, limit) for pair in pairs]
        return all_must_keep(held, chances, max(pair.confidence for pair in pairs))

    def _asked(self) -> str:
        if self.criterion == "disparate-impact":
            return f"a ratio of at least {exact(self.min_ratio)}"
        return f"a difference of at most {exact(self.max_difference)}"
