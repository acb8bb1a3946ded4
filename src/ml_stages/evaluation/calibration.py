"""How far predicted probabilities are from observed shares, without the usual bias.

The plain expected calibration error is above 0 for a perfectly calibrated model (0.036 on average
at 500 rows), since noise counts as error. Here the squared error of each bin is estimated without
the noise: Kumar, Liang and Ma, NeurIPS 2019. Binning hides errors within a bin, so that the true
error may be larger, never smaller.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.counts import Codes
from ml_stages.evaluation.estimate import Difference, Estimate
from ml_stages.evaluation.noncentral import distance_limits
from ml_stages.evaluation.order import Index
from ml_stages.evaluation.pieces import pieces
from ml_stages.evaluation.quantiles import normal_quantile
from ml_stages.evaluation.sample import ClassifiedPair, ClassifiedSample
from ml_stages.evaluation.shares import clopper_pearson
from ml_stages.evaluation.sorted_scores import SortedScores
from ml_stages.evaluation.unseen_share import reaching, unseen_share
from ml_stages.report.numbers import counted

Floats = NDArray[np.float64]

BINS = 15
FEWEST_ROWS = 10 * BINS


def calibration_error(sample: ClassifiedSample) -> Estimate:
    """Root of the mean squared distance of probability and share, over 15 bins of equal size.

    Of the positive class for two classes, else of the class that is most probable. The distances of the bins,
    weighted, are about normal, so that the sum of their squares is noncentral chi-squared: the interval has
    every error with which such a sum is no surprise. It reaches at least as far as the exact interval of what
    occurred in all, and where a bin has one outcome alone, as far as rows of the other could move it.
    """
    if len(sample.rows) == 0:
        return Estimate(None, note="undefined: no rows")
    bins = _bins(sample)
    value = bins.error
    if len(sample.rows) < FEWEST_ROWS:
        return Estimate(
            value, note=f"no interval: {counted(len(sample.rows), 'rows')}, needed are {FEWEST_ROWS}"
        )
    unseen = bins.unseen((1 - sample.confidence) / 2)
    lower, upper = reaching(value, bins.limits(sample.confidence), (unseen, unseen))
    upper = max(upper, bins.most_in_the_large(sample.confidence))
    return Estimate(value, max(lower, 0.0), min(upper, 1.0), "debiased, noncentral chi-squared over bins")


def compare(pair: ClassifiedPair) -> Difference:
    """The difference alone: near perfect calibration no interval of it is known to be honest."""
    one, other = (calibration_error(side).value or 0.0 for side in (pair.candidate, pair.baseline))
    return Difference(
        one - other, note="no interval: calibration errors are not compared; use brier or log_loss"
    )


@dataclass(frozen=True)
class Bins:
    """Rows, those of them that occurred, and sums of residuals (1 or 0 less the probability) and of squares.

    By bin; of one row no variance is known, so that bins have two at least.
    """

    rows: Floats
    hits: Floats
    total: Floats
    squares: Floats

    @classmethod
    def of(cls, *sums: Floats) -> Bins:
        """Those bins that have rows enough."""
        usable = sums[0] >= 2
        return cls(*(one[usable] for one in sums))

    @cached_property
    def noise(self) -> Floats:
        """The variance of each bin's mean residual, times its share of the rows."""
        around = np.maximum(self.squares - self.total**2 / self.rows, 0)  # rounding may take it below 0
        return np.asarray(around / (self.rows - 1) / self.rows.sum())

    def squared_error(self) -> float:
        """The squared calibration error without bias; it may be negative."""
        if not self.rows.size:
            return 0.0
        # Pairs of different rows: no noise is squared.
        distance = (self.total**2 - self.squares) / (self.rows * (self.rows - 1))
        return float(self.rows / self.rows.sum() @ distance)

    @property
    def error(self) -> float:
        """The calibration error without bias; 0 where noise alone would make as much."""
        return sqrt(max(self.squared_error(), 0.0))

    def limits(self, confidence: float) -> tuple[float, float]:
        """Lower and upper limit of the calibration error, as if all of it lay in the bin of most noise."""
        value = self.error
        if not (noise := float(self.noise.sum())):
            return value, value
        # By the mean noise up to 4 % of samples were misjudged whose error lies in the bins of most noise.
        unit = float(self.noise.max())
        # That less was seen than noise alone would make is no reason to believe in less.
        seen = (value**2 + noise) / unit
        lower, upper = distance_limits(seen, noise / unit, confidence)
        # As Wilson's interval does: by the noise that was seen alone models passed in 3.7 %, not 2.5.
        lean = normal_quantile(confidence) ** 2 * self.jump / 2
        less, more = min(lean, 0.0), max(lean, 0.0)
        return min(lower * sqrt(unit) + less, value), max(upper * sqrt(unit) + more, value)

    @property
    def jump(self) -> float:
        """Third over second moment of the calibration error: positive where few rows raise it by much."""
        off, share = self.total / self.rows, self.hits / self.rows
        second = share * (1 - share) * self.rows * off**2
        if not (weight := float(second.sum())):
            return 0.0
        # Along the way in which the bins are off; within a bin probabilities differ little.
        size = sqrt(float(self.rows @ off**2) * float(self.rows.sum()))
        return float(second @ ((1 - 2 * share) * off)) / weight / size

    def unseen(self, error: float) -> float:
        """How far the calibration error moves by rows of another outcome, where a bin has one outcome alone.

        Of 150 rows of which one in a hundred occurs, a fifth of samples hold none.
        """
        alike = self.rows[(self.hits == 0) | (self.hits == self.rows)]
        return max((sqrt(rows / self.rows.sum()) * unseen_share(rows, error) for rows in alike), default=0.0)

    def most_in_the_large(self, confidence: float) -> float:
        """The most by which the probabilities together may be too high, or too low: no error is less."""
        if not (rows := float(self.rows.sum())):
            return 0.0
        hits = float(self.hits.sum())
        said = (hits - float(self.total.sum())) / rows
        lower, upper = clopper_pearson(hits, rows, confidence)
        return max(said - lower, upper - said)


