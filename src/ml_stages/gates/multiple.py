"""Many comparisons at once: which of them may be called proven."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import expm1, log1p, sqrt
from statistics import NormalDist

from ml_stages.evaluation.metrics_report import Comparison, Metric
from ml_stages.gates.gate import Evidence, GateStatus
from ml_stages.gates.limits import Interval, every
from ml_stages.holm import rejected

Limits = tuple[float | None, float | None]
"""The least and the most."""


@dataclass(frozen=True)
class Reading:
    """A number with its interval, and what that rests on."""

    value: float
    interval: Interval
    confidence: float
    deciding: int
    """Degrees of freedom of the tail: groups of rows, or rows that decide."""
    deviation: float | None = None

    def tail(self, limits: Limits) -> float:
        """One-sided p-value against the value keeping its limits, read off the interval.

        The error of the interval whose end would just reach the limit, by the side that faces it: a limit
        at the end of this one has the error of that side. The tail is that of Student's t, since far out
        few rows or groups stray farther than a normal distribution does.
        """
        least, most = limits
        if least is not None and self.value < least:
            return self._beyond(least - self.value, self.interval[1] - self.value)
        if most is not None and self.value > most:
            return self._beyond(self.value - most, self.value - self.interval[0])
        return 1.0

    def _beyond(self, distance: float, half: float) -> float:
        """By the interval's own sum ``half**2 == t**2 * (variance + jump * half)``; most have no jump."""
        freedom = max(self.deciding, 1)
        scale = max(half, 1e-150) / _as_t(NormalDist().inv_cdf(0.5 + self.confidence / 2), freedom)
        known = scale if self.deviation is None else min(self.deviation, scale)
        jump = (scale**2 - known**2) / max(half, 1e-150)
        return NormalDist().cdf(-_as_normal(distance / sqrt(known**2 + jump * distance), freedom))


def chance_of(found: Metric | Comparison, limits: Limits) -> float | None:
    """That p-value of a report's number; ``None`` where there is nothing to read it off."""
    value = found.difference if isinstance(found, Comparison) else found.value
    if value is None or found.lower is None or found.upper is None:
        return None
    interval = (found.lower, found.upper)
    return Reading(value, interval, found.confidence, found.deciding, found.deviation).tail(limits)


def smallest(chances: Sequence[float]) -> float | None:
    """One p-value for "some of these is broken": the smallest, times how many there are."""
    return min(min(chances) * len(chances), 1.0) if chances else None


def one_sided_error(evidence: Evidence) -> float:
    """The error of one side of the report's intervals."""
    metrics = evidence.metrics.metrics if evidence.metrics else []
    return (1 - max((metric.confidence for metric in metrics), default=0.95)) / 2


def all_must_keep(held: Iterable[GateStatus], chances: Sequence[float], confidence: float) -> GateStatus:
    """The three values of limits that must all be kept.

    Each kept limit passes by itself, which needs no correction for their number; that some limit is
    broken must be proven in spite of it (Holm's procedure).
    """
    if every(held) is GateStatus.PASSED:
        return GateStatus.PASSED
    proven = any(rejected(chances, (1 - confidence) / 2))
    return GateStatus.FAILED if proven else GateStatus.INCONCLUSIVE


def _as_normal(t: float, freedom: int) -> float:
    """The normal deviate with the tail of a t: Wallace, Ann. Math. Stat. 30:1121 (1959)."""
    scale = (8 * freedom + 1) / (8 * freedom + 3)
    return scale * sqrt(freedom * log1p(t / freedom * t))


def _as_t(deviate: float, freedom: int) -> float:
    """The t with the tail of a normal deviate: the same, the other way round."""
    scale = (8 * freedom + 1) / (8 * freedom + 3)
    return sqrt(freedom * expm1((deviate / scale) ** 2 / freedom))
