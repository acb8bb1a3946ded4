"""Every check, one line each, in the order in which findings are told."""

from __future__ import annotations

from ml_stages.checks.allowed import check_allowed
from ml_stages.checks.balance import check_balance
from ml_stages.checks.check import Check
from ml_stages.checks.columns import check_columns
from ml_stages.checks.nulls import check_nulls
from ml_stages.checks.ranges import check_ranges
from ml_stages.checks.rows import check_duplicates, check_min_rows
from ml_stages.checks.types import check_types
from ml_stages.checks.unique import check_unique

CHECKS: tuple[Check, ...] = (
    check_columns,
    check_min_rows,
    check_types,
    check_nulls,
    check_ranges,
    check_allowed,
    check_unique,
    check_duplicates,
    check_balance,
)
