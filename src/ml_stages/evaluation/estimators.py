"""The estimators of single metrics: a value and the interval whose method fits it."""

from __future__ import annotations

from collections.abc import Callable
from math import log, sqrt

import numpy as np

from ml_stages.evaluation import counts, losses
from ml_stages.evaluation.auc import auc_interval
from ml_stages.evaluation.estimate import Estimate, undefined
from ml_stages.evaluation.influence import (
    HEAVY_ALONE,
    Floats,
    Summary,
    bounds_of,
    half_widths,
    heavy_tailed,
    spread,
    spread_of,
)
from ml_stages.evaluation.losses import Losses
from ml_stages.evaluation.other_labels import odds_of, reach_of_unseen
from ml_stages.evaluation.proportions import mean_of_proportions
from ml_stages.evaluation.quantiles import drawn_quantile, normal_quantile
from ml_stages.evaluation.sample import ClassifiedSample, MeasuredSample
from ml_stages.evaluation.shares import clopper_pearson
from ml_stages.evaluation.two_shares import MOST_ROWS, Seen, mean_of_two_shares
from ml_stages.evaluation.unseen import best_hit, worst_mistake
from ml_stages.evaluation.unseen_share import beside
from ml_stages.report.numbers import counted

FEWEST = 5
"""Fewest rows of a class, or in all, for intervals that rest on a variance estimate."""

FEWEST_SQUARED = 400
"""Fewest rows for intervals of squared errors.

Of errors of which one in a hundred is ten times as wide, which double the mean square, 41 % of samples of 100
rows and 20 % of 200 show nothing; of 400, 5 %. Chosen by simulation.
"""

_ENOUGH = 10
_FAR = 1.75
"""The largest of exponential losses lies about once the logarithm of the rows out; chosen by simulation."""

NO_ERROR = "no interval: no row has any error, which says nothing of how large one is that was not seen"

HEAVY_TAIL = (
    "no interval: heavy tail: a few rows carry the squared error, and one that was not seen may outweigh "
    "them all; judge mae or a quantile loss instead"
)


def proportion(hits: float, rows: float, confidence: float, absent: str) -> Estimate:
    if rows == 0:
        return undefined(absent)
    return Estimate(hits / rows, *clopper_pearson(hits, rows, confidence), "Clopper-Pearson")


def accuracy(sample: ClassifiedSample) -> Estimate:
    return proportion(float(sample.margins.hits.sum()), len(sample.rows), sample.confidence, "no rows")


def precision(sample: ClassifiedSample) -> Estimate:
    m = sample.margins
    absent = "no row is predicted positive"
    return proportion(float(m.hits[1]), float(m.predicted[1]), sample.confidence, absent)


def recall(sample: ClassifiedSample) -> Estimate:
    m = sample.margins
    return proportion(float(m.hits[1]), float(m.truth[1]), sample.confidence, "no row is positive")


def specificity(sample: ClassifiedSample) -> Estimate:
    m = sample.margins
    negatives = float(m.truth[0])
    kept = negatives - float(m.predicted[1] - m.hits[1])
    return proportion(kept, negatives, sample.confidence, "no row is negative")


def selection_rate(sample: ClassifiedSample) -> Estimate:
    return proportion(float(sample.margins.predicted[1]), len(sample.rows), sample.confidence, "no rows")


def f1(sample: ClassifiedSample) -> Estimate:
    """F1 = 2J / (1 + J) of Jaccard's J, which is a proportion of the rows that are positive either way."""
    m = sample.margins
    either = float(m.truth[1] + m.predicted[1] - m.hits[1])
    if either == 0:
        return undefined("no row is positive and none is predicted so")
    lower, upper = (2 * j / (1 + j) for j in clopper_pearson(float(m.hits[1]), either, sample.confidence))
    return Estimate(float(counts.f1(m)), lower, upper, "Clopper-Pearson of Jaccard's index")


def macro_recall(sample: ClassifiedSample) -> Estimate:
    """Mean recall of the classes that occur: balanced accuracy."""
    m = sample.margins
    present = m.truth > 0
    return _mean_proportion(sample, m.hits[present], m.truth[present])


def macro_precision(sample: ClassifiedSample) -> Estimate:
    """Mean precision of the classes that occur; one that is never predicted counts as 0."""
    m = sample.margins
    present = m.truth > 0
    if np.all(m.predicted[present] > 0):
        return _mean_proportion(sample, m.hits[present], m.predicted[present])
    value = float(counts.precision_macro(m))
    return Estimate(
        value, note="no interval: a class that occurs is never predicted; its precision counts as 0"
    )


