"""Infinite numbers among features."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.checks.check import of_rows
from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding


def check_infinite(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """No feature is infinite: JSON has no word for such a number, so no request to the model can hold one.

    Rules: `infinite`.

    Set by: `columns.NAME.feature`, `null_values`.
    """
    for column in profile.columns:
        if column.infinite and config.is_feature(column.name):
            yield Finding(
                rule="infinite",
                column=column.name,
                message=f"{column.name}: {of_rows(column.infinite, profile.rows)} are infinite, which no"
                " request can be; store them as nulls or as the greatest number that is meant, or declare"
                " feature = false",
                observed=column.infinite,
                expected=0,
                count=column.infinite,
                share=column.infinite / profile.rows,
            )
