"""Metrics of tasks whose rows are no single classes or numbers: multilabel, ranking, a project's own.

Each metric is a number with what every unit (a row, a query) contributes to it, and one path makes
intervals and paired comparisons of all of them: Student's t on the contributions, widened for skewness
and for a contribution that was not seen (``influence``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml_stages.evaluation.between_groups import Losing, Reach, spread_over
from ml_stages.evaluation.clustered import FEWEST_GROUPS, ROUNDING
from ml_stages.evaluation.estimate import Judged
from ml_stages.evaluation.estimators import FEWEST
from ml_stages.evaluation.influence import (
    HEAVY_ALONE,
    HEAVY_PAIRED,
    Bounds,
    Groups,
    bounds_of,
    by_group,
    heavy_tailed,
    spread,
)
from ml_stages.evaluation.metrics_report import Comparison, Metric
from ml_stages.evaluation.order import Floats
from ml_stages.evaluation.ranking import Influenced
from ml_stages.report.numbers import counted


@dataclass(frozen=True)
class UnitMetric:
    """One metric of one model, or why it has no value."""

    number: Influenced | None
    greater_is_better: bool = True
    lowest: float | None = 0.0
    highest: float | None = 1.0
    note: str = ""
    amounts: bool = False
    """Whether it is a mean of amounts, of which none is below nothing, or none above it."""
    parts: Floats | None = None
    """Of each share that the number averages, the part that a unit has of what it counts: units by shares."""

    def of_one(self, groups: Groups | None) -> float:
        """The part of a unit, or a group: one over as many equal ones as would say as much."""
        if self.parts is None:
            return 0.0
        columns = self.parts.T if groups is None else [by_group(one, groups) for one in self.parts.T]
        return float(np.mean([np.sum(np.square(one)) for one in columns]))

    def unseen(self, seen: float, among: int, groups: Groups | None) -> float:
        """What a unit, or a group, that was not seen may do: as much as those seen, or as the range lets."""
        if self.lowest is None or self.highest is None:
            return seen
        return max(seen, (self.highest - self.lowest) * max(1 / max(among, 1), self.of_one(groups)))

    def reach(self, unseen: float, value: float) -> Reach:
        """How far groups of one model's units may lie out."""
        free = self.lowest is None and self.highest is None
        return Reach(unseen, value if self.amounts else None, free=free)


Numbers = Mapping[str, UnitMetric]

_HEAVY_TAIL = "heavy tail: few {what} decide, and one that was not seen may outweigh them all"


def judge_units(
    candidate: Numbers, baseline: Numbers | None, confidence: float, groups: Groups | None, what: str
) -> Judged:
    """Metrics with intervals, and comparisons where there is a baseline on the same units.

    ``groups`` are the units that belong together; ``what`` a unit is, for the wording.
    """
    setting = _Setting(confidence, groups, what)
    metrics = [_metric(name, found, setting) for name, found in candidate.items()]
    if baseline is None:
        return Judged(metrics, [])
    return Judged(
        metrics, [_comparison(name, found, baseline[name], setting) for name, found in candidate.items()]
    )


