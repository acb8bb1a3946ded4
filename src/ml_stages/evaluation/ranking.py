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
    """Rows by a score, with ties; needs at least one positive and one negative row.

    Positive and negative rows are sorted apart, and each side is looked up in the other. With ``aligned``
    the influences are in the order of the rows; without, in any, which is faster and enough for sums.
    """

    score: Floats
    positive: Bools
    aligned: bool = True

    @cached_property
    def _sides(self) -> tuple[Floats, Floats]:
        """The scores of the positive and of the negative rows, each ascending."""
        if not self.aligned:
            return np.sort(self.score[self.positive]), np.sort(self.score[~self.positive])
        up, down = self._order
        return self.score[up], self.score[down]

    @cached_property
    def _order(self) -> tuple[Index, Index]:
        up, down = np.flatnonzero(self.positive), np.flatnonzero(~self.positive)
        return up[np.argsort(self.score[up])], down[np.argsort(self.score[down])]

    def _joined(self, up: Floats, down: Floats) -> Floats:
        """The influences of both sides, as they were sorted, as those of all rows."""
        if not self.aligned:
            return np.concatenate([up, down])
        result = np.empty(len(self.score))
        result[self._order[0]], result[self._order[1]] = up, down
        return result

    @cached_property
    def _negatives_below(self) -> tuple[Index, Index]:
        """For each positive row the number of negative rows below it, without and with those tied with it."""
        up, down = self._sides
        return _places(down, up)

    @cached_property
    def _positives_below(self) -> tuple[Index, Index]:
        """The same for each negative row, of positive rows: counted, since the other side is known.

        A positive row is above a negative one exactly when that one is among those below it.
        """
        below, not_above = self._negatives_below
        size = self._sides[1].size
        return _at_most(not_above, size), _at_most(below, size)

    @cached_property
    def roc_auc(self) -> Influenced:
        """Share of pairs of a positive and a negative row in the right order; ties count half."""
        up, down = self._sides
        positives, negatives = up.size, down.size
        outranked = np.add(*self._negatives_below) / (2 * negatives)  # for a positive row
        outranking = 1 - np.add(*self._positives_below) / (2 * positives)  # for a negative row
        auc = float(outranked.mean())
        # Rows over rows minus one makes the sums of squares DeLong's unbiased variances.
        gain = (outranked - auc) * (np.sqrt(positives / max(positives - 1, 1)) / positives)
        loss = (outranking - auc) * (np.sqrt(negatives / max(negatives - 1, 1)) / negatives)
        return Influenced(auc, self._joined(gain, loss))

    @cached_property
    def average_precision(self) -> Influenced:
        """Precision at the score of each positive row, averaged over the positive rows."""
        up, down = self._sides
        positives = up.size
        first, last = _ties(up)
        hits_above = (positives - first).astype(np.float64)
        rows_above = hits_above + (down.size - self._negatives_below[0])
        precision = hits_above / rows_above
        value = float(precision.mean())
        # What one more positive row adds to the rows below it, and what one more row takes from them.
        gain = np.cumsum(1 / rows_above)[last]
        lost = np.cumsum(precision / rows_above)
        loss = np.concatenate([[0.0], lost])[self._positives_below[1]]
        return Influenced(
            value, self._joined((precision - value + gain - lost[last]) / positives, -loss / positives)
        )


def _places(ordered: Floats, values: Floats) -> tuple[Index, Index]:
    """How many of the ordered values are below each of the others, and how many are not above it.

    Ties are rare with most scores: they alone are looked up a second time.
    """
    first = np.searchsorted(ordered, values, "left")
    tied = np.flatnonzero(ordered[np.minimum(first, ordered.size - 1)] == values)
    last = first.copy()
    last[tied] = np.searchsorted(ordered, values[tied], "right")
    return first, last


def _at_most(places: Index, size: int) -> Index:
    """For each number from 0 to size - 1, how many of the places are at most that."""
    return np.cumsum(np.bincount(places, minlength=size + 1)[:size])


def _ties(ordered: Floats) -> tuple[Index, Index]:
    """For each of the ordered values the first and the last place of those equal to it."""
    places = np.arange(ordered.size)
    starts = np.r_[True, ordered[1:] != ordered[:-1]]
    if starts.all():
        return places, places
    first = np.maximum.accumulate(np.where(starts, places, 0))
    ends = np.r_[starts[1:], True]
    last = np.minimum.accumulate(np.where(ends, places, ordered.size)[::-1])[::-1]
    return first, last
