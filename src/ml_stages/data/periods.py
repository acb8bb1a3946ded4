"""Columns that count the calendar: what they hold next is known, and no rule may call it a fault.

Folders of data (`month=2026-08`) and exports of reports have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_CYCLES = {"month": (1, 12), "quarter": (1, 4), "week": (1, 53), "day": (1, 31), "hour": (0, 23)}
"""What begins again after its last number."""
_NAME = re.compile(
    r"(?:^|[_\W])(year|yr|yyyy|month|quarter|week|day|hour|date|period|ym|yyyymm|yyyymmdd|ds|dt)$"
)
_TEXT = re.compile(
    r"(?:19|20)\d\d"
    r"(?:[-_/. ]?(?:[Qq][1-4]|[Ww][0-5]\d|(?:0[1-9]|1[0-2])(?:[-_/.]?(?:0[1-9]|[12]\d|3[01]))?))?"
)
"""`2026`, `2026-Q3`, `2026-W33`, `2026-08`, `20260814`."""


def cycle(name: str, low: float, high: float) -> tuple[int, int] | None:
    """The first and the last number of what a column of this name counts, where its own lie between them."""
    found = _NAME.search(name.lower())
    first, last = _CYCLES.get(found[1], (1, 0)) if found else (1, 0)
    return (first, last) if first <= low and high <= last else None


def goes_on(name: str, low: float, high: float) -> bool:
    """Whether whole numbers from ``low`` to ``high`` are years, or months and days such as 202608."""
    ends = [str(int(end)) for end in (low, high)]
    return bool(_NAME.search(name.lower())) and are_periods(ends)


def are_periods(texts: Iterable[str]) -> bool:
    """Whether all texts are years or parts of years."""
    return all(_TEXT.fullmatch(text) for text in texts)
