"""Collect the evidence for the gates out of a run's results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from ml_stages.config.config import JudgingConfig
from ml_stages.drift.report import DriftReport
from ml_stages.evaluation.metrics_report import MetricsReport
from ml_stages.evidence import (
    AuditReport,
    BehaveReport,
    DataReport,
    LintReport,
    PredictReport,
    Report,
    TestReport,
    TrainReport,
)
from ml_stages.gates.composed import family_of
from ml_stages.gates.gate import Evidence
from ml_stages.outcome import StageStatus
from ml_stages.runner import StageRun
from ml_stages.serving.probing.probe_report import ProbeReport

R = TypeVar("R", bound=Report)

_REPORTS: dict[str, tuple[str, type[Report]]] = {
    "lint": ("lint", LintReport),
    "test": ("test", TestReport),
    "audit": ("audit", AuditReport),
    "data-validate": ("data", DataReport),
    "train": ("train", TrainReport),
    "predict": ("predict", PredictReport),
    "data-drift": ("drift", DriftReport),
    "predict-perturbed": ("behaviour", BehaveReport),
    "evaluate": ("metrics", MetricsReport),
    "probe": ("probe", ProbeReport),
}
"""Stage to the field of the evidence that its report fills, and the report's model."""


def gather(results: Mapping[str, StageRun[Any]], config: JudgingConfig, *, has_baseline: bool) -> Evidence:
    """The evidence that a run's results hold, and why the rest of it is missing."""
    found: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for stage, (name, model) in _REPORTS.items():
        if stage == "data-drift" and not has_baseline:
            continue  # nothing to compare with, which is the gate's own to judge
        result = results.get(stage)
        if result is None:
            missing[stage] = f"{stage} was not run"
        elif result.outcome.status is not StageStatus.PASSED or result.report is None:
            missing[stage] = _why(result)
        else:
            try:
                found[name] = model.model_validate_json(result.report)
            except ValidationError as error:
                missing[stage] = f"the report of {stage} cannot be read: {error.errors()[0]['msg']}"
    if has_baseline and _is_lost(results.get("baseline")):
        missing["baseline"] = _why(results["baseline"])
    metrics = found.get("metrics")
    if isinstance(metrics, MetricsReport) and metrics.uncompared:
        missing["baseline"] = metrics.uncompared
    return Evidence(
        task=config.task,
        has_baseline=has_baseline,
        family=family_of(config.gates),
        first_run_allowed=config.baseline.first_run == "allow",
        missing=missing,
        **found,
    )


def _is_lost(result: StageRun[Any] | None) -> bool:
    return result is not None and result.outcome.status is not StageStatus.PASSED


def _why(result: StageRun[Any]) -> str:
    outcome = result.outcome
    if outcome.status is StageStatus.SKIPPED:
        return f"{outcome.name} was skipped: {outcome.reason}"
    return f"{outcome.name} {'failed' if outcome.status is StageStatus.FAILED else 'broke'}"


def report_of(results: Mapping[str, StageRun[Any]], stage: str, model: type[R]) -> R | None:
    """One stage's report, where it has a readable one."""
    result = results.get(stage)
    if result is None or result.report is None:
        return None
    try:
        return model.model_validate_json(result.report)
    except ValidationError:
        return None


def notes_of(result: StageRun[Any]) -> list[str]:
    """What a stage's report wants people to know, whichever report it is."""
    try:
        report = json.loads(result.report or "null")
    except ValueError:
        return []
    notes = report.get("notes") if isinstance(report, dict) else None
    return [str(note) for note in notes] if isinstance(notes, list) else []
