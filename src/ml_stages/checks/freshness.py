"""Data that is too old."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ml_stages.config.data import DataConfig
from ml_stages.data.measure import MASKED
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding


def check_freshness(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """The newest time of a column with `max_age` is no older than that, and none lies in the future.

    An hour ahead is let through: the time of the check is known to the hour.

    Rules: `freshness`.

    Set by: `columns.NAME.max_age`.
    """
    for column in profile.columns:
        rule = config.rule_of(column.name)
        limit = rule.max_age_seconds
        if limit is None or profile.as_of is None:
            continue
        if column.newest is None:
            message = f"{column.name}: the rule gives an age, but the column holds no times"
            yield Finding(rule="freshness", column=column.name, message=message, expected=rule.max_age)
            continue
        age = profile.as_of - column.newest
        if -3600 <= age <= limit:
            continue
        side = "ago" if age > limit else "in the future"
        newest, when = _time(column.newest), f"{_span(abs(age))} {side}"
        if rule.sensitive:  # how long ago it was would tell it, too
            newest, when = MASKED, "too long ago" if age > limit else side
        expected = f"; expected at most {rule.max_age}" if age > limit else ""
        wording = f"the newest time is {newest}, {when}{expected}"
        yield Finding(
            rule="freshness",
            column=column.name,
            message=f"{column.name}: {wording}",
            observed=newest,
            expected=rule.max_age,
        )


def _time(seconds: float) -> str:
    # Of any year: those of Python's own times end with 9999.
    return f"{np.datetime_as_string(np.datetime64(int(seconds), 's'), unit='m')}Z"


def _span(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:,.0f} days"
