"""Plots as inline SVG, small enough to stand in a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ml_stages.report.numbers import exact, with_interval
from ml_stages.verdict import GateResult

_WIDTH, _HEIGHT, _EDGE = 160, 16, 4
Limits = tuple[float | None, float | None]
"""The least and the most that passes."""


def interval_plot(value: float | None, lower: float | None, upper: float | None) -> str:
    """A value with its interval on the scale from 0 to 1; nothing where it does not fit on it."""
    if value is None or lower is None or upper is None or not 0 <= lower <= value <= upper <= 1:
        return ""
    drawn = _observed(*map(_place, (lower, value, upper)))
    return _svg(f"{with_interval(value, lower, upper)} on a scale from 0 to 1", drawn)


def gate_plot(gate: GateResult) -> str:
    """What a gate observed, with its interval, beside the values that pass; nothing for other evidence."""
    limits = limits_of(gate.expected)
    if gate.interval is None or limits is None or not isinstance(gate.observed, int | float):
        return ""
    lower, upper = gate.interval
    ends = [lower, upper, gate.observed, *(limit for limit in limits if limit is not None)]
    least, span = min(ends), max(ends) - min(ends)
    if not span > 0:
        return ""

    def place(number: float) -> float:
        return _place(0.1 + 0.8 * (number - least) / span)

    told = f"{with_interval(gate.observed, lower, upper)}; expected {_words(limits)}"
    return _svg(told, _allowed(limits, place) + _observed(place(lower), place(gate.observed), place(upper)))


def limits_of(expected: Any) -> Limits | None:
    """The limits on the scale of what was observed; ``None`` where a gate has no such scale."""
    if not isinstance(expected, Mapping):
        return None
    known = {name: limit for name, limit in expected.items() if isinstance(limit, int | float)}
    if "gain_above" in known:
        gain = known["gain_above"]
        return (gain, None) if known.get("greater_is_better", True) else (None, -gain)
    if "change_below" in known:
        return -known["change_below"], known["change_below"]
    least = next((known[name] for name in ("min", "min_ratio") if name in known), None)
    most = next(
        (known[n] for n in ("max", "max_error", "max_difference", "max_seconds", "max_ratio") if n in known),
        None,
    )
    if "margin" in known:
        least = -known["margin"]
    return None if least is None and most is None else (least, most)


def _words(limits: Limits) -> str:
    words = zip(("at least", "at most"), limits, strict=True)
    return " and ".join(f"{word} {exact(limit)}" for word, limit in words if limit is not None)


def _place(share: float) -> float:
    return _EDGE + share * (_WIDTH - 2 * _EDGE)


def _allowed(limits: Limits, place: Callable[[float], float]) -> str:
    """The values that pass as a band, and a line at each limit."""
    least, most = limits
    start, end = 0.0 if least is None else place(least), float(_WIDTH) if most is None else place(most)
    band = f'<rect class="allowed" x="{start:.1f}" width="{end - start:.1f}" y="0" height="{_HEIGHT}"/>'
    lines = (_upright(place(limit), 0, _HEIGHT, width=1) for limit in limits if limit is not None)
    return band + "".join(lines)


def _observed(lower: float, value: float, upper: float) -> str:
    """The interval as a bar, as wide as it is, and the value as a mark across it."""
    middle = _HEIGHT / 2
    return _line((lower, upper), (middle, middle), width=4) + _upright(value, 2, _HEIGHT - 2, width=2)


def _svg(told: str, drawn: str) -> str:
    axis = _line((_EDGE, _WIDTH - _EDGE), (_HEIGHT / 2, _HEIGHT / 2), width=1, opacity=0.3)
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{told}">'
        f"<title>{told}</title>{axis}{drawn}</svg>"
    )


def _upright(place: float, top: float, bottom: float, *, width: int) -> str:
    return _line((place, place), (top, bottom), width=width)


def _line(x: tuple[float, float], y: tuple[float, float], *, width: int, opacity: float = 1) -> str:
    style = f'stroke="currentColor" stroke-width="{width}" opacity="{opacity:g}"'
    return f'<line x1="{x[0]:.1f}" x2="{x[1]:.1f}" y1="{y[0]:g}" y2="{y[1]:g}" {style}/>'
