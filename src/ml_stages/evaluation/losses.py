"""Metrics that are means over the rows, or smooth functions of means, with the rows' influences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.ranking import Influenced
from ml_stages.evaluation.rows import Measured

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]

_SMALLEST = float(np.finfo(np.float64).eps)


def log_losses(truth: Codes, probabilities: Floats) -> Floats:
    """-ln of the true class's probability by row; probabilities are kept 2.2e-16 away from 0."""
    own = _of_true_class(truth, probabilities)
    losses: Floats = -np.log(np.clip(own, _SMALLEST, 1.0))
    return losses


def _of_true_class(truth: Codes, probabilities: Floats) -> Floats:
    if probabilities.shape[1] == 2:
        return np.where(truth, probabilities[:, 1], probabilities[:, 0])
    return np.asarray(probabilities[np.arange(len(truth)), truth])


def squared_probability_errors(truth: Codes, probabilities: Floats) -> Floats:
    """Brier's score by row: of the positive class for two classes, else summed over the classes.

    Brier, Mon. Weather Rev. 78:1 (1950).
    """
    if probabilities.shape[1] == 2:
        return np.square(probabilities[:, 1] - truth)
    own = _of_true_class(truth, probabilities)
    squares = np.square(probabilities).sum(axis=1)
    return np.asarray(squares - 2 * own + 1)


def mean(values: Floats) -> Influenced:
    """A plain mean."""
    centre = float(values.mean())
    return Influenced(centre, (values - centre) * (_unbiased(values.size) / values.size))


def _unbiased(rows: int) -> float:
    return float(np.sqrt(rows / max(rows - 1, 1)))


def mean_squared_error(rows: Measured) -> Influenced:
    return mean(np.square(rows.truth - rows.predicted))


def unexplained(rows: Measured) -> Influenced:
    """1 - R2: squared error over the labels' squared distance from their mean, which must not be 0."""
    errors = np.square(rows.truth - rows.predicted)
    distances = np.square(rows.truth - rows.truth.mean())
    total = distances.sum()
    ratio = float(errors.sum() / total)
    return Influenced(ratio, (errors - ratio * distances) * (_unbiased(len(rows)) / total))
