"""Profiles that travel with a model: of its data, and of what it predicted for its holdout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from ml_stages.data.profile import PROFILE

if TYPE_CHECKING:
    from ml_stages.data.profile import Profile
    from ml_stages.job import Job

PREDICTIONS = "predictions.json"
"""The file of a bundle with the profile of the model's predictions for its holdout."""


class _Task(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    task: str


def write_references(job: Job) -> tuple[Path, ...]:
    """The profiles that the job's inputs have or give; what must be made is made beside the report."""
    found = []
    if "profile" in job.inputs and (job.inputs["profile"] / PROFILE).is_file():
        found.append(job.inputs["profile"] / PROFILE)
    if "predictions" in job.inputs:
        made = job.report.parent / PREDICTIONS
        profile = predictions_profile(job.inputs["predictions"], _Task.model_validate(job.config).task)
        made.write_text(profile.model_dump_json(indent=1), encoding="utf-8")
        found.append(made)
    return tuple(found)


def predictions_profile(folder: Path, task: str) -> Profile:
    """The profile of ``predictions.csv`` but for its keys, which identify rows."""
    from ml_stages.config.data import ColumnRule, DataConfig  # noqa: PLC0415 - heavy
    from ml_stages.data.measure import measure  # noqa: PLC0415
    from ml_stages.data.read import open_table  # noqa: PLC0415
    from ml_stages.data.wanted import Scope  # noqa: PLC0415

    kind = ColumnRule(type="float" if task in ("regression", "ranking") else "string")
    scope = Scope(without=frozenset({"key"}), rows=False)
    config = DataConfig(path="predictions.csv", label="", columns={"prediction": kind})
    return measure(open_table(folder, config), config, "regression", scope)
