"""How far predicted probabilities are from observed shares, without the usual bias.

The plain expected calibration error is above 0 for a perfectly calibrated model (0.036 on average
at 500 rows), since noise counts as error. Here the squared error of each bin is estimated without
the noise: Kumar, Liang and Ma, NeurIPS 2019. Binning hides errors within a bin, so that the true
error may be larger, never smaller.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.estimate import Difference, Estimate
from ml_stages.evaluation.quantiles import normal_quantile
from ml_stages.evaluation.sample import ClassifiedPair, ClassifiedSample

Floats = NDArray[np.float64]

BINS = 15
FEWEST_ROWS = 10 * BINS


def calibration_error(sample: ClassifiedSample) -> Estimate:
    """Root of the mean squared distance of probability and share, over 15 bins of equal size.

    Of the positive class for two classes, else of the class that is most probable. The interval adds
    the variances of the bins' squared distances, both the part that stays when the model is calibrated
    and the part that grows with its error, as in the two regimes of Sun et al. (NeurIPS 2023).
    """
    if len(sample.rows) == 0:
        return Estimate(None, note="undefined: no rows")
    predicted, residuals = _residuals(sample)
    squared, variance = squared_error(predicted, residuals)
    value = float(np.sqrt(max(squared, 0.0)))
    if len(sample.rows) < FEWEST_ROWS:
        return Estimate(value, note=f"no interval: {len(sample.rows)} rows, needed are {FEWEST_ROWS}")
    half = normal_quantile(sample.confidence) * np.sqrt(variance)
    lower, upper = (float(np.sqrt(max(squared + side * half, 0.0))) for side in (-1, 1))
    return Estimate(value, lower, max(upper, value), "debiased, normal on the squared error")


def compare(pair: ClassifiedPair) -> Difference:
    """The difference alone: near perfect calibration no interval of it is known to be honest."""
    one, other = (calibration_error(side).value or 0.0 for side in (pair.candidate, pair.baseline))
    return Difference(
        one - other, note="no interval: calibration errors are not compared; use brier or log_loss"
    )


def _residuals(sample: ClassifiedSample) -> tuple[Floats, Floats]:
    if len(sample.rows.classes) == 2:
        predicted = sample.probabilities[:, 1]
        return predicted, sample.rows.truth - predicted
    top = sample.probabilities.argmax(axis=1)
    predicted = sample.probabilities[np.arange(len(top)), top]
    return predicted, (top == sample.rows.truth) - predicted


def _quantiles(values: Floats, shares: Floats) -> Floats:
    """As ``numpy.quantile``; on sorted values, which for many shares is faster."""
    ordered = np.sort(values)
    place = shares * (ordered.size - 1)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, ordered.size - 1)
    return np.asarray(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


def squared_error(predicted: Floats, residuals: Floats) -> tuple[float, float]:
    """The squared calibration error without bias (it may be negative), and its variance."""
    edges = _quantiles(predicted, np.linspace(0, 1, BINS + 1)[1:-1])
    bins = np.searchsorted(np.unique(edges), predicted, side="right")
    rows = np.bincount(bins).astype(np.float64)
    total, squares = (np.bincount(bins, weights=weights) for weights in (residuals, residuals**2))
    usable = rows >= 2
    rows, total, squares = rows[usable], total[usable], squares[usable]
    if rows.size == 0:
        return 0.0, 0.0
    distance = (total**2 - squares) / (rows * (rows - 1))  # pairs of different rows: no noise squared
    noise = (squares - total**2 / rows) / (rows - 1)
    weight = rows / rows.sum()
    variance = 4 * np.maximum(distance, 0) * noise / rows + 2 * noise**2 / (rows * (rows - 1))
    return float(weight @ distance), float(weight**2 @ variance)
