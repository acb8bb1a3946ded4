"""The few pieces of HTML that the report is made of."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from ml_stages.report.numbers import with_interval


def name(text: str) -> str:
    """A name that may be long: broken where it must be, but not into single characters."""
    return f'<div class="name">{escape(text)}</div>'


def section(title: str, body: str) -> str:
    """A part of the page below a title of its own."""
    return f"<section><h2>{escape(title)}</h2>{body}</section>\n"


def badge(status: str) -> str:
    """A status in its colour."""
    return f'<span class="badge {status}">{status}</span>'


def interval(value: float | None, lower: float | None, upper: float | None, *, signed: bool = False) -> str:
    """A number with its interval, kept on one line."""
    return f'<span class="number">{with_interval(value, lower, upper, signed=signed)}</span>'


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]], kind: str = "text") -> str:
    """A table; the cells are HTML already. One of kind `numbers` keeps its columns on a phone."""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    table = f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="{kind}" tabindex="0">{table}</div>'