def _bins(sample: ClassifiedSample) -> Bins:
    if sample.sorted_scores is not None:
        return _sorted_bins(sample.sorted_scores)
    return bins_of(*_residuals(sample))


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


def bins_of(predicted: Floats, residuals: Floats) -> Bins:
    """Rows with about the same probability, as many in each bin as ties allow."""
    edges = _quantiles(np.sort(predicted))
    bins = np.searchsorted(np.unique(edges), predicted, side="right")
    occurred = np.rint(predicted + residuals)
    weighted = (None, occurred, residuals, residuals**2)
    return Bins.of(*(np.bincount(bins, weights=w).astype(np.float64) for w in weighted))


def _sorted_bins(scores: SortedScores) -> Bins:
    """Of sorted rows the bins are stretches."""
    edges = _quantiles(scores)
    ends = sorted({0, *scores.places(edges).tolist(), len(scores)})
    sums = np.array([_residual_sums(scores, start, end) for start, end in itertools.pairwise(ends)])
    return Bins.of(np.diff(ends).astype(np.float64), sums[:, 0], sums[:, 1], sums[:, 2])


def _residual_sums(scores: SortedScores, start: int, end: int) -> tuple[float, float, float]:
    """How many occurred, and the sums of the residuals and of their squares."""
    hits = total = squares = 0.0
    for piece in pieces(end - start):
        rows = slice(start + piece.start, start + piece.stop)
        positive = scores.positive(rows)
        residuals = positive - scores.values(rows)
        hits += float(positive.sum())
        total += float(residuals.sum())
        squares += float(np.square(residuals).sum())
    return hits, total, squares


def _quantiles(ordered: Floats | SortedScores) -> Floats:
    """The inner edges of the bins in sorted values, as ``numpy.quantile`` has them."""
    place = np.linspace(0, 1, BINS + 1)[1:-1] * (len(ordered) - 1)
    below = np.floor(place).astype(np.intp)
    lower, upper = _at(ordered, below), _at(ordered, np.minimum(below + 1, len(ordered) - 1))
    return lower + (place - below) * (upper - lower)


def _at(ordered: Floats | SortedScores, places: Index) -> Floats:
    return ordered.values(places) if isinstance(ordered, SortedScores) else ordered[places]
