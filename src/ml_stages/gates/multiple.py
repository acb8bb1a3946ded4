"""Many comparisons at once: which of them may be called proven."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import expm1, log1p, sqrt
from statistics import NormalDist

from ml_stages.gates.gate import Evidence, GateStatus
from ml_stages.gates.limits import Interval, every


def tail_probability(
    value: float,
    interval: Interval,
    limits: tuple[float | None, float | None],
    confidence: float,
    freedom: int,
) -> float:
    """One-sided p-value against the value keeping its limits, read off an interval.

    The side of the interval that faces the limit says how many standard errors away it is. The tail is
    that of Student's t, ``freedom`` being what the interval rests on (``deciding`` of a metric or of a
    comparison): groups of rows, or rows that decide. Far out, few of them stray farther than a normal
    distribution does. A limit at the very end of the interval has just the error of that side.
    """
    least, most = limits
    freedom = max(freedom, 1)
    end = _as_t(NormalDist().inv_cdf(0.5 + confidence / 2), freedom)
    distances = []
    if least is not None and value < least:
        distances.append((least - value) / max(interval[1] - value, 1e-300))
    if most is not None and value > most:
        distances.append((value - most) / max(value - interval[0], 1e-300))
    return NormalDist().cdf(-_as_normal(end * max(distances), freedom)) if distances else 1.0


def chance_of(
    value: float | None,
    interval: Interval | None,
    limits: tuple[float | None, float | None],
    confidence: float,
    freedom: int,
) -> float | None:
    """The same for a gate's result; ``None`` where there is nothing to read it off."""
    if value is None or interval is None:
        return None
    return tail_probability(value, interval, limits, confidence, freedom)


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


def rejected(chances: Sequence[float], error: float) -> list[bool]:
    """Holm's procedure: which hypotheses are rejected with at most ``error`` for any false rejection."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    result = [False] * len(chances)
    for place, index in enumerate(order):
        if chances[index] > error / (len(chances) - place):
            break
        result[index] = True
    return result