@dataclass(frozen=True)
class _Setting:
    confidence: float
    groups: Groups | None
    what: str

    def bounds(self, number: Influenced, reach: Reach, size: float) -> Bounds | str:
        """The interval, or why there is none; ``size`` is how large the numbers are that it is made of."""
        units = number.influence.size
        if units < FEWEST:
            return f"no interval: {counted(units, self.what)}, needed are {FEWEST}"
        if self.groups is not None and self.among(number) < FEWEST_GROUPS:
            return f"no interval: {counted(self.among(number), 'groups')}, needed are {FEWEST_GROUPS}"
        # A mean of equal numbers may differ from them by rounding.
        if reach.unseen * self.among(number) <= ROUNDING * size:
            return f"no interval: all {self.what} count the same, which says nothing of one that was not seen"
        if self.groups is None:
            found = spread(number.influence, reach.unseen)
        else:
            found = spread_over(number.influence, self.groups, reach)
        return bounds_of(number.value, found, self.confidence)

    def reach(self, number: Influenced, mine: UnitMetric, theirs: UnitMetric) -> Reach:
        """How far units, or groups of them, of the difference of two models may lie out."""
        among, one, other = self.among(number), mine.number, theirs.number
        assert one is not None and other is not None  # noqa: S101, PT018 - the difference is theirs
        alike = mine.amounts and theirs.amounts and one.value * other.value > 0
        if self.groups is not None and alike and among >= FEWEST_GROUPS:
            ours, their = (Losing.of(each.influence, self.groups, each.value) for each in (one, other))
            return Reach.of_two(ours, their)
        # One that was not seen may be lost whole: as much as the candidate's differ by.
        most = float(np.ptp(one.influence)) * one.influence.size / max(among, 1)
        return Reach(mine.unseen(most, among, self.groups))

    def among(self, number: Influenced) -> int:
        """How many there are that differ independently: units, or groups of them."""
        return number.influence.size if self.groups is None else int(self.groups.max(initial=-1)) + 1

    def most(self, number: Influenced) -> float:
        """The most that one of them contributes."""
        influence = number.influence if self.groups is None else by_group(number.influence, self.groups)
        return float(np.abs(influence).max(initial=0.0))

    def tail(self, number: Influenced, of: UnitMetric, limit: float) -> str:
        """A note where a tail of a metric without bounds is heavy; empty where none is."""
        if of.lowest is not None and of.highest is not None:
            return ""
        heavy = heavy_tailed(number.influence, limit, self.groups)
        return _HEAVY_TAIL.format(what=self.what) if heavy else ""

    @property
    def method(self) -> str:
        of = self.what if self.groups is None else f"{int(self.groups.max()) + 1:,} groups of {self.what}"
        return f"t over {of}, widened for skewness"


def _metric(name: str, found: UnitMetric, setting: _Setting) -> Metric:
    common = {"name": name, "confidence": setting.confidence, "greater_is_better": found.greater_is_better}
    common["unit"] = setting.what
    if found.number is None:
        return Metric(value=None, note=found.note, **common)
    unseen = found.unseen(setting.most(found.number), setting.among(found.number), setting.groups)
    value = found.number.value
    bounds = setting.bounds(found.number, found.reach(unseen, value), abs(value))
    common |= {"value": found.number.value, "rows": found.number.influence.size}
    if isinstance(bounds, str):
        return Metric(note=bounds, **common)
    lower = bounds.lower if found.lowest is None else max(bounds.lower, found.lowest)
    upper = bounds.upper if found.highest is None else min(bounds.upper, found.highest)
    common |= {"freedom": bounds.freedom, "deviation": bounds.deviation}
    note = found.note or setting.tail(found.number, found, HEAVY_ALONE)
    return Metric(lower=lower, upper=upper, method=setting.method, note=note, **common)


def _comparison(name: str, mine: UnitMetric, theirs: UnitMetric, setting: _Setting) -> Comparison:
    common = {"metric": name, "confidence": setting.confidence, "greater_is_better": mine.greater_is_better}
    common |= {
        "unit": setting.what,
        "candidate": mine.number and mine.number.value,
        "baseline": theirs.number and theirs.number.value,
    }
    if mine.number is None or theirs.number is None:
        return Comparison(difference=None, note=mine.note or theirs.note, **common)
    one, other = mine.number, theirs.number
    number = Influenced(one.value - other.value, one.influence - other.influence)
    common |= {"difference": number.value, "rows": number.influence.size}
    size = max(abs(one.value), abs(other.value))
    bounds = setting.bounds(number, setting.reach(number, mine, theirs), size)
    if isinstance(bounds, str):
        return Comparison(note=bounds, **common)
    note = setting.tail(number, mine, HEAVY_PAIRED)
    method = f"paired {setting.method}"
    common |= {"freedom": bounds.freedom, "deviation": bounds.deviation}
    return Comparison(lower=bounds.lower, upper=bounds.upper, method=method, note=note, **common)


def ratio(above: Floats, below: Floats) -> Influenced | None:
    """Sum over sum, with each unit's part in it; ``None`` where there is nothing below."""
    total = float(below.sum())
    if total == 0:
        return None
    value = float(above.sum()) / total
    return Influenced(value, (above - value * below) / total)
