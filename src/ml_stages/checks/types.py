"""Values that are not of their column's declared type."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.checks.check import first, of_rows, place
from ml_stages.config.data import DataConfig
from ml_stages.data.profile import ColumnProfile, Profile
from ml_stages.data.unsupported import labels_lack, predictors_lack
from ml_stages.evidence import Finding

_BEYOND_INT64 = 2**63
"""Below it every integer of a feature must be: of 64 bits with a sign are those of pandas."""


def check_types(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """Every value reads as its column's declared type, and no feature has a type that predictors lack.

    Rules: `type`.

    Set by: `columns.NAME.type`, `columns.NAME.feature`.
    """
    for column in profile.columns:
        is_label = column.name == config.label
        if column.unsupported and (config.is_feature(column.name) or is_label):
            left_out = f"{predictors_lack(column.unsupported)}, or declare feature = false"
            why = labels_lack(column.unsupported) if is_label else left_out
            yield Finding(
                rule="type",
                column=column.name,
                message=f"{column.name}: {why}",
                observed=column.unsupported,
            )
        if is_beyond_int64(column) and config.is_feature(column.name):
            yield Finding(
                rule="type",
                column=column.name,
                message=f"{column.name}: there are integers beyond 64 bits with a sign, which predictors get;"
                " store them as texts or floats, or declare feature = false",
                observed=None if column.sensitive else column.max,
                expected=_BEYOND_INT64,
            )
        broken = column.broken_type
        if broken is not None:
            declared = config.columns[column.name].type
            yield Finding(
                rule="type",
                column=column.name,
                message=f"{column.name}: {of_rows(broken.count, profile.rows)} are no {declared},"
                f" e.g. {broken.examples[0]!r}{first(broken)}",
                **place(broken),
                observed=broken.examples[0],
                expected=declared,
                count=broken.count,
                share=broken.count / profile.rows,
                examples=broken.examples,
            )


def is_beyond_int64(column: ColumnProfile) -> bool:
    """Whether a column holds integers that no predictor can be given."""
    return column.type == "int" and (column.max or 0) >= _BEYOND_INT64
