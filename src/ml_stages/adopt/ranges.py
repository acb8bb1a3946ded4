"""The range that a column of numbers suggests."""

from __future__ import annotations

import math
import re
from typing import Any

from ml_stages.adopt.second_sample import OFTEN, furthest
from ml_stages.data.distribution import Values
from ml_stages.data.periods import cycle, goes_on
from ml_stages.data.profile import ColumnProfile

MOST_ALLOWED = 20
"""Different values up to which a column's values may be all that there are."""
IDENTIFIER = re.compile(r"(^|[_\W])(id|key|uuid|guid|index|nr|no|number)$|[a-z](Id|ID|Key)$", re.IGNORECASE)
_RARE_CODE = 0.01
"""Share of the rows below which the rarest of several codes is rather the end of a tail of counts."""
_WIDE = 2
"""Times the range that was seen, from which on a limit beyond it is explained."""


def range_of(column: ColumnProfile, rows: int) -> tuple[dict[str, Any], str]:
    """The limits that a second sample hardly breaks, and why; none across zero, or beyond shares and percent.

    Integers with few values, none of them rare, are codes, and have no others; a calendar's have.
    """
    low, high = column.min, column.max
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return {}, ""
    seen = f"seen {low:.0f} to {high:.0f}"
    if column.type == "int" and IDENTIFIER.search(column.name) and _is_many(column):
        return {}, f"an identifier, by its name; {seen}"
    if column.type == "int" and (ends := cycle(column.name, low, high)):
        return dict(zip(("min", "max"), ends, strict=True)), f"seen {low:g} to {high:g}"
    if column.type == "int" and goes_on(column.name, low, high):
        return {"min": int(low)}, f"{seen}; later ones will come"
    values = column.distribution and column.distribution.values
    are_codes = column.type == "int" and values and _are_codes(values)
    least, most = (low, high) if are_codes else _limits(column, rows, low, high)
    limits = {"min": least, "max": most}
    whole = {"min": math.floor, "max": math.ceil}
    rule = {
        name: whole[name](limit) if column.type == "int" else limit
        for name, limit in limits.items()
        if limit is not None
    }
    open_ends = [name for name, limit in limits.items() if limit is None]
    unsaid = f"; too few or too scattered for a {' or '.join(open_ends)}" if open_ends else ""
    wide = _WIDE * (high - low)
    is_wide = (least is not None and least < low - wide) or (most is not None and most > high + wide)
    scattered = "; single ones far out, so that others may be farther" if is_wide else ""
    return rule, f"seen {low:g} to {high:g}{unsaid}{scattered}"


def _limits(column: ColumnProfile, rows: int, low: float, high: float) -> tuple[float | None, float | None]:
    numbers = column.distribution and column.distribution.numbers
    there = rows - column.nulls - column.nan - column.infinite
    least, most = (
        (furthest(numbers, there, low, down=True), furthest(numbers, there, high, down=False))
        if numbers
        else (None, None)
    )
    if least is not None:
        least = rounded(least, down=True)
    if most is not None:
        most = rounded(most, down=False)
    if low >= 0 and (low <= high / 2 or least is None or least < 0):
        least = 0.0
    if high <= 0 and (most is None or most > 0):
        most = 0.0
    return least, _natural_limit(low, high) or most


def _are_codes(values: Values) -> bool:
    """Whether no value is rare, so that there are hardly others; of two each may be rarer."""
    rarest = min(values.counts.values())
    return rarest >= OFTEN and (len(values.counts) <= 2 or rarest >= _RARE_CODE * values.rows)


def _is_many(column: ColumnProfile) -> bool:
    """Whether there are more values than a rule would list."""
    return column.distribution is not None and column.distribution.distinct > MOST_ALLOWED


def _natural_limit(low: float, high: float) -> float | None:
    if low >= 0 and 0.5 < high <= 1:
        return 1.0
    return 100.0 if low >= 0 and 90 < high <= 100 else None


def rounded(number: float, *, down: bool) -> float:
    """Two significant digits, outwards."""
    if not number:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(number))) - 1)
    steps = (math.floor if down else math.ceil)(number / unit)
    return float(f"{steps * unit:.12g}")
