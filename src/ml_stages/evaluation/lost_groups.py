"""What a group of rows may change that no sample holds yet, and of which one model loses every row.

A row can lose no more than its own class lets it: of recall a negative row loses nothing, so that a group of
ten rows, of which one is positive, is no loss of ten positives. How a group is made up is taken from those
groups that have most to lose.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml_stages.evaluation.counts import CountMetric
from ml_stages.evaluation.influence import Floats, Groups
from ml_stages.evaluation.ranking import Influenced
from ml_stages.evaluation.sample import ClassifiedSample

_STEP = 1e-4
_PART = 0.25
"""Part of the rows that is in the groups which have most to lose; chosen by simulation."""
_WORST = {"pr_auc": 0.05}
"""Part of a class's rows that are ranked as lost ones are, else ``_PART``; chosen likewise. Of PR AUC fewer,
since lost rows of the common class come before most positives, and lower it by more than each would alone."""


def cell_slopes(metric: CountMetric, sample: ClassifiedSample) -> Floats:
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


def lost_by_count(metric: CountMetric, sample: ClassifiedSample) -> Floats:
    """By row, how far the best and the worst prediction of its label lie apart."""
    return np.asarray(np.ptp(cell_slopes(metric, sample)[:, :-1], axis=1)[sample.rows.truth])


def lost_by_rank(name: str, sample: ClassifiedSample, number: Influenced) -> Floats:
    """By row, from the best of its class to where rows are that the model takes for another class.

    Or to the worst rows of the class, where those are worse. Where no row of the class is taken for another,
    half of the metric is said to be lost with all of them.
    """
    lost = np.zeros(len(sample.rows))
    wrong = sample.rows.predicted != sample.rows.truth
    for code in range(len(sample.rows.classes)):
        mine = sample.rows.truth == code
        if rows := int(mine.sum()):
            found, taken = number.influence[mine], number.influence[mine & wrong]
            few = max(int(rows * _WORST.get(name, _PART)), 1)
            worst = float(np.partition(found, few - 1)[:few].mean())
            others = float(taken.mean()) if taken.size else -number.value / (2 * rows)
            lost[mine] = found.max() - min(worst, others)
    return lost


def of_a_group(lost: Floats, groups: Groups) -> float:
    """What a group of mean size loses that is made up as those are which have most to lose."""
    sizes = np.bincount(groups)
    whole = np.bincount(groups, weights=lost)
    order = np.argsort(-whole / sizes, kind="stable")
    few = int(np.searchsorted(np.cumsum(sizes[order]), _PART * groups.size)) + 1
    most = order[:few]
    return float(whole[most].sum() / sizes[most].sum() * groups.size / sizes.size)
