"""Values that a person takes for one and a program for two: by blanks, capitals, Unicode forms or `1.0`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from ml_stages.checks.check import of_rows
from ml_stages.config.data import DataConfig
from ml_stages.data.measure import MASKED
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding

_MOST_VALUES = 1_000
"""Different values of a column up to which they are categories, rather than names or free text."""


def check_lookalikes(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """No two classes, categories or keys look alike: `yes ` would be a class of its own; a warning.

    Rules: `lookalikes`.
    """
    counts = {config.label: profile.label_counts} if profile.label_counts else {}
    for column in profile.columns:
        found = column.distribution and column.distribution.values
        if column.type == "string" and found and found.complete and column.name not in config.key:
            counts.setdefault(column.name, found.counts)
    for name, values in counts.items():
        # Of sensitive columns but the label fingerprints alone are known, which never look alike.
        if alike := _alike(values) if len(values) <= _MOST_VALUES else []:
            rows = sum(min(values[text] for text in texts) for texts in alike)
            shown = [[MASKED] * len(texts) for texts in alike] if config.is_sensitive(name) else alike
            yield _finding(name, f"{', '.join(map(repr, shown[0]))} look alike", shown, (rows, profile.rows))
    if profile.key_lookalikes:
        what = "have a key that differs from another one by blanks at its ends or its Unicode form alone"
        yield _finding("|".join(config.key), what, [], (profile.key_lookalikes, profile.rows))


def _finding(name: str, what: str, examples: list[list[str]], rows: tuple[int, int]) -> Finding:
    message = f"{name}: {what}" if examples else f"{name}: {of_rows(*rows)} {what}"
    return Finding(
        rule="lookalikes",
        severity="warning",
        column=name,
        message=f"{message}; are they the same? Write them alike",
        count=rows[0],
        share=rows[0] / rows[1],
        examples=examples[:5],
    )


def _alike(values: Mapping[str, int]) -> list[list[str]]:
    """Groups of texts that are the same once written alike, each in the order of their frequency."""
    groups: dict[str, list[str]] = {}
    for text in values:
        groups.setdefault(_plain(text), []).append(text)
    return [texts for texts in groups.values() if len(texts) > 1]


def _plain(text: str) -> str:
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    whole = plain.removesuffix(".0")
    return whole if whole.lstrip("+-").isdecimal() else plain
