"""Plots as inline SVG, small enough to stand in a table."""

from __future__ import annotations

_WIDTH, _HEIGHT = 160, 16


def interval_plot(value: float | None, lower: float | None, upper: float | None) -> str:
    """A value with its interval on the scale from 0 to 1; nothing where it does not fit on it."""
    if value is None or lower is None or upper is None or not 0 <= lower <= value <= upper <= 1:
        return ""
    left, middle, right = (4 + share * (_WIDTH - 8) for share in (lower, value, upper))
    scale = _line(4, _WIDTH - 4, width=1, opacity=0.2)
    interval = _line(left, right, width=3, opacity=1)
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{lower:.3f} to {upper:.3f}">'
        f'{scale}{interval}<circle cx="{middle:.1f}" cy="{_HEIGHT / 2}" r="4" fill="currentColor"/></svg>'
    )


def _line(start: float, end: float, *, width: int, opacity: float) -> str:
    y = _HEIGHT / 2
    style = f'stroke="currentColor" stroke-width="{width}" opacity="{opacity}"'
    return f'<line x1="{start:.1f}" x2="{end:.1f}" y1="{y}" y2="{y}" {style}/>'