def _mean_proportion(sample: ClassifiedSample, hits: counts.Floats, rows: counts.Floats) -> Estimate:
    if hits.size == 0:
        return undefined("no rows")
    value, exact = float(np.mean(hits / rows)), hits.size == 2 and rows.min() <= MOST_ROWS
    if exact:
        classes = [Seen(int(count), int(of)) for count, of in zip(hits, rows, strict=True)]
        lower, upper = mean_of_two_shares(classes[0], classes[1], sample.confidence)
        method = "exact test of the mean of both classes"
    else:
        lower, upper = mean_of_proportions(hits, rows, sample.confidence)
        method = "Clopper-Pearson by class, squared distances added"
    return Estimate(
        value,
        min(lower, value),
        max(upper, value),
        method,
        _absent_classes(sample),
        # Far out the tail is that of the smallest class: by a normal one, a limit of two classes with 10 and
        # 190 rows was called broken up to 2.5 times as often as promised at a sixtieth of the error.
        freedom=int(rows.min()),
    )


def resampled(metric: counts.CountMetric, lowest: float = 0.0) -> Callable[[ClassifiedSample], Estimate]:
    """An estimator by random tables over the cells of the confusion table.

    The basic bootstrap, or where fewer than ten rows are wrong (or right) Dirichlet tables with one
    more row in the worst and in the best place, since resampling cannot show what was not seen.
    """

    def estimate(sample: ClassifiedSample) -> Estimate:
        occurring = sample.margins.truth[sample.margins.truth > 0]
        if occurring.size == 0:
            return undefined("no rows")
        value = float(metric(sample.margins))
        if (few := int(occurring.min())) < FEWEST:
            return Estimate(
                value, note=f"no interval: the smallest class has {counted(few, 'rows')}, needed are {FEWEST}"
            )
        right = float(sample.margins.hits.sum())
        one_sided = min(right, len(sample.rows) - right) < _ENOUGH
        lower, upper, method = (_melded if one_sided else _basic)(sample, metric, value)
        return Estimate(value, max(lower, lowest), min(upper, 1.0), method, _absent_classes(sample))

    return estimate


def _basic(sample: ClassifiedSample, metric: counts.CountMetric, value: float) -> tuple[float, float, str]:
    drawn = np.concatenate([metric(tables) for tables in sample.resampled])
    tail = (1 - sample.confidence) / 2
    low, high = drawn_quantile(drawn, tail), drawn_quantile(drawn, 1 - tail)
    # A skewed metric may lie outside its own basic interval; the interval then ends at it.
    lower, upper = min(2 * value - high, value), max(2 * value - low, value)
    return lower, upper, "basic bootstrap of the confusion cells"


def _melded(sample: ClassifiedSample, metric: counts.CountMetric, value: float) -> tuple[float, float, str]:
    miss, hit = worst_mistake(metric, sample.margins), best_hit(metric, sample.margins)
    low = [metric(d.candidate.plus(miss.truth, miss.taken_for, d.unseen)) for d in sample.posterior]
    high = [metric(d.candidate.plus(hit.truth, hit.taken_for, d.unseen)) for d in sample.posterior]
    tail = (1 - sample.confidence) / 2
    lower = drawn_quantile(np.concatenate(low), tail)
    upper = drawn_quantile(np.concatenate(high), 1 - tail)
    return min(lower, value), max(upper, value), "Dirichlet over the confusion cells, melded"


def mcc(sample: ClassifiedSample) -> Estimate:
    if np.count_nonzero(sample.margins.truth) < 2:
        return undefined("the labels have one class only")
    if np.count_nonzero(sample.margins.predicted) + np.count_nonzero(sample.margins.strange) < 2:
        return Estimate(0.0, note="no interval: one class only is predicted, which counts as no correlation")
    return resampled(counts.mcc, lowest=-1.0)(sample)


def _absent_classes(sample: ClassifiedSample) -> str:
    present = int(np.count_nonzero(sample.margins.truth))
    known = len(sample.rows.classes)
    return f"over the {present} of {known} classes that occur" if present < known else ""


def roc_auc(sample: ClassifiedSample) -> Estimate:
    if not sample.ranked_classes:
        return undefined("the labels have one class only")
    number = sample.roc_auc_summary
    if (few := smallest_side(sample)) < FEWEST:
        return Estimate(number.value, note=_too_few_sides(few))
    lower, upper, method = auc_interval(number, few, sample.confidence)
    return Estimate(number.value, lower, upper, method, _absent_classes(sample), freedom=few - 1)


def pr_auc(sample: ClassifiedSample) -> Estimate:
    if not sample.ranked_classes:
        return undefined("the labels have one class only")
    number = sample.average_precision_summary
    if (few := smallest_side(sample)) < FEWEST:
        return Estimate(number.value, note=_too_few_sides(few))
    lower, upper = logit_interval(number, 1 / few, sample.confidence)
    return Estimate(
        number.value, lower, upper, "infinitesimal jackknife, logit scale", _absent_classes(sample)
    )


def smallest_side(sample: ClassifiedSample) -> int:
    """Rows of the rarest side of any class against the rest."""
    truth = sample.margins.truth[sample.ranked_classes]
    return int(min(truth.min(), (len(sample.rows) - truth).min()))


