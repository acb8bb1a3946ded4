"""Labels and predictions of the same rows, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.catalogue import Task
from ml_stages.evaluation.cells import Cells, joint_cells
from ml_stages.evaluation.counts import Codes, Ints, Margins

Floats = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class Classified:
    """What one model said about rows whose class is known.

    ``truth`` holds codes 0 to K - 1 into ``classes``; ``predicted`` too, and K for a class that is not
    among them, which is always wrong. With two classes the positive one has code 1. ``probabilities``
    is rows by K; with two classes the positive one's column is enough.
    """

    classes: tuple[str, ...]
    truth: Codes
    predicted: Codes
    probabilities: Floats | None = None

    @property
    def task(self) -> Task:
        return Task.BINARY if len(self.classes) == 2 else Task.MULTICLASS

    def __len__(self) -> int:
        return len(self.truth)

    @cached_property
    def cells(self) -> Cells:
        """The labels and predictions that occur together, counted."""
        return joint_cells(len(self.classes), self.truth, self.predicted)

    @cached_property
    def margins(self) -> Margins:
        """The margins of the confusion table."""
        return self.cells.of_candidate

    @property
    def truth_counts(self) -> Ints:
        """How many rows each class has."""
        return self.margins.truth.astype(np.int64)

    @property
    def predicted_counts(self) -> Ints:
        """How often each class is predicted, and last what is none of them."""
        return np.append(self.margins.predicted, self.margins.strange).astype(np.int64)

    @cached_property
    def matrix(self) -> Floats | None:
        """The probabilities as rows by K."""
        given = self.probabilities
        if given is None or given.shape[1] == len(self.classes):
            return given
        return np.column_stack([1.0 - given[:, 0], given[:, 0]])

    def take(self, index: Index) -> Classified:
        """The same for some of the rows."""
        probabilities = None if self.probabilities is None else self.probabilities[index]
        return Classified(self.classes, self.truth[index], self.predicted[index], probabilities)


@dataclass(frozen=True)
class Measured:
    """What one model said about rows whose number is known."""

    truth: Floats
    predicted: Floats

    @property
    def task(self) -> Task:
        return Task.REGRESSION

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, index: Index) -> Measured:
        """The same for some of the rows."""
        return Measured(self.truth[index], self.predicted[index])


Rows = Classified | Measured
