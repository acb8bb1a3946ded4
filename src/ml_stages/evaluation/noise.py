"""Intervals that hold although some labels are wrong.

Wrong labels pull every comparison towards no difference, so that a harmful candidate looks equal: at
500 rows, 5 / 10 % wrong labels let it through in 11 / 20 % of runs at a nominal 5 %. Where labels are
wrong independently of the models, given the true class, the numbers on noisy labels are a known linear
function of those on true ones: accuracy by counting; balanced accuracy and ROC AUC of two classes by
Menon, van Rooyen, Ong and Williamson, ICML 2015. Each interval is widened to hold the truth for every
share of wrong labels from 0 to the one given; the values stay those on the labels as they are. Other
metrics get no interval: what wrong labels hide from them is not known.
"""

from __future__ import annotations

import numpy as np

from ml_stages.evaluation.estimate import Judged
from ml_stages.evaluation.metrics_report import Comparison, Metric
from ml_stages.evaluation.rows import Classified

_LABEL_FREE = ("selection_rate",)
_ACCURACIES = ("accuracy", "f1_micro")
_AFFINE = ("balanced_accuracy", "roc_auc")


def widened(judged: Judged, rows: Classified, share: float) -> Judged:
    """The same numbers with intervals that hold for up to a ``share`` of wrong labels."""
    return Judged(
        [_metric(metric, rows, share) for metric in judged.metrics],
        [_comparison(comparison, rows, share) for comparison in judged.comparisons],
    )


def _metric(metric: Metric, rows: Classified, share: float) -> Metric:
    if metric.name in _LABEL_FREE or metric.lower is None or metric.upper is None:
        return metric
    line = _line(metric.name, rows, share)
    if line is None:
        return metric.model_copy(update={"lower": None, "upper": None, "note": _unknown(metric.name, share)})
    kept, fixed = line
    bounds = {
        "lower": max(min(metric.lower, fixed + (metric.lower - fixed) / kept), 0.0),
        "upper": min(max(metric.upper, fixed + (metric.upper - fixed) / kept), 1.0),
    }
    return metric.model_copy(update={**bounds, "method": _method(metric.method, share)})


def _comparison(comparison: Comparison, rows: Classified, share: float) -> Comparison:
    if comparison.metric in _LABEL_FREE or comparison.lower is None or comparison.upper is None:
        return comparison
    line = _line(comparison.metric, rows, share)
    if line is None:
        unknown = {"lower": None, "upper": None, "note": _unknown(comparison.metric, share)}
        return comparison.model_copy(update=unknown)
    kept = line[0]
    bounds = {
        "lower": max(min(comparison.lower, comparison.lower / kept), -1.0),
        "upper": min(max(comparison.upper, comparison.upper / kept), 1.0),
    }
    return comparison.model_copy(update={**bounds, "method": _method(comparison.method, share)})


def _line(name: str, rows: Classified, share: float) -> tuple[float, float] | None:
    """How much of a difference the wrong labels leave, and the value that they do not move."""
    classes = len(rows.classes)
    if name in _ACCURACIES:
        kept = 1 - share * classes / (classes - 1)
        return (kept, 1 / classes) if kept > 0 else None
    if name in _AFFINE and classes == 2:
        kept = _kept_between_classes(float(np.mean(rows.truth)), share)
        return (kept, 0.5) if kept > 0 else None
    return None


def _kept_between_classes(positive: float, share: float) -> float:
    """1 minus the shares of wrong labels among the labelled positives and among the labelled negatives."""
    if not share < positive < 1 - share:
        return 0.0
    truly = (positive - share) / (1 - 2 * share)
    return 1 - share * (1 - truly) / positive - share * truly / (1 - positive)


def _method(method: str, share: float) -> str:
    return f"{method}, widened for up to {share:.1%} wrong labels"


def _unknown(name: str, share: float) -> str:
    return (
        f"no interval: what {share:.1%} wrong labels hide from {name} is not known; judge accuracy, or "
        "balanced_accuracy or roc_auc of two classes"
    )
