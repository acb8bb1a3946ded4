"""Columns that are sensitive on either side of a comparison: compared by fingerprints, shown by none."""

from __future__ import annotations

from collections.abc import Collection

from ml_stages.data.profile import ColumnProfile, Profile
from ml_stages.data.sample import fingerprint


def sensitive_columns(*profiles: Profile) -> set[str]:
    """The names of columns that any of the profiles holds as sensitive."""
    return {column.name for profile in profiles for column in profile.columns if column.sensitive}


def masked(profile: Profile, names: Collection[str]) -> Profile:
    """The profile with these columns sensitive: equal values have the same fingerprint on both sides."""
    columns = [
        _masked(column) if column.name in names and not column.sensitive else column
        for column in profile.columns
    ]
    return profile.model_copy(update={"columns": columns})


def _masked(column: ColumnProfile) -> ColumnProfile:
    found = column.distribution
    if found is not None and found.values is not None:
        counts = {fingerprint(text): count for text, count in found.values.counts.items()}
        found = found.model_copy(update={"values": found.values.model_copy(update={"counts": counts})})
    return column.model_copy(update={"sensitive": True, "distribution": found})
