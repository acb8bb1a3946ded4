"""Texts that do not look as their rule says."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.checks.check import first, of_rows, place
from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile, Violation
from ml_stages.evidence import Finding


def check_text(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """Every text matches the pattern of its column, and is neither too short nor too long.

    Rules: `pattern`, `length`.

    Set by: `columns.NAME.pattern`, `columns.NAME.min_length`, `columns.NAME.max_length`.
    """
    for column in profile.columns:
        rule = config.rule_of(column.name)
        if column.not_matching is not None:
            yield _finding("pattern", column.name, column.not_matching, str(rule.pattern), profile.rows)
        if column.bad_length is not None:
            most = "any number of" if rule.max_length is None else rule.max_length
            lengths = f"{rule.min_length or 0} to {most} characters"
            yield _finding("length", column.name, column.bad_length, lengths, profile.rows)


def _finding(rule: str, name: str, broken: Violation, expected: str, rows: int) -> Finding:
    return Finding(
        rule=rule,
        column=name,
        message=f"{name}: {of_rows(broken.count, rows)} do not have the {rule} {expected},"
        f" e.g. {broken.examples[0]!r}{first(broken)}",
        **place(broken),
        observed=broken.examples[0],
        expected=expected,
        count=broken.count,
        share=broken.count / rows,
        examples=broken.examples,
    )
