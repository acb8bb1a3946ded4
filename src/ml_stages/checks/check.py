"""What every check is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding

Check = Callable[[Profile, DataConfig], Iterator[Finding]]
"""Yields what is wrong; nothing where all is well."""


def of_rows(count: int, rows: int) -> str:
    """`31.2 % (742 of 2,380 rows)`."""
    return f"{count / rows:.2%} ({count:,} of {rows:,} rows)".replace("%", " %", 1)
