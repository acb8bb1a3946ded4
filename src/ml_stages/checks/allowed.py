"""Values that are not among the allowed ones."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.checks.check import first, of_rows, place
from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding


def check_allowed(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """Every value of a column with `allowed` is one of them.

    Rules: `allowed-values`.

    Set by: `columns.NAME.allowed`.
    """
    for column in profile.columns:
        broken = column.not_allowed
        if broken is not None:
            yield Finding(
                rule="allowed-values",
                column=column.name,
                message=f"{column.name}: {of_rows(broken.count, profile.rows)} hold a value that is not"
                f" allowed, e.g. {', '.join(repr(value) for value in broken.examples[:3])}{first(broken)}",
                **place(broken),
                observed=broken.examples[0],
                expected=config.columns[column.name].allowed,
                count=broken.count,
                share=broken.count / profile.rows,
                examples=broken.examples,
            )
