"""Metrics that are means over the rows, or smooth functions of means, with the rows' influences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.influence import Moments, moments
from ml_stages.evaluation.pieces import pieces
from ml_stages.evaluation.ranking import Influenced
from ml_stages.evaluation.rows import Measured

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]

_SMALLEST = float(np.finfo(np.float64).eps)


def log_losses(truth: Codes, probabilities: Floats) -> Floats:
    """-ln of the true class's probability by row; probabilities are kept 2.2e-16 away from 0.

    Here and below ``probabilities`` is rows by classes, or of two classes the positive one's column.
    """
    losses = np.empty(len(truth))
    for piece in pieces(len(truth)):
        own = _of_true_class(truth[piece], probabilities[piece])
        np.negative(np.log(np.clip(own, _SMALLEST, 1.0)), out=losses[piece])
    return losses


def _of_true_class(truth: Codes, probabilities: Floats) -> Floats:
    if probabilities.shape[1] <= 2:
        last = probabilities[:, -1]
        return np.where(truth, last, 1.0 - last if probabilities.shape[1] == 1 else probabilities[:, 0])
    return np.asarray(probabilities[np.arange(len(truth)), truth])


def squared_probability_errors(truth: Codes, probabilities: Floats) -> Floats:
    """Brier's score by row: of the positive class for two classes, else summed over the classes.

    Brier, Mon. Weather Rev. 78:1 (1950).
    """
    errors = np.empty(len(truth))
    for piece in pieces(len(truth)):
        given, true = probabilities[piece], truth[piece]
        if given.shape[1] <= 2:
            np.square(given[:, -1] - true, out=errors[piece])
        else:
            errors[piece] = np.square(given).sum(axis=1) - 2 * _of_true_class(true, given) + 1
    return errors


def mean(values: Floats) -> Influenced:
    """A plain mean."""
    centre = float(values.mean())
    return Influenced(centre, (values - centre) * (_unbiased(values.size) / values.size))


@dataclass(frozen=True)
class Mean:
    """A plain mean where nobody asks which row contributed what."""

    value: float
    distances: Moments
    """Of the values from their mean."""

    @property
    def moments(self) -> Moments:
        """Of what the rows contribute."""
        return self.distances.scaled(_unbiased(self.distances.units) / self.distances.units)


def mean_alone(values: Floats) -> Mean:
    centre = float(values.mean())
    return Mean(centre, moments(values, centre))


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
