"""Interval of one AUC."""

from __future__ import annotations

from math import exp, log, sqrt

from ml_stages.evaluation.influence import Moments, Summary
from ml_stages.evaluation.quantiles import normal_quantile, t_quantile
from ml_stages.evaluation.shares import nearly_upper
from ml_stages.evaluation.unseen_share import beside, unseen_share

_ENOUGH = 10
_NONE = 1e-18
"""A variance that is only rounding."""
_SHOWN = 0.5
"""Part of the skewness that the sample shows; chosen by simulation."""
_HIDDEN = 0.8
"""Part of the error that goes to rows which rank below all else, where none of them was drawn; likewise.

The rest is needed where the AUC came out too low.
"""


def auc_interval(auc: Summary, rarer: int, confidence: float) -> tuple[float, float, str]:
    """Lower and upper bound, and by which method.

    DeLong's variance, by Student's t of the ``rarer`` rows: the bound nearer to 0.5 on the logit scale, or
    where that is farther out allowing for rows that rank below all else and were not drawn. The other bound
    on the logit scale, too, where at least ten of the rarer rows are ranked wrongly on average; with fewer
    that variance is small just where the AUC came out too high, and the bound is that of a share of as many
    rows as the variance is worth.
    """
    value, found = float(auc.value), auc.moments
    if value < 0.5:  # the classes exchanged
        lower, upper, method = _of_high(1 - value, found.scaled(-1), rarer, confidence)
        return 1 - upper, 1 - lower, method
    return _of_high(value, found, rarer, confidence)


def _of_high(value: float, found: Moments, rarer: int, confidence: float) -> tuple[float, float, str]:
    z, t = normal_quantile(confidence), t_quantile(confidence, rarer - 1)
    least = max(value - beside(_half(found, t), value * unseen_share(rarer, _HIDDEN * (1 - confidence))), 0.0)
    if rarer * (1 - value) >= _ENOUGH and found.squared > _NONE:
        lower, upper = _logit(value, t * sqrt(found.squared))
        return min(lower, least), upper, "DeLong, logit scale, or allowing for rows below all else"
    method = "DeLong allowing for rows below all else, upper bound as of a share"
    if value == 1:
        return least, 1.0, method
    lower = _logit(value, t * sqrt(found.squared))[0] if found.squared > _NONE else least
    return min(lower, least), _as_share(value, found.squared, rarer, z, t), method


def _logit(value: float, half: float) -> tuple[float, float]:
    centre, half = log(value / (1 - value)), half / (value * (1 - value))
    return 1 / (1 + exp(min(half - centre, 700))), 1 / (1 + exp(-half - centre))


def _half(found: Moments, t: float) -> float:
    """From the value down, with a part of the skewness that the sample shows."""
    if found.squared <= _NONE:
        return 0.0
    shift = t * t * _SHOWN * max(-found.cubed, 0.0) / found.squared / 2
    return shift + sqrt(shift**2 + t * t * found.squared)


def _as_share(value: float, variance: float, rarer: int, z: float, t: float) -> float:
    """Clopper and Pearson's upper bound of a share of as many rows as the variance is worth.

    Korn and Graubard, Surv. Methodol. 24:193 (1998). On the logit scale it is too low where few are wrong.
    Where nothing varies the rarer rows themselves are the share's.
    """
    worth = value * (1 - value) / variance * (z / t) ** 2 if variance > _NONE else rarer
    upper = nearly_upper(value * worth, (1 - value) * worth, z)
    return upper if upper > value else 1.0  # a great z and few rows leave no bound
