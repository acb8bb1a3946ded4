"""What each row contributes to a metric, and what the metric is where its rows are counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ml_stages.evaluation import counts, losses, parametrised
from ml_stages.evaluation.catalogue import Task, parameter
from ml_stages.evaluation.influence import Floats
from ml_stages.evaluation.ranking import Influenced
from ml_stages.evaluation.sample import ClassifiedSample, MeasuredSample

Sample = ClassifiedSample | MeasuredSample

_STEP = 1e-4

_COUNTS: dict[Task, dict[str, counts.CountMetric]] = {
    Task.BINARY: {
        "precision": counts.precision,
        "recall": counts.recall,
        "specificity": counts.specificity,
        "f1": counts.f1,
        "selection_rate": counts.selection_rate,
    },
    Task.MULTICLASS: {
        "precision": counts.precision_macro,
        "recall": counts.balanced_accuracy,
        "f1": counts.f1_macro,
    },
}

_ALWAYS: dict[str, counts.CountMetric] = {
    "accuracy": counts.accuracy,
    "balanced_accuracy": counts.balanced_accuracy,
    "f1_macro": counts.f1_macro,
    "f1_micro": counts.accuracy,
    "f1_weighted": counts.f1_weighted,
    "mcc": counts.mcc,
}

BY_PROBABILITY: dict[str, Callable[[ClassifiedSample], Influenced]] = {
    "roc_auc": lambda sample: sample.roc_auc,
    "pr_auc": lambda sample: sample.average_precision,
    "log_loss": lambda sample: losses.mean(sample.log_losses.all()),
    "brier": lambda sample: losses.mean(sample.brier_losses.all()),
}


def influenced(name: str, sample: Sample) -> Influenced:
    """The metric's value and what each row contributes to it."""
    if isinstance(sample, MeasuredSample):
        return _measured(name, sample)
    if name in BY_PROBABILITY:
        return BY_PROBABILITY[name](sample)
    if (metric := count_metric(name, sample)) is not None:
        return _counted(metric, sample)
    parts = parameter(name)
    assert parts is not None and parts.number is not None  # noqa: S101, PT018 - all others are counts
    return losses.mean(parametrised.among_first(sample, int(parts.number)))


def cell_slopes(metric: counts.CountMetric, sample: ClassifiedSample) -> Floats:
    """By how much one more row of each cell would change the metric: label by prediction, none last."""
    size = len(sample.rows.classes)
    truth, predicted = np.divmod(np.arange(size * (size + 1), dtype=np.int32), np.int32(size + 1))
    value = float(metric(sample.margins))
    known = predicted < size
    slope = np.zeros(truth.size)
    more = sample.margins.plus(truth[known], predicted[known], np.full(int(known.sum()), _STEP))
    slope[known] = (metric(more) - value) / _STEP
    strange = replace(
        sample.margins.plus(truth[~known], truth[~known], np.zeros(size)),
        truth=sample.margins.truth + _STEP * np.eye(size),
        total=sample.margins.total + np.full(size, _STEP),
        strange=sample.margins.strange + np.full(size, _STEP),
    )
    slope[~known] = (metric(strange) - value) / _STEP
    return slope.reshape(size, size + 1)


def _counted(metric: counts.CountMetric, sample: ClassifiedSample) -> Influenced:
    """By how much one more row of each cell of the confusion table would change the metric."""
    slopes = cell_slopes(metric, sample)
    return Influenced(float(metric(sample.margins)), slopes[sample.rows.truth, sample.rows.predicted])


def _measured(name: str, sample: MeasuredSample) -> Influenced:
    if name == "mae":
        return losses.mean(sample.errors)
    if name == "mape":
        return losses.mean(np.asarray(parametrised.shares_of_label(sample)))
    if (parts := parameter(name)) is not None and parts.number is not None:
        return losses.mean(parametrised.pinball(sample, parts.number))
    if name == "r2":
        return Influenced(1 - sample.unexplained.value, -sample.unexplained.influence)
    root = float(np.sqrt(sample.mean_squared_error.value))
    return Influenced(root, sample.mean_squared_error.influence / (2 * root or 1.0))


def count_metric(name: str, sample: ClassifiedSample) -> counts.CountMetric | None:
    """The metric as one of the confusion table, where it is one."""
    if (parts := parameter(name)) is None:
        return (_ALWAYS | _COUNTS[sample.rows.task])[name]
    if parts.number is not None:
        return None
    code = parametrised.class_code(parts, sample.rows.classes)
    assert code is not None  # noqa: S101 - an undefined estimate has no influences
    return parametrised.of_class(parts.kind, code)
