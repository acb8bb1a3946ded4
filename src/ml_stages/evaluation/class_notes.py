"""What people should know of the classes behind the numbers, since no average shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.classes import FEW_STRANGE, STRANGE_SHARE
from ml_stages.evaluation.metrics_report import ClassCount
from ml_stages.evaluation.rows import Classified, Floats
from ml_stages.report.numbers import counted, listed

Bools = NDArray[np.bool_]
_NAMED = 5
_MOSTLY = 0.5
"""Share of the rows predicted as a class, below which that class is seldom the most probable one there."""
_ONE_CLASS = (
    "every row of the holdout has the label {!r}: a model that always predicts it is right everywhere, and "
    "nothing shows whether this one tells the classes apart"
)
_CONTRADICTED = (
    "rows that are predicted as {} have a lower probability of that class than other rows, and mostly another"
    " class as the most probable one: classes_ is hardly in the order of predict_proba's columns, which no"
    " metric of the predictions alone shows; a gate on roc_auc or log_loss does"
)


def class_notes(classes: Sequence[ClassCount], rows: int) -> list[str]:
    """Notes on classes that the holdout, the model or the baseline lacks; ``rows`` is the holdout's size."""
    occurring = [found for found in classes if found.rows]
    if len(occurring) == 1:
        return [_ONE_CLASS.format(occurring[0].label)]
    never = [found for found in occurring if not found.predicted]
    lost = [found for found in occurring if found.baseline_predicted == 0 and found.predicted]
    return [*_never_predicted(never, rows), *_unknown_to_the_baseline(lost, rows)]


def _never_predicted(never: list[ClassCount], rows: int) -> Iterator[str]:
    if never:
        yield (
            f"no row is predicted as {_names(never)}, the label of {_of(never, rows)}; "
            "the gate class-collapse stops such a model"
        )


def _unknown_to_the_baseline(lost: list[ClassCount], rows: int) -> Iterator[str]:
    """A class that came after the baseline: whatever the model predicts there is a gain."""
    if _count(lost) > max(FEW_STRANGE, STRANGE_SHARE * rows):
        yield (
            f"the baseline predicts no row as {_names(lost)}, the label of {_of(lost, rows)}, which all "
            "count as its mistakes: what this model loses on other classes may be hidden behind them"
        )


def probability_notes(rows: Classified) -> list[str]:
    """A note where the probabilities mean other classes than the predictions do.

    A decision by another threshold than a half, or by costs, keeps the order: rows that are predicted as a
    class have more of its probability than others.
    """
    if rows.matrix is None:
        return []
    likeliest = rows.matrix.argmax(axis=1)
    wrong = [
        repr(name)
        for code, name in enumerate(rows.classes)
        if _is_contradicted(rows.predicted == code, rows.matrix[:, code], likeliest == code)
    ]
    return [_CONTRADICTED.format(listed(wrong, _NAMED))] if wrong else []


def _is_contradicted(chosen: Bools, probability: Floats, is_likeliest: Bools) -> bool:
    """Whether rows predicted as a class are less likely of it than others, and mostly likelier of another."""
    if not chosen.any() or chosen.all():
        return False
    is_lower = probability[chosen].mean() < probability[~chosen].mean()
    return bool(is_lower and is_likeliest[chosen].mean() < _MOSTLY)


def _names(classes: list[ClassCount]) -> str:
    return listed([repr(found.label) for found in classes], _NAMED)


def _count(classes: list[ClassCount]) -> int:
    return sum(found.rows for found in classes)


def _of(classes: list[ClassCount], rows: int) -> str:
    return f"{_count(classes):,} of {counted(rows, 'rows')}"
