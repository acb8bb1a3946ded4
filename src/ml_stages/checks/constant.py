"""Features that tell nothing."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding


def check_constant(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """No feature has a single value without nulls beside it: often the sign of a fault, and a warning.

    Rules: `constant`.
    """
    for column in profile.columns:
        found = column.distribution
        if profile.rows < 2 or found is None or not config.is_feature(column.name):
            continue
        if found.distinct <= 1 and column.nulls + column.nan in (0, profile.rows):
            what = "null" if column.nulls + column.nan else "the same value"
            yield Finding(
                rule="constant",
                severity="warning",
                column=column.name,
                message=f"{column.name}: every row holds {what}",
                observed=found.distinct,
            )
