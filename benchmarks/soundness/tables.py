"""Tables and shares in Markdown."""

from __future__ import annotations

from collections.abc import Iterable


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table with its head."""
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def percent(value: float | None) -> str:
    """A share in per cent; nothing where there is none."""
    return "" if value is None else f"{100 * value:.1f} %"
