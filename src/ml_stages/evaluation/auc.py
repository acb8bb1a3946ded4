"""Interval of one AUC."""

from __future__ import annotations

from math import exp, log, sqrt

from ml_stages.evaluation.influence import Moments, Summary
from ml_stages.evaluation.quantiles import normal_quantile, t_quantile
from ml_stages.evaluation.shares import nearly_upper

_ENOUGH = 10
_NONE = 1e-18
"""A variance that is only rounding."""
_SHOWN = 0.5
"""Part of the skewness that the sample shows; chosen by simulation."""


def auc_interval(auc: Summary, rarer: int, confidence: float) -> tuple[float, float, str]:
    """Lower and upper bound, and by which method.

    DeLong's variance, by Student's t of the ``rarer`` rows: the bound nearer to 0.5 on the logit scale, or
    with one more row ranked below all else where that is farther out, since a few such rows lower an AUC
    much and are often not among 25. The other bound on the logit scale, too, where at least ten of the
    rarer rows are ranked wrongly on average; with fewer that variance is small just where the AUC came out
    too high, and the bound is that of a share of as many rows as the variance is worth.
    """
    value, found = float(auc.value), auc.moments
    if value < 0.5:  # the classes exchanged
        lower, upper, method = _of_high(1 - value, found.scaled(-1), rarer, confidence)
        return 1 - upper, 1 - lower, method
    return _of_high(value, found, rarer, confidence)


def _of_high(value: float, found: Moments, rarer: int, confidence: float) -> tuple[float, float, str]:
    z, t = normal_quantile(confidence), t_quantile(confidence, rarer - 1)
    least = max(_with_one_more(value, found, z / t * value / rarer, t), 0.0)
    if rarer * (1 - value) >= _ENOUGH and found.squared > _NONE:
        lower, upper = _logit(value, t * sqrt(found.squared))
        return min(lower, least), upper, "DeLong, logit scale, or with one more row ranked wrongly"
    method = "DeLong with one more row ranked wrongly, upper bound as of a share"
    if value == 1:
        return least, 1.0, method
    lower = _logit(value, t * sqrt(found.squared))[0] if found.squared > _NONE else least
    return min(lower, least), _as_share(value, found.squared, rarer, z, t), method


def _logit(value: float, half: float) -> tuple[float, float]:
    centre, half = log(value / (1 - value)), half / (value * (1 - value))
    return 1 / (1 + exp(min(half - centre, 700))), 1 / (1 + exp(-half - centre))


def _with_one_more(value: float, found: Moments, row: float, t: float) -> float:
    """The lower bound where the variance has one more row, which ranks below all else and counts so much.

    The number of such rows varies as a Poisson count, whose variance is thus taken for one more than is seen.
    """
    variance = found.squared + row**2
    shift = t * t * _SHOWN * max(-found.cubed, 0.0) / variance / 2
    return value - shift - sqrt(shift**2 + t * t * variance)


def _as_share(value: float, variance: float, rarer: int, z: float, t: float) -> float:
    """Clopper and Pearson's upper bound of a share of as many rows as the variance is worth.

    Korn and Graubard, Surv. Methodol. 24:193 (1998). On the logit scale it is too low where few are wrong.
    Where nothing varies the rarer rows themselves are the share's.
    """
    worth = value * (1 - value) / variance * (z / t) ** 2 if variance > _NONE else rarer
    upper = nearly_upper(value * worth, (1 - value) * worth, z)
    return upper if upper > value else 1.0  # a great z and few rows leave no bound