def _too_few_sides(few: int) -> str:
    return f"no interval: {counted(few, 'rows')} on the rarer side, needed are {FEWEST} on each"


def logit_interval(number: Summary, unseen: float, confidence: float) -> tuple[float, float]:
    """Interval of a number between 0 and 1 on the logit scale; by jumps of ``unseen`` at the ends."""
    value = number.value
    variance = number.moments.squared
    if not 0 < value < 1 or variance == 0:
        below, above = half_widths(spread_of(number.moments, unseen), confidence)
        return max(value - below, 0.0), min(value + above, 1.0)
    half = normal_quantile(confidence) * np.sqrt(variance) / (value * (1 - value))
    centre = np.log(value / (1 - value))
    return float(1 / (1 + np.exp(half - centre))), float(1 / (1 + np.exp(-half - centre)))


def log_loss(sample: ClassifiedSample) -> Estimate:
    return mean_loss(sample.log_losses, sample.confidence, None, odds_of(sample))


def brier(sample: ClassifiedSample) -> Estimate:
    largest = 1.0 if len(sample.rows.classes) == 2 else 2.0
    return mean_loss(sample.brier_losses, sample.confidence, largest)


def mae(sample: MeasuredSample) -> Estimate:
    return mean_loss(Losses.given(sample.errors), sample.confidence, None)


def mean_loss(
    by_row: Losses, confidence: float, highest: float | None, odds: Losses | None = None
) -> Estimate:
    """A mean with Student's t; a row not seen may lose the most there is, or nothing.

    Where there is no most, as much as the worst that was seen, or as far out as the logarithm of the rows
    times their deviation: errors of which one in a hundred is ten times as wide mostly look normal among 100
    rows, and the upper bound lay below the truth in 7 %. Of a log loss ``odds`` say what mistakes would cost.
    """
    if by_row.rows == 0:
        return undefined("no rows")
    number = losses.mean_alone(by_row)
    if by_row.rows < FEWEST:
        return Estimate(
            number.value, note=f"no interval: {counted(by_row.rows, 'rows')}, needed are {FEWEST}"
        )
    if number.largest == 0 and highest is None and odds is None:
        return Estimate(number.value, note=NO_ERROR)
    straying = _FAR * log(by_row.rows) * sqrt(number.distances.squared / by_row.rows)
    worst = max(number.largest, straying) if highest is None else highest
    unseen, best = worst / by_row.rows, number.value / by_row.rows
    found = bounds_of(number.value, spread_of(number.moments, unseen, best), confidence)
    note = "heavy tail: few rows decide" if losses.tail_dominates(by_row, number) else ""
    mistakes = 0.0 if odds is None else reach_of_unseen(odds, number.largest, (1 - confidence) / 2)
    upper = number.value + beside(found.upper - number.value, mistakes)
    return Estimate(
        number.value,
        max(found.lower, 0.0),
        upper if highest is None else min(upper, highest),
        "t, widened for skewness",
        note,
        deviation=found.deviation,
    )


def rmse(sample: MeasuredSample) -> Estimate:
    if (rows := len(sample.rows)) == 0:
        return undefined("no rows")
    number = sample.mean_squared_error
    value = float(np.sqrt(number.value))
    if reason := _no_interval_of_squares(rows, number.influence):
        return Estimate(value, note=reason)
    below, above = half_widths(
        spread(number.influence, float(np.square(sample.errors).max()) / rows), sample.confidence
    )
    lower, upper = np.sqrt(max(number.value - below, 0.0)), np.sqrt(number.value + above)
    return Estimate(value, float(lower), float(upper), "t of the squared errors, widened for skewness")


def r2(sample: MeasuredSample) -> Estimate:
    rows = len(sample.rows)
    if rows < 2 or np.ptp(sample.rows.truth) == 0:
        return undefined("the labels do not vary")
    number = sample.unexplained
    # Spread of the labels hides a tail of the errors, and has one itself.
    if reason := _no_interval_of_squares(rows, sample.mean_squared_error.influence, number.influence):
        return Estimate(1 - number.value, note=reason)
    largest = float(np.abs(number.influence).max())
    below, above = half_widths(spread(number.influence, largest), sample.confidence)
    upper = min(1 - number.value + below, 1.0)
    return Estimate(1 - number.value, 1 - number.value - above, upper, "t, widened for skewness")


def _no_interval_of_squares(rows: int, *influences: Floats) -> str:
    """Why squared errors have no interval; empty where they have."""
    if not np.any(influences[0]):
        return NO_ERROR
    if rows < FEWEST_SQUARED:
        return (
            f"no interval: {counted(rows, 'rows')}, needed are {FEWEST_SQUARED} where errors are squared, "
            "since fewer mostly do not show a tail that outweighs them; judge mae or a quantile loss instead"
        )
    return HEAVY_TAIL if any(heavy_tailed(one, HEAVY_ALONE) for one in influences) else ""
