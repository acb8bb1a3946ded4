"""Features that tell the label alone."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding
from ml_stages.report.numbers import in_percent

_SUSPICIOUS = 0.95


def check_label_leakage(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """No single feature holds more of the label's information than allowed; by default 0.95, a warning.

    Rules: `label-leakage`.

    Set by: `max_label_information`.
    """
    limit = config.max_label_information
    for name, share in profile.relations.label_information.items():
        if share > (_SUSPICIOUS if limit is None else limit):
            yield Finding(
                rule="label-leakage",
                severity="warning" if limit is None else "error",
                column=name,
                message=f"{name}: it tells {in_percent(share, 1)} of the label {config.label} alone;"
                " is it known when a prediction is asked for?",
                observed=share,
                expected=_SUSPICIOUS if limit is None else limit,
            )
