"""How the classes of the label are balanced."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.checks.check import of_rows
from ml_stages.config.data import DataConfig
from ml_stages.data.measure import MASKED
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding

MOST_CLASSES = 1_000
"""Classes of a label beyond which it is taken for a number or a name."""


def check_balance(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """The label has at least two classes and not a thousand, none rarer than the rule allows.

    Rules: `classes`, `balance`.

    Set by: `balance.min_share`.
    """
    if profile.label_counts is None:
        return
    if len(profile.label_counts) < 2:
        only = (
            f"{_shown(next(iter(profile.label_counts)), config)} alone"
            if profile.label_counts
            else "no value"
        )
        yield Finding(
            rule="classes",
            column=config.label,
            message=f"{config.label}: the label holds {only}, expected at least two classes",
            observed=len(profile.label_counts),
            expected=2,
        )
    if len(profile.label_counts) > MOST_CLASSES:
        yield Finding(
            rule="classes",
            column=config.label,
            message=f"{config.label}: the label holds more than {MOST_CLASSES:,} classes;"
            ' is the task rather "regression"?',
            expected=MOST_CLASSES,
        )
        return
    for name, count in profile.label_counts.items():
        if count / profile.rows < config.balance.min_share:
            yield Finding(
                rule="balance",
                column=config.label,
                message=f"{config.label}: class {_shown(name, config)} is {of_rows(count, profile.rows)},"
                f" expected at least {config.balance.min_share:.4g}",
                observed=count / profile.rows,
                expected=config.balance.min_share,
                count=count,
                share=count / profile.rows,
            )


def _shown(name: str, config: DataConfig) -> str:
    return MASKED if config.is_sensitive(config.label) else repr(name)
