"""How numbers are written for people."""

from __future__ import annotations


def number(value: object) -> str:
    """Four significant digits for a number; anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def with_interval(
    value: float | None, lower: float | None, upper: float | None, *, signed: bool = False
) -> str:
    """`0.871 (0.842 to 0.896)`; `undefined` without a value."""
    form = "+.3f" if signed else ".3f"
    if value is None:
        return "undefined"
    if lower is None or upper is None:
        return f"{value:{form}}"
    return f"{value:{form}} ({lower:{form}} to {upper:{form}})"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"
