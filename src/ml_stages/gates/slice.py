"""`slice`: a metric keeps its limit, or its margin to the baseline, on every slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from ml_stages.config.sections import EvaluationConfig
from ml_stages.evaluation.metrics_report import MetricsReport, SliceMetrics
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need
from ml_stages.gates.limits import Interval, limits_text, need_order, within
from ml_stages.gates.model_metric import (
    Inconclusive,
    counted_of,
    find_comparison,
    find_metric,
    interval_of,
    interval_text,
    one_sided,
    out_of_range,
    own_metric_sliced,
    settled,
    too_wide,
    unchanged,
)
from ml_stages.gates.multiple import all_must_keep, chance_of, smallest
from ml_stages.gates.paired_metric import gain_limits, gain_of
from ml_stages.report.numbers import exact, number

_MORE = "bring more rows of the small ones, raise evaluation.min_slice, or ask for less"


@dataclass(frozen=True)
class _Part:
    """One slice, as the gate sees it: a number with its interval on a scale where limits stand."""

    name: str
    on: str
    """`1 row`, `40 queries`: what the number rests on."""
    value: float | None
    interval: Interval | None
    confidence: float
    chance: float | None
    """P-value against the limits being kept."""
    turned: str = ""
    """What is said of limits that every worse model keeps."""


class Slice(GateConfig):
    """Every slice keeps the limits (`min`, `max`), or loses less than `margin` to the baseline.

    To pass, every slice must pass by itself, at its own confidence: an intersection-union test, which
    needs no correction (Berger, Technometrics 24:295 (1982)). To fail, some slice must be proven
    worse although many were looked at: Holm's procedure over the slices (Scand. J. Stat. 6:65
    (1979)), with p-values read off the intervals. In between it is inconclusive. Slices
    with fewer rows than `evaluation.min_slice` are named and not judged.

    Null hypothesis: on some slice the limit is not kept.

    Source: intersection-union tests, Berger, Technometrics 24:295 (1982); Holm, Scand. J. Stat. 6:65
    (1979).

    Assumes: as for the metric on all rows; slices may overlap or be crossed, since Holm's procedure holds
    under any dependence.

    Limits: slices below `evaluation.min_slice` are named and not judged; with many small slices a pass
    needs many rows, and slices that nobody named are not looked at.
    """

    kind: Literal["slice"]
    metric: str
    """Name of the metric, e.g. `recall`."""
    columns: list[str] = Field(default=[])
    """Columns whose slices are judged; by default all of `evaluation.slices`."""
    min: float | None = None
    """Smallest value of the metric on any slice."""
    max: float | None = None
    """Largest value of the metric on any slice."""
    margin: float | None = Field(default=None, gt=0)
    """Largest acceptable loss to the baseline on any slice; instead of `min` and `max`."""
    inconclusive: Inconclusive = "block"
    """What happens when no slice is proven worse and some slice is not proven good."""

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Slice:
        limits = self.min is not None or self.max is not None
        if limits == (self.margin is not None):
            raise ValueError("a slice gate needs either `min` and/or `max`, or `margin`")
        need_order(self.min, self.max)
        return self

    def default_name(self) -> str:
        where = f" by {', '.join(self.columns)}" if self.columns else ""
        return f"slice-{self.metric}{'-margin' if self.margin is not None else ''}{where}"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("evaluate",)

    @property
    def is_estimate(self) -> bool:
        return True

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:
        if own := own_metric_sliced(self.metric, evaluation):
            return own
        sliced = {*evaluation.slices, *(column for group in evaluation.crossed for column in group)}
        if sliced and sliced.issuperset(self.columns):
            wide = "" if self.margin is None else too_wide(self.metric, task, "margin", self.margin)
            return wide or out_of_range(self.metric, task, {"min": self.min, "max": self.max})
        lacking = ", ".join(sorted(set(self.columns) - sliced)) or "any column"
        return f"there are no slices by {lacking}; list the columns in evaluation.slices"

    def judge(self, evidence: Evidence) -> Judgement:
        parts, small = self._parts(need(evidence.metrics, "evaluate", evidence), evidence)
        if self.margin is not None and (same := unchanged(evidence, None)):
            return same
        chances = [1.0 if part.chance is None else part.chance for part in parts]
        found = self._status(parts, chances)
        worst = min(parts, key=self._slack, default=None)
        known = any(part.value is not None for part in parts)
        wording = self._wording(worst, len(parts), small)
        if found is GateStatus.INCONCLUSIVE:
            wording += (
                f"; neither proven on every slice nor, by Holm over {len(parts)}, disproven on one: {_MORE}"
            )
        status, message = settled(found, wording, self.inconclusive, is_known=known)
        return Judgement(
            status=status,
            message=message,
            observed=worst and worst.value,
            expected={"min": self.min, "max": self.max, "margin": self.margin},
            interval=worst and worst.interval,
            chance=smallest(chances),
            harm=f"some slice breaks the limit of {self.metric}",
        )

    def _parts(self, report: MetricsReport, evidence: Evidence) -> tuple[list[_Part], list[str]]:
        chosen = [part for part in report.slices if not self.columns or set(part.where) <= set(self.columns)]
        seen = {column for part in report.slices for column in part.where}
        if not chosen or (lacking := [column for column in self.columns if column not in seen]):
            wanted = ", ".join(lacking) if chosen else ", ".join(self.columns) or "any column"
            raise Absent(f"the report has no slices by {wanted}; list the columns in evaluation.slices")
        judged = [part for part in chosen if part.metrics]
        return [self._part(part, evidence) for part in judged], [_name(p) for p in chosen if not p.metrics]

    def _part(self, part: SliceMetrics, evidence: Evidence) -> _Part:
        if self.margin is None:
            metric = find_metric(part, self.metric)
            interval, chance = interval_of(metric.lower, metric.upper), chance_of(metric, self._limits())
            return _Part(
                _name(part),
                counted_of(part.rows, metric),
                metric.value,
                interval,
                metric.confidence,
                chance,
                one_sided(metric, self.min, self.max),
            )
        comparison = find_comparison(part, self.metric, evidence)
        gain = gain_of(comparison)
        value, interval = (None, None) if gain is None else (gain.value, (gain.lower, gain.upper))
        chance = chance_of(comparison, gain_limits(comparison, -self.margin))
        return _Part(
            _name(part), counted_of(part.rows, comparison), value, interval, comparison.confidence, chance
        )

    def _limits(self) -> tuple[float | None, float | None]:
        return (self.min, self.max) if self.margin is None else (-self.margin, None)

    def _status(self, parts: list[_Part], chances: list[float]) -> GateStatus:
        if not parts:
            return GateStatus.INCONCLUSIVE
        held = [within(part.interval, *self._limits()) for part in parts]
        return all_must_keep(held, chances, max(part.confidence for part in parts))

    def _slack(self, part: _Part) -> float:
        """How far inside the limits the slice's interval is; the smallest is the worst slice."""
        low, high = part.interval or (float("-inf"), float("inf"))
        least, most = self._limits()
        return min(
            float("inf") if least is None else low - least,
            float("inf") if most is None else most - high,
        )

    def _wording(self, worst: _Part | None, judged: int, small: list[str]) -> str:
        skipped = f"; too small to judge: {', '.join(small[:5])}{', ...' * (len(small) > 5)}" if small else ""
        if worst is None:
            return f"no slice has enough rows to be judged{skipped}"
        what = self.metric if self.margin is None else f"gain in {self.metric}"
        value = "undefined" if worst.value is None else number(worst.value)
        interval = interval_text(*worst.interval, worst.confidence) if worst.interval else ""
        return (
            f"worst of {judged} slices: {worst.name}, {what} {value}{interval} on {worst.on}; "
            f"expected {self._asked()} on every slice{worst.turned}{skipped}"
        )

    def _asked(self) -> str:
        if self.margin is not None:
            return f"a loss of less than {exact(self.margin)}"
        return limits_text(self.min, self.max)


def _name(part: SliceMetrics) -> str:
    return ", ".join(f"{column} = {value}" for column, value in part.where.items())
