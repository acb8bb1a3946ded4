"""Interval of one AUC."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt

from ml_stages.evaluation.influence import Summary
from ml_stages.evaluation.quantiles import normal_quantile, t_quantile
from ml_stages.evaluation.shares import nearly_upper

_ENOUGH = 10
_HALVINGS = 52
_NONE = 1e-18
"""A variance that is only rounding."""


def auc_interval(auc: Summary, rarer: int, rows: int, confidence: float) -> tuple[float, float, str]:
    """Lower and upper bound, and by which method.

    DeLong's variance on the logit scale, by Student's t of the ``rarer`` rows, where at least ten of those
    are ranked wrongly on average. With fewer, that variance is small just where the AUC came out too high,
    and Newcombe's method 5 fits only scores that spread alike in both classes, and misses up to 14 % where
    the positives' spread twice as far: the bound that is farther out of the two.
    """
    value, variance = float(auc.value), float(auc.moments.squared)
    if value < 0.5:  # the classes exchanged
        lower, upper, method = _of_high(1 - value, variance, rarer, rows, confidence)
        return 1 - upper, 1 - lower, method
    return _of_high(value, variance, rarer, rows, confidence)


def _of_high(
    value: float, variance: float, rarer: int, rows: int, confidence: float
) -> tuple[float, float, str]:
    z, t = normal_quantile(confidence), t_quantile(confidence, rarer - 1)
    if rarer * (1 - value) >= _ENOUGH:
        return *_logit(value, t * sqrt(variance)), "DeLong, logit scale"
    lower, upper = newcombe(value, rarer, rows - rarer, z)
    if variance < _NONE or value == 1:
        return lower, upper, "Newcombe's method 5"
    least, most = _logit(value, t * sqrt(variance))[0], _as_share(value, variance, z, t)
    return min(lower, least), max(upper, most), "Newcombe's method 5, or DeLong's variance where wider"


def _logit(value: float, half: float) -> tuple[float, float]:
    centre, half = log(value / (1 - value)), half / (value * (1 - value))
    return 1 / (1 + exp(min(half - centre, 700))), 1 / (1 + exp(-half - centre))


def _as_share(value: float, variance: float, z: float, t: float) -> float:
    """Clopper and Pearson's upper bound of a share of as many rows as the variance is worth.

    Korn and Graubard, Surv. Methodol. 24:193 (1998). On the logit scale it is too low where few are wrong.
    """
    worth = value * (1 - value) / variance * (z / t) ** 2
    return nearly_upper(value * worth, (1 - value) * worth, z)


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
