"""Holding an interval against limits: the three values that every gate on a number shares."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from ml_stages.gates.gate import GateStatus
from ml_stages.report.numbers import exact

Interval = tuple[float, float]


def within(interval: Interval | None, least: float | None, most: float | None) -> GateStatus:
    """Pass where the whole interval keeps the limits, fail where none of it does, else inconclusive."""
    if interval is None:
        return GateStatus.INCONCLUSIVE
    lower, upper = interval
    low, high = -inf if least is None else least, inf if most is None else most
    if upper < low or lower > high:
        return GateStatus.FAILED
    return GateStatus.PASSED if lower >= low and upper <= high else GateStatus.INCONCLUSIVE


def need_order(least: float | None, most: float | None) -> None:
    """Raise :class:`ValueError` for limits that nothing keeps both of."""
    if least is not None and most is not None and least > most:
        raise ValueError(f"min ({exact(least)}) is greater than max ({exact(most)})")


def limits_text(least: float | None, most: float | None) -> str:
    """`at least 0.8 and at most 0.9`; empty without any limit."""
    limits = (("at least", least), ("at most", most))
    return " and ".join(f"{word} {exact(limit)}" for word, limit in limits if limit is not None)


def every(statuses: Iterable[GateStatus]) -> GateStatus:
    """All must pass: the worst decides, and what was skipped does not count beside others."""
    found = set(statuses)
    for status in (GateStatus.FAILED, GateStatus.ERROR, GateStatus.INCONCLUSIVE, GateStatus.PASSED):
        if status in found:
            return status
    return GateStatus.SKIPPED
