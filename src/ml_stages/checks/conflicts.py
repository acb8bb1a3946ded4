"""Equal rows with different labels."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.checks.check import of_rows
from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding


def check_conflicts(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """No more rows than allowed have the features of another row and a different label.

    Rules: `label-conflicts`.

    Set by: `max_conflicts`.
    """
    count = profile.relations.conflicts or 0
    if count and count / profile.rows > config.max_conflicts:
        yield Finding(
            rule="label-conflicts",
            column=config.label,
            message=f"{config.label}: {of_rows(count, profile.rows)} have the same features as a row with"
            f" another label, at most {config.max_conflicts:.4g} allowed",
            observed=count / profile.rows,
            expected=config.max_conflicts,
            count=count,
            share=count / profile.rows,
        )
