"""What every check is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile, Violation
from ml_stages.data.relations import BrokenRule
from ml_stages.evidence import Finding
from ml_stages.report.numbers import in_percent

Check = Callable[[Profile, DataConfig], Iterator[Finding]]
"""Yields what is wrong; nothing where all is well."""


def first(broken: Violation | BrokenRule) -> str:
    """`, first in loans.csv, line 17`."""
    return f", first in {broken.first}" if broken.first else ""


def place(broken: Violation | BrokenRule) -> dict[str, Any]:
    """Fields of a finding that say where to look."""
    return {"file": broken.first.file, "line": broken.first.line} if broken.first else {}


def exact(number: float) -> str:
    """All digits that matter: `5,000,001` and not `5e+06`."""
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:,.0f}" if abs(number) < 1e16 and float(number).is_integer() else f"{number:.10g}"


def of_rows(count: int, rows: int) -> str:
    """`31.2 % (742 of 2,380 rows)`."""
    return f"{in_percent(count / rows)} ({count:,} of {rows:,} rows)"
