"""Numbers outside the range that their rule gives."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.checks.check import exact, first, of_rows, place
from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile, Violation
from ml_stages.evidence import Finding


def check_ranges(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """Every number lies between the minimum and the maximum of its column.

    Rules: `range`.

    Set by: `columns.NAME.min`, `columns.NAME.max`.
    """
    for column in profile.columns:
        rule = config.rule_of(column.name)
        if rule.min is None and rule.max is None:
            continue
        if column.type not in {"int", "float"} and column.nulls < profile.rows:
            yield _no_numbers(column.name, column.type)
        for broken, limit, observed, side in (
            (column.below, rule.min, column.min, "below"),
            (column.above, rule.max, column.max, "above"),
        ):
            if broken is not None:
                seen = None if rule.sensitive else observed
                yield _finding(column.name, broken, (side, limit, seen), profile.rows)


def _finding(
    name: str, broken: Violation, what: tuple[str, float | None, float | None], rows: int
) -> Finding:
    """Of the side on which values lie beyond the limit, and the furthest of them."""
    side, limit, seen = what
    bound = "" if limit is None else exact(limit)
    reach = "" if seen is None else f", {'down' if side == 'below' else 'up'} to {exact(seen)}"
    return Finding(
        rule="range",
        column=name,
        message=f"{name}: {of_rows(broken.count, rows)} {side} {bound}{reach}{first(broken)}",
        **place(broken),
        observed=seen,
        expected=limit,
        count=broken.count,
        share=broken.count / rows,
        examples=broken.examples,
    )


def _no_numbers(name: str, kind: str) -> Finding:
    return Finding(
        rule="range",
        column=name,
        message=f"{name}: the rule gives a minimum or maximum, but the column holds {kind}, no numbers",
        observed=kind,
    )
