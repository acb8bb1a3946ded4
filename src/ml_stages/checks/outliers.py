"""Numbers far from all others."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.config.data import DataConfig
from ml_stages.data.distribution import Numbers
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding
from ml_stages.report.numbers import in_percent

_FAR = 3.0
"""Widths of the middle half beyond its ends from which a value is far out (Tukey 1977)."""


def check_outliers(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """No more numbers than allowed lie far out, by quartiles, which the outliers themselves cannot move.

    Where the quartiles are equal, every other value would be far out: nothing is said then.

    Rules: `outliers`.

    Set by: `columns.NAME.max_outliers`.
    """
    for column in profile.columns:
        limit = config.rule_of(column.name).max_outliers
        numbers = column.distribution.numbers if column.distribution else None
        if limit is None or numbers is None:
            continue
        bottom, top = far_out(numbers)
        # Between two stored points the least share is taken, so that rounding accuses nobody.
        share = numbers.least_below(bottom) + 1 - numbers.bounds(top)[1]
        if top > bottom and share > limit:
            # The quartiles of a few rows are their values.
            where = "" if column.sensitive else f", below {bottom:g} or above {top:g}"
            yield Finding(
                rule="outliers",
                column=column.name,
                message=f"{column.name}: {in_percent(share)} lie far out{where}, at most {limit:.4g} allowed",
                observed=share,
                expected=limit,
                share=share,
            )


def far_out(numbers: Numbers) -> tuple[float, float]:
    """Below the first and above the second a number lies far out; both are equal where the quartiles are."""
    low, high = numbers.quantile(0.25), numbers.quantile(0.75)
    return low - _FAR * (high - low), high + _FAR * (high - low)
