"""Values that must follow one another."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.checks.check import of_rows
from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile
from ml_stages.evidence import Finding


def check_order(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """Each value is not less (strictly: greater) than the last one before it; missing ones are passed over.

    Rules: `order`.

    Set by: `columns.NAME.order`.
    """
    for name, count in profile.relations.out_of_order.items():
        if count:
            order = config.columns[name].order
            yield Finding(
                rule="order",
                column=name,
                message=f"{name}: {of_rows(count, profile.rows)} do not follow on the row before,"
                f" expected {order} values",
                observed=count,
                expected=order,
                count=count,
                share=count / profile.rows,
            )
