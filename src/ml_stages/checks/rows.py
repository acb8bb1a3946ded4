"""How many rows there are, and how many of them repeat."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.checks.check import of_rows
from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding


def check_min_rows(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """There are enough rows to train on.

    Rules: `min-rows`.

    Set by: `min_rows`.
    """
    if profile.rows < config.min_rows:
        yield Finding(
            rule="min-rows",
            message=f"{profile.rows:,} rows, expected at least {config.min_rows:,}",
            observed=profile.rows,
            expected=config.min_rows,
        )


def check_duplicates(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """No more rows repeat an earlier one in every column than is allowed.

    Rules: `duplicates`.

    Set by: `max_duplicates`.
    """
    share = profile.duplicates / profile.rows if profile.rows else 0.0
    if share > config.max_duplicates:
        yield Finding(
            rule="duplicates",
            message=f"{of_rows(profile.duplicates, profile.rows)} repeat an earlier row,"
            f" at most {config.max_duplicates:.4g} allowed",
            observed=share,
            expected=config.max_duplicates,
            count=profile.duplicates,
            share=share,
        )
