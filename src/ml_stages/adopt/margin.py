"""How much worse than the published model a new one may be, before anybody has said it."""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

from ml_stages.adopt.task import Task
from ml_stages.data.profile import ColumnProfile

_POINTS = 0.02
_OF_MIDDLE_HALF, _OF_DEVIATION = 0.015, 0.02
"""As much as each other where the label is normally distributed."""


class Margin(NamedTuple):
    """A metric, the loss of it that still passes, and how that loss was chosen."""

    metric: str
    loss: float
    why: str = ""


def margin_for(task: Task, label: ColumnProfile | None) -> Margin:
    """Of classes two points of balanced accuracy, of sets of labels as much of F1 over all decisions.

    Of numbers it is a small part of how far the labels lie apart. They are judged by their absolute errors:
    squared ones (RMSE, R2) have no interval where a few rows carry them, as prices, times and counts often
    do, and two equal models would then block each other.
    """
    if task == "classification":
        return Margin("balanced_accuracy", _POINTS)
    if task == "multilabel":
        return Margin("f1_micro", _POINTS)
    if width := _middle_half(label):
        return Margin("mae", _two_digits(_OF_MIDDLE_HALF * width), "1.5 % of the label's middle half's width")
    deviation = (label and label.std) or 0.0
    if deviation > 0 and isfinite(deviation):
        return Margin("mae", _two_digits(_OF_DEVIATION * deviation), "2 % of the label's standard deviation")
    return Margin("mae", _POINTS)


def _middle_half(label: ColumnProfile | None) -> float:
    """How far its quarters lie apart; 0 where half of the labels are the same, or it is not known."""
    numbers = label and label.distribution and label.distribution.numbers
    width = numbers.quantile(0.75) - numbers.quantile(0.25) if numbers else 0.0
    return width if isfinite(width) else 0.0


def _two_digits(number: float) -> float:
    return float(f"{number:.2g}")
