"""How numbers are written for people."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, isfinite, log10

_LARGE, _HUGE = 9_999.5, 1e15
_FEWEST, _MOST = 3, 8
"""Decimals of a number below 10; of any number."""


def number(value: object) -> str:
    """Four significant digits for a number, all whole digits of a large one; anything else as it is."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if _LARGE <= abs(value) < _HUGE else f"{value:.4g}"


def counted(count: int, things: str) -> str:
    """`1 row`, `144 queries`: as many things, whose name is given in the plural."""
    if count == 1:
        things = f"{things[:-3]}y" if things.endswith("ies") else things.removesuffix("s")
    return f"{count:,} {things}"


def listed(names: Sequence[str], most: int) -> str:
    """`a, b, c and 1,200 more`: the first of the names, and how many others there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def in_percent(share: float, decimals: int = 2) -> str:
    """`31.20 %`."""
    return f"{share * 100:.{decimals}f} %"


def exact(limit: float) -> str:
    """A limit as it was written: `0.02`, `200,000`."""
    return f"{limit:,.10g}"


def with_interval(
    value: float | None, lower: float | None, upper: float | None, *, signed: bool = False
) -> str:
    """`0.871 (0.842 to 0.896)`, as exact as the interval is wide; `undefined` without a value."""
    if value is None:
        return "undefined"
    known = [value] if lower is None or upper is None else [value, lower, upper]
    first, *ends = _alike(known, signed=signed)
    return f"{first} ({' to '.join(ends)})" if ends else first


def _alike(values: list[float], *, signed: bool) -> list[str]:
    """Numbers with as many decimals as tell them apart: two digits of their distance."""
    sign, largest, width = "+" if signed else "", max(map(abs, values)), max(values) - min(values)
    if not all(map(isfinite, values)) or largest >= _HUGE:
        return [f"{value:{sign}.4g}" for value in values]
    told = width or largest
    decimals = 1 - floor(log10(told)) if told else _FEWEST
    decimals = max(decimals, _FEWEST if largest < 10 else 0)
    if decimals > _MOST:
        return [f"{value:{sign}.3g}" for value in values]
    # A number that rounds to nothing has no sign.
    return [f"{round(value, decimals) + 0.0:{sign},.{decimals}f}" for value in values]


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"
