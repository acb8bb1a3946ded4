"""The stage ``data-drift``: today's data, label and predictions beside those that the baseline was made with.

The predictions are the baseline's own on today's holdout, beside its own on the holdout of its time: what
the deployed model would see and say. Rows that are in both count on both sides, which hides no proven
drift but weakens what a small addition can prove.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ml_stages.config.data import DataConfig
from ml_stages.config.drift import DriftConfig, Severity
from ml_stages.data.profile import PROFILE, ColumnProfile, Profile
from ml_stages.drift.files import read_profile
from ml_stages.drift.measure import Roles, drift
from ml_stages.drift.references import PREDICTIONS, predictions_profile
from ml_stages.drift.report import DriftReport, Part
from ml_stages.job import Job

_NO_REFERENCE = "the baseline carries no {}: it was published before bundles had one; publish once more"


class _Configuration(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    task: str
    data: DataConfig
    drift: DriftConfig


def run(job: Job) -> None:
    """A part that cannot be compared is named in the report with the reason, never left out."""
    config = _Configuration.model_validate(job.config)
    job.write_report(_report(job, config))


def _report(job: Job, config: _Configuration) -> DriftReport:
    reference = _stored(job.inputs["baseline-model"] / PROFILE)
    current = _stored(job.inputs["profile"] / PROFILE)
    if reference is None or current is None:
        unread = "data-validate could not read the data"
        why = unread if reference else _NO_REFERENCE.format("profile of its data")
        return DriftReport(
            reference_rows=reference.rows if reference else 0,
            current_rows=current.rows if current else 0,
            severity=Severity.INCONCLUSIVE,
            columns=[],
            absent={"feature": why, "label": why, "prediction": why},
        )
    predictions, absent = _predictions(job, config.task, (reference, current))
    roles = _roles(job.inputs["baseline-model"], reference, config.data)
    report = drift(reference, current, config.drift, roles, predictions)
    return report.model_copy(update={"absent": absent})


def _predictions(
    job: Job, task: str, data: tuple[Profile, Profile]
) -> tuple[tuple[Profile, Profile] | None, dict[Part, str]]:
    reference = _stored(job.inputs["baseline-model"] / PREDICTIONS)
    if reference is None:
        return None, {"prediction": _NO_REFERENCE.format("profile of its predictions")}
    if "baseline-predictions" not in job.inputs:
        return None, {"prediction": "the baseline gave no predictions for today's holdout"}
    current = predictions_profile(job.inputs["baseline-predictions"], task)
    return (_discounted(reference, data[0]), _discounted(current, data[1])), {}


def _roles(bundle: Path, reference: Profile, data: DataConfig) -> Roles:
    """What the columns of its data are to the baseline; its key is unused, whatever it is called today."""
    file, label = bundle / "schema.json", data.label
    if not file.is_file():
        return Roles(label, key=data.key)  # the stage `baseline` says that it is damaged
    schema = json.loads(file.read_text(encoding="utf-8"))
    features = {feature["name"] for feature in schema["features"]}
    return Roles(label, {column.name for column in reference.columns} - features - {label}, data.key)


def _stored(file: Path) -> Profile | None:
    return read_profile(file) if file.is_file() else None


def _discounted(predictions: Profile, data: Profile) -> Profile:
    """Where the data's rows come in clusters, predictions are worth as few rows as its worst column."""
    worth = min((column.independence for column in data.columns), default=1.0)
    return predictions.model_copy(
        update={"columns": [_worth(column, worth) for column in predictions.columns]}
    )


def _worth(column: ColumnProfile, worth: float) -> ColumnProfile:
    if column.distribution is None or worth >= 1:
        return column
    found: dict[str, Any] = {}
    for name in ("numbers", "values", "lengths"):
        there = getattr(column.distribution, name)
        found[name] = there and there.model_copy(update={"effective_rows": there.rows * worth})
    return column.model_copy(update={"distribution": column.distribution.model_copy(update=found)})
