"""Columns that are missing, or that nobody declared."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from ml_stages.config.data import DataConfig
from ml_stages.data.csv_lines import MARKS, separator_line
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding


def check_columns(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """Every declared column, the key and the label are there, and others only where they may be.

    Rules: `missing-column`, `extra-column`.

    Set by: `columns`, `columns.NAME.required`, `key`, `label`, `extra_columns`.
    """
    there = {column.name for column in profile.columns}
    declared = [name for name, rule in config.columns.items() if rule.required]
    for name in dict.fromkeys([*config.key, config.label, *declared]):
        if name not in there:
            hint = nearest(name, sorted(there))
            yield Finding(
                rule="missing-column",
                column=name,
                message=f"{name}: the column is missing{hint}",
                expected=name,
            )
    if config.extra_columns == "forbid":
        known = {*config.columns, *config.key, config.label}
        for name in sorted(there - known):
            yield Finding(rule="extra-column", column=name, message=f"{name}: the column is not declared")


def nearest(name: str, there: list[str]) -> str:
    """What may have been meant by the name of a column that is missing; nothing where nothing is near."""
    joined = [(one, mark) for one in there for mark in MARKS if name in one.split(mark) and name != one]
    if joined:
        one, mark = joined[0]
        return f"; a column is called {one!r}: are fields separated by {mark!r}? {separator_line(mark)}"
    plain = [other for other in there if other.strip().casefold() == name.strip().casefold()]
    near = plain or get_close_matches(name, there, n=1)
    return f"; the data has {near[0]!r}" if near else ""
