"""ROC AUC and average precision, with what each row contributes to them.

The contributions ("influences") of the rows sum to 0 and their squares to the variance: for the AUC
exactly as DeLong, DeLong and Clarke-Pearson, Biometrics 44:837 (1988), in O(n log n) as Sun and Xu,
IEEE Signal Process. Lett. 21:1389 (2014); for the average precision as the infinitesimal jackknife.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.order import Floats, Index, ascending, from_zero
from ml_stages.evaluation.sorted_scores import Contributions, SortedScores

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Influenced:
    """A number and what each row contributes to it."""

    value: float
    influence: Floats


@dataclass(frozen=True)
class Ranking:
    """Rows by a score, with ties; needs at least one positive and one negative row."""

    score: Floats
    positive: Bools

    @cached_property
    def sorted(self) -> SortedScores:
        """The scores without knowing whose each is: enough where nobody asks what each row contributes."""
        return SortedScores.of(from_zero(self.score), self.positive)

    @cached_property
    def _order(self) -> tuple[Index, Index]:
        """The places of the positive and of the negative rows, both by ascending score."""
        score = from_zero(self.score)
        up, down = np.flatnonzero(self.positive), np.flatnonzero(~self.positive)
        return up[ascending(score[up])], down[ascending(score[down])]

    @cached_property
    def roc_auc(self) -> Influenced:
        """Share of pairs of a positive and a negative row in the right order; ties count half."""
        return self._by_row(self.sorted.roc_auc)

    @cached_property
    def average_precision(self) -> Influenced:
        """Precision at the score of each positive row, averaged over the positive rows."""
        return self._by_row(self.sorted.average_precision)

    def _by_row(self, of_sorted: Contributions) -> Influenced:
        result = np.empty(len(self.score))
        result[self._order[0]] = of_sorted.positive.all()
        result[self._order[1]] = np.repeat(of_sorted.negative.all(), of_sorted.times.all(np.intp))
        return Influenced(of_sorted.value, result)
