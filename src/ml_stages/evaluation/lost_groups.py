"""What a group of rows may change that no sample holds yet, and of which one model loses every row.

A row can lose no more than its own class lets it: of recall a negative row loses nothing, so that a group of
ten rows, of which one is positive, is no loss of ten positives. How a group is made up is taken from those
groups that have most to lose. Of rankings the worst is that groups rank beyond all others, on the wrong side.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_stages.evaluation.catalogue import Task, parameter
from ml_stages.evaluation.contributions import cell_slopes
from ml_stages.evaluation.counts import Codes, CountMetric
from ml_stages.evaluation.influence import Floats, Groups, by_group, moments
from ml_stages.evaluation.parametrised import class_code
from ml_stages.evaluation.quantiles import normal_quantile
from ml_stages.evaluation.ranking import Bools, Influenced, Ranking
from ml_stages.evaluation.sample import ClassifiedSample
from ml_stages.evaluation.unseen_share import unseen_share

RANKINGS = ("roc_auc", "pr_auc")
_PART = 0.25
"""Part of the rows that is in the groups which have most to lose; chosen by simulation."""


def lost_by_count(metric: CountMetric, sample: ClassifiedSample) -> Floats:
    """By row, how far the best and the worst prediction of its label lie apart."""
    return np.asarray(np.ptp(cell_slopes(metric, sample)[:, :-1], axis=1)[sample.rows.truth])


def beyond_all_others(name: str, sample: ClassifiedSample, number: Influenced, groups: Groups) -> float:
    """How far ROC AUC or PR AUC falls by groups ranked beyond all others, if as many exist as may go undrawn.

    That is the largest share of groups of which none is drawn with the chance of an error on one side. The
    higher the metric, the farther it falls: it is taken for one standard error higher than it came out.
    """
    share = unseen_share(int(groups.max()) + 1, (1 - sample.confidence) / 2)
    falls = [
        max(_fall(name, ranking, *lost) for lost in lost_of_classes(ranking.positive, groups, share))
        for ranking in sample.rankings
    ]
    error = float(np.sqrt(moments(by_group(number.influence, groups)).squared))
    return float(np.mean(falls)) * (1 + error / number.value) if number.value else 0.0


def _fall(name: str, ranking: Ranking, positives: float, negatives: float) -> float:
    """Where such shares of either class rank beyond all others, on the wrong side."""
    if name == "roc_auc":
        return ranking.roc_auc.value * (1 - (1 - positives) * (1 - negatives))
    return ranking.average_precision.value - ranking.sorted.average_precision_without(positives, negatives)


def lost_of_classes(positive: Bools, groups: Groups, share: float) -> list[tuple[float, float]]:
    """Of positive and of negative rows, what is lost with a share of the groups.

    These may be made up as all rows are, as the others are in the group of a positive row, or in that of a
    negative one: where a few groups hold all the positives, a few groups lose them.
    """
    rate, sizes = float(positive.mean()), np.bincount(groups)
    hits = np.bincount(groups, weights=positive)
    rates = [rate]
    for own, others in ((hits, hits - 1), (sizes - hits, hits)):
        if (pairs := float(own @ (sizes - 1))) > 0:
            rates.append(float(own @ others) / pairs)
    return [(min(share * one / rate, 1.0), min(share * (1 - one) / (1 - rate), 1.0)) for one in rates]


def of_a_group(lost: Floats, groups: Groups) -> float:
    """What a group of mean size loses that is made up as those are which have most to lose."""
    sizes = np.bincount(groups)
    whole = np.bincount(groups, weights=lost)
    order = np.argsort(-whole / sizes, kind="stable")
    few = int(np.searchsorted(np.cumsum(sizes[order]), _PART * groups.size)) + 1
    most = order[:few]
    return float(whole[most].sum() / sizes[most].sum() * groups.size / sizes.size)


def of_a_class(lost: Floats, truth: Codes, groups: Groups, confidence: float) -> float:
    """How large one loss of a group's rows of a class is taken for, of the class of which that is most.

    Where few groups hold all positives, so large that a sample without a lost group leaves room for as many
    as may go undrawn. Groups of unequal parts count as many equal ones that say as much.
    """
    classes = (truth == code for code in np.unique(truth))
    wholes = [np.bincount(groups[rows], weights=lost[rows]).astype(float) for rows in classes]
    return max(_undrawn(whole, (1 - confidence) / 2) for whole in wholes) / normal_quantile(confidence) ** 2


def _undrawn(whole: Floats, error: float) -> float:
    """What is lost with the largest share of the groups of which none is drawn with such a chance."""
    total = float(whole.sum())
    return total * unseen_share(total**2 / float(np.sum(whole**2)), error) if total else 0.0


def part_of_one_group(name: str, sample: object, groups: Groups, *, is_ranked: bool) -> float:
    """The part of a group in the rows that a share counts, or with ``is_ranked`` a ranking; 0 for others.

    Where few groups hold all positives, few decide the recall, however many there are without any. Of
    groups of unequal parts it is that of as many equal ones as would say as much.
    """
    if not isinstance(sample, ClassifiedSample):
        return 0.0
    truth, predicted = sample.rows.truth, sample.rows.predicted
    present = [int(code) for code in np.flatnonzero(sample.margins.truth)]
    if name in RANKINGS:
        return max(_part_of_one(truth == code, groups) for code in present) if is_ranked else 0.0
    kind, codes = _shares_of(name, sample, present)
    chosen: dict[str, Callable[[int], Bools]] = {
        "recall": lambda code: truth == code,
        "precision": lambda code: predicted == code,
        "f1": lambda code: (truth == code) | (predicted == code),
    }
    return float(np.mean([_part_of_one(chosen[kind](code), groups) for code in codes])) if codes else 0.0


def _shares_of(name: str, sample: ClassifiedSample, present: list[int]) -> tuple[str, list[int]]:
    """What a metric is a share of, and of which classes it is the mean: of none for any other metric."""
    if (parts := parameter(name)) is not None:
        code = None if parts.number is not None else class_code(parts, sample.rows.classes)
        return parts.kind, [] if code is None else [code]
    positive = [1] if sample.rows.task is Task.BINARY else present
    known = {
        "recall": ("recall", positive),
        "specificity": ("recall", [0]),
        "balanced_accuracy": ("recall", present),
        "precision": ("precision", positive),
        "f1": ("f1", positive),
        "f1_macro": ("f1", present),
    }
    return known.get(name, (name, []))


def _part_of_one(chosen: Bools, groups: Groups) -> float:
    if not chosen.any():
        return 0.0
    parts = np.bincount(groups[chosen]) / np.count_nonzero(chosen)
    return float(np.sum(parts**2))
