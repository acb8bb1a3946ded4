"""The stage ``evaluate``: predictions and labels in, metrics with intervals out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from pydantic import ValidationError

from ml_stages.config.data import DataConfig
from ml_stages.config.section import Section
from ml_stages.config.sections import EvaluationConfig
from ml_stages.errors import StageError
from ml_stages.evaluation.catalogue import names, nearest
from ml_stages.evaluation.classes import classified, known_classes, measured
from ml_stages.evaluation.clustered import Groups
from ml_stages.evaluation.metrics import judge
from ml_stages.evaluation.proportions import wilson
from ml_stages.evaluation.read import LABEL, in_order_of, read_labels, read_predictions
from ml_stages.evaluation.rows import Classified, Rows
from ml_stages.evaluation.slices import judge_slice, slices_of
from ml_stages.evidence import ClassCount, Metric, MetricsReport
from ml_stages.job import Job

CANDIDATE, BASELINE = "predictions", "baseline-predictions"


class EvaluateConfig(Section):
    """The part of the configuration that the stage sees."""

    task: Literal["classification", "regression"]
    data: DataConfig
    evaluation: EvaluationConfig = EvaluationConfig()


def run(job: Job) -> None:
    """Evaluate the candidate's and, where there are any, the baseline's predictions on the holdout."""
    try:
        config = EvaluateConfig.model_validate(job.config)
    except ValidationError as error:
        raise StageError(f"the job's configuration is not valid: {error}") from None
    labels = read_labels(job.inputs["holdout-labels"])
    candidate = _read(job.inputs[CANDIDATE], config)
    baseline = _read(job.inputs[BASELINE], config) if BASELINE in job.inputs else None
    job.write_report(evaluate(labels, candidate, baseline, config))


def _read(folder: Path, config: EvaluateConfig) -> pl.DataFrame:
    return read_predictions(folder, numeric=config.task == "regression")


def evaluate(
    labels: pl.DataFrame, candidate: pl.DataFrame, baseline: pl.DataFrame | None, config: EvaluateConfig
) -> MetricsReport:
    """Metrics, comparisons and slices of predictions, joined to the labels by ``key``.

    ``labels`` has ``key``, ``label`` and the columns of the slices, the predictions ``key``,
    ``prediction`` and perhaps ``probability_<class>``. Raises :class:`StageError` for keys that do
    not match and for values that are missing.
    """
    mine = in_order_of(labels, candidate, CANDIDATE)
    theirs = None if baseline is None else in_order_of(labels, baseline, BASELINE)
    rows, others = _rows(labels[LABEL], mine, theirs, config)
    confidence = config.evaluation.confidence
    groups = _groups(labels, config.evaluation.cluster)
    _check_names(config.evaluation.metrics, rows)
    judged = judge(rows, others, confidence, groups, config.evaluation.metrics)
    parts = slices_of(labels, config.evaluation.slices)
    return MetricsReport(
        rows=len(rows),
        metrics=judged.metrics,
        comparisons=judged.comparisons,
        slices=[judge_slice(part, rows, others, config.evaluation, groups) for part in parts],
        classes=_class_counts(rows, others),
        positive=rows.classes[1] if isinstance(rows, Classified) and len(rows.classes) == 2 else None,
        disagreement=_disagreement(rows, others, confidence),
    )


def _rows(
    labels: pl.Series, mine: pl.DataFrame, theirs: pl.DataFrame | None, config: EvaluateConfig
) -> tuple[Rows, Rows | None]:
    if config.task == "regression":
        return measured(labels, mine), None if theirs is None else measured(labels, theirs)
    classes = known_classes(labels, mine, config.data.positive)
    others = None if theirs is None else classified(labels, theirs, classes, BASELINE)
    return classified(labels, mine, classes, CANDIDATE), others


def _check_names(wanted: list[str], rows: Rows) -> None:
    known = names(rows.task)
    if unknown := [name for name in wanted if name not in known]:
        raise StageError(
            f"evaluation.metrics names {unknown[0]!r}, which is no metric of a {rows.task} task; "
            f"{nearest(unknown[0], known)}"
        )


def _groups(labels: pl.DataFrame, column: str | None) -> Groups | None:
    """Which rows belong together, numbered without gaps."""
    if column is None:
        return None
    if column not in labels.columns:
        raise StageError(
            f"evaluation.cluster names {column!r}, which the holdout does not have; "
            f"there are: {', '.join(labels.columns)}"
        )
    if missing := labels[column].null_count():
        raise StageError(f"evaluation.cluster: {missing:,} rows have no value in {column!r}")
    return (labels[column].rank("dense").cast(pl.Int64) - 1).to_numpy()


def _class_counts(rows: Rows, others: Rows | None) -> list[ClassCount]:
    if not isinstance(rows, Classified):
        return []
    size = len(rows.classes) + 1
    truth, predicted = (np.bincount(codes, minlength=size) for codes in (rows.truth, rows.predicted))
    theirs = np.bincount(others.predicted, minlength=size) if isinstance(others, Classified) else None
    return [
        ClassCount(
            label=label,
            rows=int(truth[code]),
            predicted=int(predicted[code]),
            baseline_predicted=None if theirs is None else int(theirs[code]),
        )
        for code, label in enumerate(rows.classes)
    ]


def _disagreement(rows: Rows, others: Rows | None, confidence: float) -> Metric | None:
    if not (isinstance(rows, Classified) and isinstance(others, Classified)):
        return None
    differing = int(np.count_nonzero(rows.predicted != others.predicted))
    lower, upper = wilson(differing, len(rows), confidence)
    return Metric(
        name="disagreement",
        value=differing / len(rows),
        lower=float(lower),
        upper=float(upper),
        confidence=confidence,
        method="Wilson score",
        rows=len(rows),
        greater_is_better=False,
    )
