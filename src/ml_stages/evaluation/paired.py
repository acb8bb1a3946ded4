"""The estimators of paired comparisons: candidate minus baseline on the same rows.

Percentile, BCa and studentised bootstraps and Wald intervals are left out on purpose: at 500 rows,
5 % positives and harm that shows on one or two rows, all of them let a harmful candidate through in
28 % of cases at a nominal 5 %.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation import counts
from ml_stages.evaluation.estimate import Difference
from ml_stages.evaluation.estimators import FEWEST, HEAVY_TAIL, NO_ERROR, smallest_side
from ml_stages.evaluation.influence import (
    HEAVY_ALONE,
    HEAVY_PAIRED,
    bounds_of,
    heavy_tailed,
    spread,
    tail_dominates,
)
from ml_stages.evaluation.losses import mean
from ml_stages.evaluation.other_labels import room_of_difference
from ml_stages.evaluation.proportions import tango
from ml_stages.evaluation.quantiles import drawn_quantile
from ml_stages.evaluation.ranking import Influenced
from ml_stages.evaluation.sample import ClassifiedPair, MeasuredPair, MeasuredSample
from ml_stages.evaluation.unseen import lost, worst_loss
from ml_stages.evaluation.unseen_share import reaching
from ml_stages.report.numbers import counted

Floats = counts.Floats
_FARTHER = 1.5
"""Chosen by simulation: how many times as bad as the worst a row may be that was not seen."""
Bools = NDArray[np.bool_]


def accuracy(pair: ClassifiedPair) -> Difference:
    """Compare which rows each model gets right."""
    cells = pair.cells
    return _proportion(pair, cells.candidate == cells.truth, cells.baseline == cells.truth)


def recall(pair: ClassifiedPair) -> Difference:
    """Compare among the positive rows, which are the same for both models."""
    cells = pair.cells
    return _proportion(pair, cells.candidate == 1, cells.baseline == 1, among=cells.truth == 1)


def specificity(pair: ClassifiedPair) -> Difference:
    """Compare among the negative rows, which are the same for both models."""
    cells = pair.cells
    return _proportion(pair, cells.candidate != 1, cells.baseline != 1, among=cells.truth == 0)


def selection_rate(pair: ClassifiedPair) -> Difference:
    cells = pair.cells
    return _proportion(pair, cells.candidate == 1, cells.baseline == 1)


def _proportion(
    pair: ClassifiedPair, candidate: Bools, baseline: Bools, among: Bools | None = None
) -> Difference:
    """Tango's interval; each model has the property in the cells where it is true."""
    counts = pair.cells.counts if among is None else pair.cells.counts * among
    gained, lost = int(counts[candidate & ~baseline].sum()), int(counts[baseline & ~candidate].sum())
    rows = int(counts.sum())
    if rows == 0:
        return Difference(0.0, note="no interval: no rows")
    lower, upper = tango(gained, lost, rows, pair.confidence)
    return Difference((gained - lost) / rows, float(lower), float(upper), "Tango score", gained + lost)


def dirichlet(metric: counts.CountMetric) -> Callable[[ClassifiedPair], Difference]:
    """A comparison by random tables over the joint cells of label and both predictions.

    Dirichlet with the counts as parameters, and for each bound one more row in the worst place: a row
    that the candidate lost for the lower one, that it gained for the upper one. What was not seen may
    still exist. This is the gamma interval of Fay and Feuer, Stat. Med. 16:791 (1997), for sums of
    weighted counts, melded as by Fay, Proschan and Brittain, Biometrics 71:146 (2015).
    """

    def compare(pair: ClassifiedPair) -> Difference:
        ours, theirs = pair.margins
        value = float(metric(ours)) - float(metric(theirs))
        loss, gain = worst_loss(metric, ours, theirs), worst_loss(metric, theirs, ours)
        low = np.concatenate([lost(metric, draws, loss) for draws in pair.draws])
        high = np.concatenate([-lost(metric, draws.exchanged(), gain) for draws in pair.draws])
        tail = (1 - pair.confidence) / 2
        lower, upper = drawn_quantile(low, tail), drawn_quantile(high, 1 - tail)
        method = "Dirichlet over the joint cells, melded"
        # The draws lean towards what was not seen: far out they may pass by the value itself.
        return Difference(value, min(lower, value), max(upper, value), method, pair.differing)

    return compare


def roc_auc(pair: ClassifiedPair) -> Difference:
    number = _minus(pair.candidate.roc_auc, pair.baseline.roc_auc)
    return _ranked(pair, number, "DeLong, paired")


def pr_auc(pair: ClassifiedPair) -> Difference:
    number = _minus(pair.candidate.average_precision, pair.baseline.average_precision)
    return _ranked(pair, number, "infinitesimal jackknife, paired")


def _ranked(pair: ClassifiedPair, number: Influenced, method: str) -> Difference:
    few = smallest_side(pair.candidate)
    if few < FEWEST:
        return Difference(
            number.value, note=f"no interval: {counted(few, 'rows')} on the rarer side, needed are {FEWEST}"
        )
    return _from_influence(number, 1 / few, pair.confidence, method)


def log_loss(pair: ClassifiedPair) -> Difference:
    """Student's t on row differences, and room for mistakes that cost one model more, and that none made."""
    mine, theirs = pair.candidate.log_losses.all(), pair.baseline.log_losses.all()
    found = mean_difference(mine, theirs, pair.confidence, None)
    if found.lower is None or found.upper is None:
        return found
    room = room_of_difference(pair.candidate, pair.baseline, (1 - pair.confidence) / 2)
    lower, upper = reaching(found.value, (found.lower, found.upper), room)
    return replace(found, lower=lower, upper=upper)


