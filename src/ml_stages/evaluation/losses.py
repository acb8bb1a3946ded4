"""Metrics that are means over the rows, or smooth functions of means, with the rows' influences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.counts import Codes
from ml_stages.evaluation.influence import Moments, fourth_powers, moments, tail_of
from ml_stages.evaluation.pieces import PIECE, Pieced, pieces
from ml_stages.evaluation.ranking import Influenced
from ml_stages.evaluation.rows import Measured

Floats = NDArray[np.float64]

Losses = Pieced
LARGEST = 1e45
"""Squared errors of such numbers can be raised to the third power, as their skewness needs, and added up."""
SMALLEST = float(np.finfo(np.float64).eps)
"""What a probability of 0 counts as, as in scikit-learn: a row may lose 36."""


def log_losses(truth: Codes, probabilities: Floats) -> Losses:
    """-ln of the true class's probability by row; probabilities are kept 2.2e-16 away from 0.

    Here and below ``probabilities`` is rows by classes, or of two classes the positive one's column.
    """

    def of(rows: slice) -> Floats:
        own = of_true_class(truth[rows], probabilities[rows])
        return np.negative(np.log(np.clip(own, SMALLEST, 1.0)))

    return Losses(len(truth), of)


def of_true_class(truth: Codes, probabilities: Floats) -> Floats:
    """The probability of each row's label."""
    if probabilities.shape[1] <= 2:
        last = probabilities[:, -1]
        return np.where(truth, last, 1.0 - last if probabilities.shape[1] == 1 else probabilities[:, 0])
    return np.asarray(probabilities[np.arange(len(truth)), truth])


def squared_probability_errors(truth: Codes, probabilities: Floats) -> Losses:
    """Brier's score by row: of the positive class for two classes, else summed over the classes.

    Brier, Mon. Weather Rev. 78:1 (1950).
    """

    def of(rows: slice) -> Floats:
        given, true = probabilities[rows], truth[rows]
        if given.shape[1] <= 2:
            return np.square(given[:, -1] - true)
        return np.asarray(np.square(given).sum(axis=1) - 2 * of_true_class(true, given) + 1)

    return Losses(len(truth), of)


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
    largest: float
    fourth: float
    """Sum of the fourth powers of the distances."""

    @property
    def moments(self) -> Moments:
        """Of what the rows contribute."""
        return self.distances.scaled(_unbiased(self.distances.units) / self.distances.units)


def mean_alone(losses: Losses) -> Mean:
    """The mean of at least one row, in one pass: moments about a first guess, moved to the mean."""
    guess = float(losses.of(slice(0, min(losses.rows, PIECE))).mean())
    total, squared, cubed, fourth = 0.0, 0.0, 0.0, 0.0
    largest = -np.inf
    for piece in pieces(losses.rows):
        values = losses.of(piece)
        largest = max(largest, float(values.max()))
        distances = values - guess
        found = moments(distances)
        total += float(distances.sum())
        squared, cubed = squared + found.squared, cubed + found.cubed
        fourth += fourth_powers(distances)
    rows, shift = losses.rows, total / losses.rows
    square = shift * shift
    centre = guess + shift
    return Mean(
        value=centre,
        distances=Moments(
            rows,
            max(squared - rows * square, 0.0),
            cubed - 3 * shift * squared + 2 * rows * shift * square,
        ),
        largest=largest,
        fourth=max(fourth - 4 * shift * cubed + 6 * square * squared - 3 * rows * square * square, 0.0),
    )


def tail_dominates(losses: Losses, mean: Mean) -> bool:
    """Whether one row in a hundred carries more than half of the variance."""
    return tail_of(
        losses.rows, lambda rows: losses.of(rows) - mean.value, mean.distances.squared, mean.fourth
    )


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
