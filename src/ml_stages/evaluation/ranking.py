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

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class Influenced:
    """A number and what each row contributes to it."""

    value: float
    influence: Floats


@dataclass(frozen=True)
class Ranking:
    """Rows in the order of a score, with ties; needs at least one positive and one negative row."""

    score: Floats
    positive: Bools

    @cached_property
    def order(self) -> Index:
        return np.argsort(self.score)

    @cached_property
    def _blocks(self) -> tuple[Index, Index]:
        """Where each block of equal scores starts, and the block of each row in order."""
        ordered = self.score[self.order]
        first = np.r_[True, ordered[1:] != ordered[:-1]]
        return np.flatnonzero(first), np.cumsum(first) - 1

    @cached_property
    def _hits(self) -> Floats:
        """1 for each positive row, in order."""
        return self.positive[self.order].astype(np.float64)

    def _unordered(self, values: Floats) -> Floats:
        result = np.empty_like(values)
        result[self.order] = values
        return result

    @cached_property
    def roc_auc(self) -> Influenced:
        """Share of pairs of a positive and a negative row in the right order; ties count half."""
        starts, block = self._blocks
        hits = np.add.reduceat(self._hits, starts)
        misses = np.diff(np.r_[starts, len(self.score)]) - hits
        positives, negatives = hits.sum(), misses.sum()
        outranked = (np.cumsum(misses) - misses / 2) / negatives  # for a positive row in the block
        outranking = 1 - (np.cumsum(hits) - hits / 2) / positives  # for a negative row
        auc = float(outranked @ hits / positives)
        # Rows over rows minus one makes the sums of squares DeLong's unbiased variances.
        up = (outranked - auc) / positives * np.sqrt(positives / max(positives - 1, 1))
        down = (outranking - auc) / negatives * np.sqrt(negatives / max(negatives - 1, 1))
        return Influenced(auc, self._unordered(np.where(self._hits > 0, up[block], down[block])))

    @cached_property
    def average_precision(self) -> Influenced:
        """Precision at the score of each positive row, averaged over the positive rows."""
        starts, block = self._blocks
        hits = np.add.reduceat(self._hits, starts)
        rows = np.diff(np.r_[starts, len(self.score)]).astype(np.float64)
        hits_above = np.cumsum(hits[::-1])[::-1]
        rows_above = np.cumsum(rows[::-1])[::-1]
        positives = hits_above[0]
        precision = hits_above / rows_above
        value = float(precision @ hits / positives)
        gain = np.cumsum(hits / rows_above)  # what one more positive row adds to the rows below it
        loss = np.cumsum(hits * hits_above / rows_above**2)
        influence = self._hits * (precision - value + gain)[block] - loss[block]
        return Influenced(value, self._unordered(influence / positives))
