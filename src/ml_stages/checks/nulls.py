"""Missing values: nulls, and NaN beside them."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.checks.check import of_rows
from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding


def check_nulls(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """No column lacks more values than its rule allows; the key lacks none, nor does a label without a rule.

    Columns without a rule may lack any share: nobody said what is right for them. A rule that lets the label
    be null counts for rows that may have several labels, or none, alone.

    Rules: `nulls`.

    Set by: `columns.NAME.max_null`, `null_values`, `key`, `label`.
    """
    for column in profile.columns:
        is_label = column.name == config.label and column.name not in config.columns
        is_strict = is_label or column.name in config.key
        limit = 0.0 if is_strict else config.rule_of(column.name).max_null
        missing = column.nulls + column.nan
        if profile.rows and missing / profile.rows > limit:
            what = "null or NaN" if column.nan else "null"
            allowed = f"at most {limit:.4g} allowed" if limit else "none allowed"
            yield Finding(
                rule="nulls",
                column=column.name,
                message=f"{column.name}: {of_rows(missing, profile.rows)} {what}, {allowed}",
                observed=missing / profile.rows,
                expected=limit,
                count=missing,
                share=missing / profile.rows,
            )
