"""The difference, or the ratio, of one rate between two groups, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, hypot, log

from ml_stages.evaluation.metrics_report import Metric, SliceMetrics
from ml_stages.gates.limits import Interval
from ml_stages.gates.model_metric import find_metric, interval_text
from ml_stages.gates.multiple import Reading
from ml_stages.report.numbers import counted, number

_TINY = 1e-12  # stands for a rate of 0 on the logarithmic scale


@dataclass(frozen=True)
class RatePair:
    """One rate in two groups; a ratio is kept as its logarithm, so that both kinds are symmetrical."""

    rate: str
    one: SliceMetrics
    other: SliceMetrics
    ratio: bool

    @property
    def _rates(self) -> tuple[Metric, Metric]:
        return find_metric(self.one, self.rate), find_metric(self.other, self.rate)

    def _scale(self, rate: float) -> float:
        return log(max(rate, _TINY)) if self.ratio else rate

    @property
    def value(self) -> float | None:
        """Difference (of logarithms) of the first group's rate and the second's."""
        first, second = self._rates
        if first.value is None or second.value is None:
            return None
        return self._scale(first.value) - self._scale(second.value)

    @property
    def interval(self) -> Interval | None:
        """Squared distances of both groups' intervals, added."""
        first, second = self._ends(0), self._ends(1)
        if first is None or second is None:
            return None
        (low, middle, high), (less, centre, more) = first, second
        value = middle - centre
        return value - hypot(middle - low, more - centre), value + hypot(high - middle, centre - less)

    def _ends(self, side: int) -> tuple[float, float, float] | None:
        rate = self._rates[side]
        if rate.value is None or rate.lower is None or rate.upper is None:
            return None
        return self._scale(rate.lower), self._scale(rate.value), self._scale(rate.upper)

    @property
    def confidence(self) -> float:
        return self._rates[0].confidence

    @property
    def size(self) -> float:
        """How far apart the groups are; undefined rates are the farthest: never shown to be alike."""
        return float("inf") if self.value is None else abs(self.value)

    def chance(self, limit: float) -> float:
        """One-sided p-value against the groups being within the limit."""
        value, interval = self.value, self.interval
        if value is None or interval is None:
            return 1.0
        deciding = min(rate.deciding for rate in self._rates)
        return Reading(value, interval, self.confidence, deciding).tail((-limit, limit))

    @property
    def shown(self) -> float | None:
        """The difference, or the ratio of the lower rate to the higher one."""
        return None if self.value is None else exp(-abs(self.value)) if self.ratio else abs(self.value)

    @property
    def shown_interval(self) -> Interval | None:
        """The interval of what is shown, in the direction of the observed difference."""
        if self.interval is None or self.value is None:
            return None
        low, high = self.interval if self.value >= 0 else (-self.interval[1], -self.interval[0])
        return (exp(-high), exp(-low)) if self.ratio else (low, high)

    def wording(self, asked: str) -> str:
        """What was observed between the two groups, and what was expected."""
        sides = " and ".join(
            f"{', '.join(part.where.values())} {'undefined' if rate.value is None else number(rate.value)}"
            f" ({counted(part.rows, 'rows')})"
            for part, rate in zip((self.one, self.other), self._rates, strict=True)
        )
        kind = "ratio" if self.ratio else "difference"
        shown = "undefined" if self.shown is None else number(self.shown)
        interval = interval_text(*self.shown_interval, self.confidence) if self.shown_interval else ""
        return f"{self.rate}: {sides}, {kind} {shown}{interval}; expected {asked} between any two groups"
