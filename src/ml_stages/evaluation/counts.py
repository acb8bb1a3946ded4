"""Metrics that depend on a confusion table's margins alone, for one table or for many at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.signedinteger[Any]]
"""Classes by number, in as few bytes as there are classes for."""
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Margins:
    """What the count metrics need of a confusion table, by class; leading axes are separate tables.

    ``hits`` (true and predicted), ``truth`` and ``predicted`` end in an axis of K classes; ``total``
    counts all rows, ``strange`` those predicted as a class that the labels do not have.
    """

    hits: Floats
    truth: Floats
    predicted: Floats
    total: Floats
    strange: Floats

    def plus(self, truth: Codes, predicted: Codes, amount: Floats) -> Margins:
        """The margins with more rows of a class and a prediction for it: one kind, or one a table."""
        if np.ndim(truth) == 0:
            return self._plus_one_kind(int(truth), int(predicted), amount)
        unit = np.eye(self.hits.shape[-1])
        own, said, rows = unit[truth], unit[predicted], amount[..., None]
        return Margins(
            hits=self.hits + rows * own * said,
            truth=self.truth + rows * own,
            predicted=self.predicted + rows * said,
            total=self.total + amount,
            strange=self.strange,
        )

    def _plus_one_kind(self, truth: int, predicted: int, amount: Floats) -> Margins:
        # Many tables, one column of each: without building the columns that stay.
        hits, own, said = (part.copy(order="K") for part in (self.hits, self.truth, self.predicted))
        own[..., truth] += amount
        said[..., predicted] += amount
        if truth == predicted:
            hits[..., truth] += amount
        return Margins(hits, own, said, self.total + amount, self.strange)


def _ratio(above: Floats, below: Floats) -> Floats:
    """Elementwise; 0 where both are 0, since a class that is never met adds nothing."""
    return np.divide(
        above, below, out=np.zeros(np.broadcast_shapes(above.shape, below.shape)), where=below > 0
    )


def _mean_over(values: Floats, valid: NDArray[np.bool_]) -> Floats:
    return _ratio(np.sum(values * valid, axis=-1), np.sum(valid, axis=-1).astype(np.float64))


def accuracy(m: Margins) -> Floats:
    return np.asarray(m.hits.sum(axis=-1) / m.total)


def balanced_accuracy(m: Margins) -> Floats:
    """Mean recall of the classes that occur in the labels."""
    return _mean_over(_ratio(m.hits, m.truth), m.truth > 0)


def precision(m: Margins) -> Floats:
    """Precision of the last class: the positive one of two."""
    return _ratio(m.hits[..., -1], m.predicted[..., -1])


def recall(m: Margins) -> Floats:
    return _ratio(m.hits[..., -1], m.truth[..., -1])


def specificity(m: Margins) -> Floats:
    return 1 - _ratio(m.predicted[..., -1] - m.hits[..., -1], m.total - m.truth[..., -1])


def f1(m: Margins) -> Floats:
    return _ratio(2 * m.hits[..., -1], m.truth[..., -1] + m.predicted[..., -1])


def selection_rate(m: Margins) -> Floats:
    return m.predicted[..., -1] / m.total


def precision_macro(m: Margins) -> Floats:
    """Mean precision of the classes that occur in the labels; one that is never predicted counts 0."""
    return _mean_over(_ratio(m.hits, m.predicted), m.truth > 0)


def f1_macro(m: Margins) -> Floats:
    """Mean F1 of the classes that occur in the labels."""
    return _mean_over(_ratio(2 * m.hits, m.truth + m.predicted), m.truth > 0)


def f1_weighted(m: Margins) -> Floats:
    by_class = _ratio(2 * m.hits, m.truth + m.predicted)
    return np.asarray(np.sum(by_class * m.truth, axis=-1) / m.total)


def mcc(m: Margins) -> Floats:
    """Matthews' correlation for any number of classes; 0 where either side has one class only.

    Gorodkin, Comput. Biol. Chem. 28:367 (2004); the convention for 0: Chicco and Jurman, BMC Genomics
    21:6 (2020).
    """
    square = m.total**2
    agree = m.hits.sum(axis=-1) * m.total - np.sum(m.truth * m.predicted, axis=-1)
    spread = (square - np.sum(m.truth**2, axis=-1)) * (
        square - np.sum(m.predicted**2, axis=-1) - m.strange**2
    )
    return _ratio(agree, np.sqrt(np.maximum(spread, 0)))


CountMetric = Callable[[Margins], Floats]
