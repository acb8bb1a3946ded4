"""How far predicted probabilities are from observed shares, without the usual bias.

The plain expected calibration error is above 0 for a perfectly calibrated model (0.036 on average
at 500 rows), since noise counts as error. Here the squared error of each bin is estimated without
the noise: Kumar, Liang and Ma, NeurIPS 2019. Binning hides errors within a bin, so that the true
error may be larger, never smaller.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.counts import Codes
from ml_stages.evaluation.estimate import Difference, Estimate
from ml_stages.evaluation.order import Index
from ml_stages.evaluation.pieces import pieces
from ml_stages.evaluation.quantiles import normal_quantile
from ml_stages.evaluation.sample import ClassifiedPair, ClassifiedSample
from ml_stages.evaluation.sorted_scores import SortedScores
from ml_stages.report.numbers import counted

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
    squared, variance = _squared_error(sample)
    value = float(np.sqrt(max(squared, 0.0)))
    if len(sample.rows) < FEWEST_ROWS:
        return Estimate(
            value, note=f"no interval: {counted(len(sample.rows), 'rows')}, needed are {FEWEST_ROWS}"
        )
    half = normal_quantile(sample.confidence) * np.sqrt(variance)
    lower, upper = (float(np.sqrt(max(squared + side * half, 0.0))) for side in (-1, 1))
    return Estimate(value, lower, max(upper, value), "debiased, normal on the squared error")


def compare(pair: ClassifiedPair) -> Difference:
    """The difference alone: near perfect calibration no interval of it is known to be honest."""
    one, other = (calibration_error(side).value or 0.0 for side in (pair.candidate, pair.baseline))
    return Difference(
        one - other, note="no interval: calibration errors are not compared; use brier or log_loss"
    )


@dataclass(frozen=True)
class Bins:
    """Rows, and the sums of residuals (1 or 0 less the probability) and of their squares, by bin."""

    rows: Floats
    total: Floats
    squares: Floats

    def squared_error(self) -> tuple[float, float]:
        """The squared calibration error without bias (it may be negative), and its variance."""
        usable = self.rows >= 2
        rows, total, squares = self.rows[usable], self.total[usable], self.squares[usable]
        if rows.size == 0:
            return 0.0, 0.0
        distance = (total**2 - squares) / (rows * (rows - 1))  # pairs of different rows: no noise squared
        noise = (squares - total**2 / rows) / (rows - 1)
        weight = rows / rows.sum()
        variance = 4 * np.maximum(distance, 0) * noise / rows + 2 * noise**2 / (rows * (rows - 1))
        return float(weight @ distance), float(weight**2 @ variance)


def _squared_error(sample: ClassifiedSample) -> tuple[float, float]:
    if sample.sorted_scores is not None:
        return _sorted_bins(sample.sorted_scores).squared_error()
    return squared_error(*_residuals(sample))


def _residuals(sample: ClassifiedSample) -> tuple[Floats, Floats]:
    rows = sample.rows
    predicted, occurred = predicted_and_occurred(len(rows.classes), sample.probabilities, rows.truth)
    return predicted, occurred - predicted


def predicted_and_occurred(classes: int, probabilities: Floats, truth: Codes) -> tuple[Floats, Floats]:
    """The probability of the positive class of two, else of the likeliest, and 1 where that is the label."""
    if classes == 2:
        return probabilities[:, -1], truth.astype(np.float64)
    top = probabilities.argmax(axis=1)
    return probabilities[np.arange(len(top)), top], (top == truth).astype(np.float64)


def squared_error(predicted: Floats, residuals: Floats) -> tuple[float, float]:
    """The squared calibration error without bias (it may be negative), and its variance."""
    edges = _quantiles(np.sort(predicted))
    bins = np.searchsorted(np.unique(edges), predicted, side="right")
    weighted = (None, residuals, residuals**2)
    return Bins(*(np.bincount(bins, weights=w).astype(np.float64) for w in weighted)).squared_error()


def _sorted_bins(scores: SortedScores) -> Bins:
    """Of sorted rows the bins are stretches."""
    edges = _quantiles(scores)
    ends = sorted({0, *scores.places(edges).tolist(), len(scores)})
    sums = np.array([_residual_sums(scores, start, end) for start, end in itertools.pairwise(ends)])
    return Bins(np.diff(ends).astype(np.float64), sums[:, 0], sums[:, 1])


def _residual_sums(scores: SortedScores, start: int, end: int) -> tuple[float, float]:
    total = squares = 0.0
    for piece in pieces(end - start):
        rows = slice(start + piece.start, start + piece.stop)
        residuals = scores.positive(rows) - scores.values(rows)
        total += float(residuals.sum())
        squares += float(np.square(residuals).sum())
    return total, squares


def _quantiles(ordered: Floats | SortedScores) -> Floats:
    """The inner edges of the bins in sorted values, as ``numpy.quantile`` has them."""
    place = np.linspace(0, 1, BINS + 1)[1:-1] * (len(ordered) - 1)
    below = np.floor(place).astype(np.intp)
    lower, upper = _at(ordered, below), _at(ordered, np.minimum(below + 1, len(ordered) - 1))
    return lower + (place - below) * (upper - lower)


def _at(ordered: Floats | SortedScores, places: Index) -> Floats:
    return ordered.values(places) if isinstance(ordered, SortedScores) else ordered[places]
