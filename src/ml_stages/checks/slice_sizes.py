"""Values with so few rows that nothing can be said of them."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding


def check_slice_sizes(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """Every value of a column with `min_slice` has at least so many rows, allowed ones that are gone too.

    Rules: `slice-size`.

    Set by: `columns.NAME.min_slice`, `columns.NAME.allowed`.
    """
    for column in profile.columns:
        small = column.small_slices
        if small is not None:
            least = config.columns[column.name].min_slice
            values = "1 value has" if small.count == 1 else f"{small.count:,} values have"
            yield Finding(
                rule="slice-size",
                column=column.name,
                message=f"{column.name}: {values} fewer than {least:,} rows: {', '.join(small.examples)}",
                observed=small.count,
                expected=least,
                count=small.count,
                examples=small.examples,
            )
