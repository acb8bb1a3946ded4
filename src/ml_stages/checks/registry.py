"""Every check, one line each, in the order in which findings are told."""

from __future__ import annotations

from ml_stages.checks.allowed import check_allowed
from ml_stages.checks.balance import check_balance
from ml_stages.checks.check import Check
from ml_stages.checks.columns import check_columns
from ml_stages.checks.conflicts import check_conflicts
from ml_stages.checks.constant import check_constant
from ml_stages.checks.freshness import check_freshness
from ml_stages.checks.infinite import check_infinite
from ml_stages.checks.label_leakage import check_label_leakage
from ml_stages.checks.lookalikes import check_lookalikes
from ml_stages.checks.nulls import check_nulls
from ml_stages.checks.order import check_order
from ml_stages.checks.outliers import check_outliers
from ml_stages.checks.ranges import check_ranges
from ml_stages.checks.relations import check_relations
from ml_stages.checks.rows import check_duplicates, check_min_rows
from ml_stages.checks.slice_sizes import check_slice_sizes
from ml_stages.checks.text import check_text
from ml_stages.checks.types import check_types
from ml_stages.checks.unique import check_unique

CHECKS: tuple[Check, ...] = (
    check_columns,
    check_min_rows,
    check_types,
    check_nulls,
    check_infinite,
    check_ranges,
    check_allowed,
    check_text,
    check_outliers,
    check_constant,
    check_order,
    check_freshness,
    check_slice_sizes,
    check_unique,
    check_duplicates,
    check_balance,
    check_lookalikes,
    check_conflicts,
    check_label_leakage,
    check_relations,
)
