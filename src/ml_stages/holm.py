"""Many hypotheses at one error: Holm, Scand. J. Stat. 6:65 (1979)."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: each is the least error of the whole family at which its hypothesis is rejected.

    The family's error holds under any dependence.
    """
    adjusted = [0.0] * len(p_values)
    reached = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        reached = max(reached, (len(p_values) - rank) * p_values[i])
        adjusted[i] = min(1.0, reached)
    return adjusted


def rejected(p_values: Sequence[float], error: float) -> list[bool]:
    """Which hypotheses are rejected with at most ``error`` for any false rejection."""
    return [p_value <= error for p_value in holm(p_values)]
