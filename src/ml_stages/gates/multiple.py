"""Many comparisons at once: which of them may be called proven."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

from ml_stages.gates.limits import Interval


def tail_probability(
    value: float, interval: Interval, limits: tuple[float | None, float | None], confidence: float
) -> float:
    """One-sided p-value against the value keeping its limits, read off an interval as if normal.

    The side of the interval that faces the limit says how many standard errors away it is.
    """
    least, most = limits
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    distances = []
    if least is not None and value < least:
        distances.append((least - value) / max(interval[1] - value, 1e-300))
    if most is not None and value > most:
        distances.append((value - most) / max(value - interval[0], 1e-300))
    return 1 - NormalDist().cdf(min(z * max(distances), 38.0)) if distances else 1.0


def rejected(chances: Sequence[float], error: float) -> list[bool]:
    """Holm's procedure: which hypotheses are rejected with at most ``error`` for any false rejection."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    result = [False] * len(chances)
    for place, index in enumerate(order):
        if chances[index] > error / (len(chances) - place):
            break
        result[index] = True
    return result
