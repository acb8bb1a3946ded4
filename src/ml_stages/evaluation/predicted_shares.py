"""How often each class is predicted, and how often otherwise than by the baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation import clustered
from ml_stages.evaluation.estimate import Estimate
from ml_stages.evaluation.influence import Groups
from ml_stages.evaluation.judging import AnyRows
from ml_stages.evaluation.metrics_report import ClassCount, Metric
from ml_stages.evaluation.rows import Classified
from ml_stages.evaluation.shares import clopper_pearson

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Shares:
    """How shares of rows get their intervals: exact ones, or by groups of rows that belong together."""

    confidence: float
    groups: Groups | None = None

    def metric(self, name: str, count: int, rows: int, hits: Callable[[], Bools]) -> Metric:
        """The share of rows that have a property; which ones they are is asked for groups alone."""
        found = self._estimate(count, rows, hits)
        return found.as_metric(name, self.confidence, rows, greater_is_better=False)

    def _estimate(self, count: int, rows: int, hits: Callable[[], Bools]) -> Estimate:
        if self.groups is not None:
            return clustered.share(hits(), self.groups, self.confidence)
        lower, upper = clopper_pearson(count, rows, self.confidence)
        return Estimate(count / rows, lower, upper, "Clopper-Pearson")


def class_counts(rows: AnyRows, others: AnyRows | None, shares: Shares) -> list[ClassCount]:
    """Each class of the label; none for numbers and sets of labels."""
    if not isinstance(rows, Classified):
        return []
    theirs = others.predicted_counts if isinstance(others, Classified) else None
    predicted = [int(count) for count in rows.predicted_counts]
    return [
        ClassCount(
            label=label,
            rows=int(rows.truth_counts[code]),
            predicted=predicted[code],
            share=shares.metric(
                f"predicted[{label}]", predicted[code], len(rows), partial(np.equal, rows.predicted, code)
            ),
            baseline_predicted=None if theirs is None else int(theirs[code]),
        )
        for code, label in enumerate(rows.classes)
    ]


def disagreement(rows: AnyRows, others: AnyRows | None, shares: Shares) -> Metric | None:
    """The share of rows on which two classifiers predict different classes."""
    if not (isinstance(rows, Classified) and isinstance(others, Classified)):
        return None
    differing = rows.predicted != others.predicted
    return shares.metric("disagreement", int(np.count_nonzero(differing)), len(rows), lambda: differing)
