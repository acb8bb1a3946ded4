"""Interval of one AUC."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_stages.evaluation.influence import Summary
from ml_stages.evaluation.quantiles import normal_quantile

_ENOUGH = 10
_HALVINGS = 52


def auc_interval(auc: Summary, rarer: int, rows: int, confidence: float) -> tuple[float, float, str]:
    """Lower and upper bound, and by which method.

    DeLong's variance on the logit scale where at least ten of the ``rarer`` rows are ranked wrongly on
    average, else Newcombe's method 5: with 25 positives and a true AUC of 0.90 / 0.99 the first covers
    92 / 86 %, the second 96 / 98 %, where 95 are promised.
    """
    z = normal_quantile(confidence)
    if rarer * min(auc.value, 1 - auc.value) < _ENOUGH:
        lower, upper = newcombe(auc.value, rarer, rows - rarer, z)
        return lower, upper, "Newcombe's method 5"
    centre = np.log(auc.value / (1 - auc.value))
    half = z * np.sqrt(auc.moments.squared) / (auc.value * (1 - auc.value))
    return (
        float(1 / (1 + np.exp(half - centre))),
        float(1 / (1 + np.exp(-half - centre))),
        "DeLong, logit scale",
    )


def newcombe(auc: float, positives: int, negatives: int, z: float) -> tuple[float, float]:
    """Method 5 of Newcombe, Stat. Med. 25:559 (2006): the AUCs that a score test does not reject.

    The test takes Hanley and McNeil's variance at the hypothetical AUC, with both group sizes in it
    replaced by their mean.
    """
    others = (positives + negatives) / 2 - 1

    def accepted(true: float) -> bool:
        shape = 1 + others * ((1 - true) / (2 - true) + true / (1 + true))
        variance = true * (1 - true) * shape / (positives * negatives)
        return (auc - true) ** 2 <= z * z * variance

    return _edge(accepted, auc, 0.0), _edge(accepted, auc, 1.0)


def _edge(accepted: Callable[[float], bool], inside: float, outside: float) -> float:
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        if accepted(middle):
            inside = middle
        else:
            outside = middle
    return (outside + inside) / 2