def brier(pair: ClassifiedPair) -> Difference:
    largest = 1.0 if len(pair.candidate.rows.classes) == 2 else 2.0
    mine, theirs = pair.candidate.brier_losses.all(), pair.baseline.brier_losses.all()
    return mean_difference(mine, theirs, pair.confidence, largest)


def mae(pair: MeasuredPair) -> Difference:
    return measured_difference(pair, pair.candidate.errors, pair.baseline.errors)


def measured_difference(pair: MeasuredPair, candidate: Floats, baseline: Floats) -> Difference:
    """That of losses made of errors: where predictions lie heavily apart, worse may come than was seen.

    A candidate with lognormal errors of its own, worse by the margin, passed in 3.2 % among 500 rows.
    """
    farther = _FARTHER if differ_heavily(pair.candidate, pair.baseline) else 1.0
    return mean_difference(candidate, baseline, pair.confidence, None, farther)


def mean_difference(
    candidate: Floats, baseline: Floats, confidence: float, largest: float | None, farther: float = 1.0
) -> Difference:
    """Student's t on row differences; ``largest`` is the most one row can do, else the worst loss seen.

    ``farther``: how many times as much.
    """
    rows = len(candidate)
    number = mean(candidate - baseline)
    if rows < FEWEST:
        return Difference(number.value, note=f"no interval: {counted(rows, 'rows')}, needed are {FEWEST}")
    worst = farther * max(float(candidate.max()), float(baseline.max())) if largest is None else largest
    if worst == 0:
        return Difference(number.value, note=NO_ERROR)
    note = "heavy tail: few rows decide" if tail_dominates(number.influence) else ""
    return _from_influence(number, worst / rows, confidence, "paired t", note)


def rmse(pair: MeasuredPair) -> Difference:
    """By the delta method; a row that was not seen may be lost by one model alone."""
    sides = (pair.candidate, pair.baseline)
    roots = [float(np.sqrt(side.mean_squared_error.value)) for side in sides]
    slopes = [1 / (2 * root) if root > 0 else 0.0 for root in roots]
    one, other = (
        Influenced(root, side.mean_squared_error.influence * slope)
        for root, side, slope in zip(roots, sides, slopes, strict=True)
    )
    lost = max(_lost_square(side) * slope for side, slope in zip(sides, slopes, strict=True))
    return _squared(pair, _minus(one, other), lost)


def r2(pair: MeasuredPair) -> Difference:
    """The same, of squared errors over the labels' variance."""
    lost = max(_lost_square(side) for side in (pair.candidate, pair.baseline))
    number = _minus(pair.baseline.unexplained, pair.candidate.unexplained)
    return _squared(pair, number, lost / float(pair.candidate.rows.truth.var()))


def _lost_square(sample: MeasuredSample) -> float:
    """The squared error of a row that is lost: of the mean label, or as in the worst quarter of the rows.

    None is worse than the worst of all, which itself is no measure: under noise with heavy tails that both
    models meet it would make intervals of equal ones three to twenty times as wide.
    """
    squares = np.square(sample.errors)
    others = 3 * squares.size // 4
    quarter = float(np.partition(squares, others)[others:].mean())
    return min(max(quarter, float(sample.rows.truth.var())), float(squares.max()))


def _squared(pair: MeasuredPair, number: Influenced, lost: float) -> Difference:
    """``lost`` is how much of the number a row makes up that one of the models loses, times the rows."""
    if (rows := len(pair.candidate.rows)) < FEWEST:
        return Difference(number.value, note=f"no interval: {counted(rows, 'rows')}, needed are {FEWEST}")
    if lost == 0:
        return Difference(number.value, note=NO_ERROR)
    if heavy_tailed(number.influence, HEAVY_PAIRED) or differ_heavily(pair.candidate, pair.baseline):
        return Difference(number.value, note=HEAVY_TAIL)
    # Predictions that are equal, or nearly, say nothing of rows where they are not.
    largest = max(float(np.abs(number.influence).max()), lost / rows)
    return _from_influence(number, largest, pair.confidence, "paired delta method")


def differ_heavily(candidate: MeasuredSample, baseline: MeasuredSample) -> bool:
    """Whether the predictions themselves differ by amounts with a heavy tail, on the rows where they do.

    A tail that one model alone has shows there first: beside errors that both share it is hidden until a row
    far out is drawn, and the model passes until then.
    """
    one, other = candidate.rows, baseline.rows
    apart = (one.truth - one.predicted) - (other.truth - other.predicted)
    apart = apart[apart != 0]
    return apart.size > 0 and heavy_tailed(mean(np.square(apart)).influence, HEAVY_ALONE)


def _minus(candidate: Influenced, baseline: Influenced) -> Influenced:
    return Influenced(candidate.value - baseline.value, candidate.influence - baseline.influence)


def _from_influence(
    number: Influenced, unseen: float, confidence: float, method: str, note: str = ""
) -> Difference:
    found = bounds_of(number.value, spread(number.influence, unseen), confidence)
    method = f"{method}, widened for rare jumps"
    return Difference(number.value, found.lower, found.upper, method, note=note, deviation=found.deviation)
