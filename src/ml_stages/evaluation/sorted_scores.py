"""Scores of two classes, sorted once.

Score and class stand in one whole number, so that one sort replaces sorting both sides and looking each
up in the other. What a negative row contributes to a metric is the same between two positive rows, so
that sums over all rows are sums over the positive ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.counts import Codes
from ml_stages.evaluation.influence import Moments, Summary, moments, repeated_moments
from ml_stages.evaluation.order import Bits, Floats, Index, bits_of
from ml_stages.evaluation.pieces import pieces

_ONE = np.uint64(1)


@dataclass(frozen=True)
class Contributions:
    """A number, and what each row of an ascending order contributes to it (its influence)."""

    value: float
    positive: Floats
    """Of each positive row."""
    negative: Floats
    """Of the negative rows, once for those that contribute the same; ascending as well."""
    times: Index
    """How many negative rows that is each time."""

    @property
    def summary(self) -> Summary:
        up, down = moments(self.positive), repeated_moments(self.negative, self.times)
        total = Moments(up.units + down.units, up.squared + down.squared, up.cubed + down.cubed)
        return Summary(self.value, total)


@dataclass(frozen=True)
class SortedScores:
    """Each row's score and class in one number, ascending: of tied rows the negative ones come first."""

    keys: Bits

    @classmethod
    def of(cls, score: Floats, truth: Codes | NDArray[np.bool_], positive: int = 1) -> SortedScores:
        """Rows with scores from 0 on, and whether their class is the positive one."""
        keys = np.empty(score.size, dtype=np.uint64)
        for piece in pieces(score.size):
            keys[piece] = bits_of(score[piece])
            keys[piece] |= truth[piece] == positive
        keys.sort()
        return cls(keys)

    def __len__(self) -> int:
        return self.keys.size

    def values(self, rows: slice | Index) -> Floats:
        """The scores of some of the rows, ascending."""
        return (self.keys[rows] >> _ONE).view(np.float64)

    def positive(self, rows: slice) -> Bits:
        """1 for each positive row of some, 0 for each other."""
        return self.keys[rows] & _ONE

    def places(self, scores: Floats) -> Index:
        """How many rows have a score below each of these."""
        return np.searchsorted(self.keys, bits_of(scores), "left")

    @cached_property
    def _up(self) -> Index:
        """The places of the positive rows."""
        found = np.empty(len(self), dtype=np.bool_)
        for piece in pieces(len(self)):
            np.not_equal(self.positive(piece), 0, out=found[piece])
        return np.flatnonzero(found)

    @cached_property
    def _ties(self) -> tuple[Index, Index]:
        """For each positive row the first and the last of the positive rows that are tied with it."""
        return _ties(self.keys[self._up])

    @cached_property
    def _negatives_below(self) -> tuple[Index, Index]:
        """For each positive row the number of negative rows below it, without and with those tied with it."""
        up, (first, _) = self._up, self._ties
        not_above = up - np.arange(up.size)
        leading = np.flatnonzero(first == np.arange(up.size))
        own = self.keys[up[leading]] - _ONE  # as a negative row with this score would have it
        tied = (up[leading] > 0) & (self.keys[np.maximum(up[leading] - 1, 0)] == own)
        if not tied.any():
            return not_above, not_above
        below = not_above.copy()
        groups = leading[tied]
        below[groups] = np.searchsorted(self.keys, own[tied], "left") - groups
        return below[first], not_above

    @property
    def roc_auc(self) -> Contributions:
        """Share of pairs of a positive and a negative row in the right order; ties count half."""
        below, not_above = self._negatives_below
        positives, negatives = below.size, len(self) - below.size
        outranked = (below + not_above) / (2 * negatives)
        auc = float(outranked.mean())
        # A negative row that none of these steps is below is outranked by all positive rows.
        steps = not_above if below is not_above else np.sort(np.concatenate([below, not_above]))
        outranking = 1 - np.arange(steps.size + 1) / steps.size
        return Contributions(
            value=auc,
            positive=(outranked - auc) * _share(positives),
            negative=(outranking - auc) * _share(negatives),
            times=_between(steps, negatives),
        )

    @property
    def average_precision(self) -> Contributions:
        """Precision at the score of each positive row, averaged over the positive rows."""
        below, _ = self._negatives_below
        first, last = self._ties
        positives, negatives = below.size, len(self) - below.size
        hits_above = (positives - first).astype(np.float64)
        rows_above = hits_above + (negatives - below)
        precision = hits_above / rows_above
        value = float(precision.mean())
        # What one more positive row adds to the rows below it, and what one more row takes from them.
        gain = np.cumsum(1 / rows_above)[last]
        lost = np.cumsum(precision / rows_above)
        return Contributions(
            value=value,
            positive=(precision - value + gain - lost[last]) / positives,
            negative=np.concatenate([[0.0], lost]) / -positives,
            times=_between(below, negatives),
        )


def _share(rows: int) -> float:
    """Rows over rows minus one makes the sums of squares DeLong's unbiased variances."""
    return float(np.sqrt(rows / max(rows - 1, 1)) / rows)


def _between(steps: Index, size: int) -> Index:
    """How many numbers below ``size`` have none, one, two and more of the ascending steps at or below."""
    return np.diff(steps, prepend=0, append=size)


def _ties(ordered: Bits) -> tuple[Index, Index]:
    """For each of the ordered values the first and the last place of those equal to it."""
    places = np.arange(ordered.size)
    starts = np.r_[True, ordered[1:] != ordered[:-1]]
    if starts.all():
        return places, places
    first = np.maximum.accumulate(np.where(starts, places, 0))
    ends = np.r_[starts[1:], True]
    last = np.minimum.accumulate(np.where(ends, places, ordered.size)[::-1])[::-1]
    return first, last
