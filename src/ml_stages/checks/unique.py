"""Values that must not repeat: the key, and columns marked unique."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.checks.check import of_rows
from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding


def check_unique(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """The key names every row once, and so does each column with `unique`.

    Rules: `unique`.

    Set by: `key`, `columns.NAME.unique`.
    """
    repeated = {column.name: column.repeated for column in profile.columns if column.repeated}
    if profile.key_duplicates:
        repeated["|".join(config.key)] = profile.key_duplicates
    for name, count in repeated.items():
        yield Finding(
            rule="unique",
            column=name,
            message=f"{name}: {of_rows(count, profile.rows)} repeat a value that must be unique",
            observed=count,
            expected=0,
            count=count,
            share=count / profile.rows,
        )
