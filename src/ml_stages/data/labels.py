"""What a row's label must be, by the task."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.checks.check import of_rows
from ml_stages.config.data import DataConfig
from ml_stages.data.profile import Profile
from ml_stages.evaluation.catalogue import MULTILABEL, NUMERIC
from ml_stages.evidence import Finding


def rules_of(config: DataConfig, task: str) -> DataConfig:
    """No label may be null, whatever the column's own rule says: only of several labels there may be none."""
    rule = config.columns.get(config.label)
    if rule is None or task == MULTILABEL:
        return config
    columns = {**config.columns, config.label: rule.model_copy(update={"max_null": 0.0})}
    return config.model_copy(update={"columns": columns})


def label_findings(profile: Profile, config: DataConfig, task: str) -> Iterator[Finding]:
    """The label of a regression or a ranking is a finite number in every row.

    Rules: `label-type`.

    Set by: `label`.
    """
    label = profile.column(config.label)
    if task not in NUMERIC or label is None or not profile.rows or label.unsupported:
        return
    if label.type not in {"int", "float"} and label.nulls < profile.rows:
        yield Finding(
            rule="label-type",
            column=config.label,
            message=f"{config.label}: the label holds {label.type}, a {task} needs numbers;"
            ' is the task rather "classification"?',
            observed=label.type,
            expected="float",
        )
    elif label.infinite:
        yield Finding(
            rule="label-type",
            column=config.label,
            message=f"{config.label}: {of_rows(label.infinite, profile.rows)} are infinite; a {task}"
            " needs finite numbers",
            observed=label.infinite,
            expected=0,
            count=label.infinite,
            share=label.infinite / profile.rows,
        )
