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
from ml_stages.evaluation.influence import Moments, Summary, pieced_moments
from ml_stages.evaluation.order import Bits, Floats, Index, bits_of
from ml_stages.evaluation.pieces import Pieced, pieces

_ONE = np.uint64(1)


@dataclass(frozen=True)
class Contributions:
    """A number, and what each row of an ascending order contributes to it (its influence)."""

    value: float
    positive: Pieced
    """Of each positive row."""
    negative: Pieced
    """Of the negative rows, once for those that contribute the same; ascending as well."""
    times: Pieced
    """How many negative rows that is each time."""

    @property
    def summary(self) -> Summary:
        up, down = pieced_moments(self.positive), pieced_moments(self.negative, self.times)
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
        found = [np.flatnonzero(self.positive(piece) != 0) + piece.start for piece in pieces(len(self))]
        return np.concatenate([np.array([], dtype=np.intp), *found])

    @cached_property
    def _ties(self) -> tuple[Index, Index]:
        """For each positive row the first and the last of the positive rows that are tied with it."""
        return _ties(self.keys[self._up])

    @cached_property
    def _negatives_below(self) -> tuple[Index, Index]:
        """For each positive row the number of negative rows below it, without and with those tied with it."""
        up, (first, _) = self._up, self._ties
        not_above = up - np.arange(up.size)
        groups = np.flatnonzero(Pieced(up.size, lambda rows: self._follows_tied(up[rows])).all(np.bool_))
        if not groups.size:
            return not_above, not_above
        below = not_above.copy()
        below[groups] = np.searchsorted(self.keys, self.keys[up[groups]] - _ONE, "left") - groups
        return below[first], not_above

    def _follows_tied(self, up: Index) -> NDArray[np.bool_]:
        """Whether the row before each positive one is negative and has the same score."""
        as_negative = self.keys[up] - _ONE
        return np.asarray((up > 0) & (self.keys[np.maximum(up - 1, 0)] == as_negative))

    @property
    def roc_auc(self) -> Contributions:
        """Share of pairs of a positive and a negative row in the right order; ties count half."""
        below, not_above = self._negatives_below
        positives, negatives = below.size, len(self) - below.size
        outranked = Pieced(positives, lambda rows: (below[rows] + not_above[rows]) / (2 * negatives))
        auc = outranked.sum() / positives
        # A negative row that none of these steps is below is outranked by all positive rows.
        steps = not_above if below is not_above else np.sort(np.concatenate([below, not_above]))

        def outranking(rows: slice) -> Floats:
            return np.asarray(1 - np.arange(rows.start, rows.stop) / steps.size)

        return Contributions(
            value=auc,
            positive=Pieced(positives, lambda rows: (outranked.of(rows) - auc) * _share(positives)),
            negative=Pieced(steps.size + 1, lambda rows: (outranking(rows) - auc) * _share(negatives)),
            times=_between(steps, negatives),
        )

    @property
    def average_precision(self) -> Contributions:
        """Precision at the score of each positive row, averaged over the positive rows."""
        below, _ = self._negatives_below
        first, last = self._ties
        positives, negatives = below.size, len(self) - below.size
        rows_above = Pieced(positives, lambda rows: (positives - first[rows]) + (negatives - below[rows]))
        precision = Pieced(positives, lambda rows: (positives - first[rows]) / rows_above.of(rows))
        value = precision.sum() / positives
        # What one more positive row adds to the rows below it, and what one more row takes from them.
        gain = _running(Pieced(positives, lambda rows: 1 / rows_above.of(rows)))
        lost = _running(Pieced(positives, lambda rows: precision.of(rows) / rows_above.of(rows)))

        def of_positive(rows: slice) -> Floats:
            tied = last[rows]
            return np.asarray(precision.of(rows) - value + gain[tied + 1] - lost[tied + 1])

        return Contributions(
            value=value,
            positive=Pieced(positives, lambda rows: of_positive(rows) / positives),
            negative=Pieced(positives + 1, lambda rows: lost[rows] / -positives),
            times=_between(below, negatives),
        )

    def average_precision_without(self, of_positives: float, of_negatives: float) -> float:
        """The average precision if such a share of the positive rows ranked below all, of others above."""
        below, _ = self._negatives_below
        first, _ = self._ties
        positives, negatives = below.size, len(self) - below.size
        above = (1 - of_positives) * (positives - first)
        wrong = (1 - of_negatives) * (negatives - below) + of_negatives * negatives
        kept = np.divide(above, above + wrong, out=np.zeros(positives), where=above > 0)
        return float((1 - of_positives) * kept.mean() + of_positives * positives / len(self))


def _share(rows: int) -> float:
    """Rows over rows minus one makes the sums of squares DeLong's unbiased variances."""
    return float(np.sqrt(rows / max(rows - 1, 1)) / rows)


def _between(steps: Index, size: int) -> Pieced:
    """How many numbers below ``size`` have none, one, two and more of the ascending steps at or below."""

    def of(rows: slice) -> Index:
        before = steps[rows.start - 1] if rows.start else 0
        return np.diff(np.append(steps[rows], size)[: rows.stop - rows.start], prepend=before)

    return Pieced(steps.size + 1, of)


def _running(values: Pieced) -> Floats:
    """The sums of the first none, one, two and more values."""
    sums = np.zeros(values.rows + 1)
    for piece in pieces(values.rows):
        sums[piece.start + 1 : piece.stop + 1] = values.of(piece)
    return np.cumsum(sums, out=sums)


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
