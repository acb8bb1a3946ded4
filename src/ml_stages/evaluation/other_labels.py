"""What rows would have lost with another label than theirs.

A model that is sure of rows, as a forest whose trees all agree, loses next to nothing where it is right, and
up to 36 where it is not. While no such mistake is drawn, nothing that was seen shows how much it costs, but
the probabilities do. Without them a fifth of samples of 500 rows had a forest's log loss above its interval,
and two in five had its difference from a model without such rows beyond theirs.
"""

from __future__ import annotations

import numpy as np

from ml_stages.evaluation.counts import Codes
from ml_stages.evaluation.influence import Groups, by_group
from ml_stages.evaluation.losses import SMALLEST, Floats, of_true_class
from ml_stages.evaluation.pieces import Pieced, pieces
from ml_stages.evaluation.sample import ClassifiedSample

_MOST = 200
"""Rows that are looked at: with more the reach grows by less than 2 %."""


def odds_against_others(truth: Codes, probabilities: Floats) -> Pieced:
    """One over the probability of another label by row: of the least probable, where there are several."""

    def of(rows: slice) -> Floats:
        true, given = truth[rows], probabilities[rows]
        if given.shape[1] <= 2:
            return np.asarray(1 / np.maximum(1.0 - of_true_class(true, given), SMALLEST))
        others = given.copy()
        others[np.arange(len(true)), true] = 1.0
        return np.asarray(1 / np.maximum(others.min(axis=1), SMALLEST))

    return Pieced(len(truth), of)


def odds_of(sample: ClassifiedSample) -> Pieced:
    """Those of a model on its rows."""
    return odds_against_others(sample.rows.truth, sample.probabilities)


def room_of_difference(
    candidate: ClassifiedSample, baseline: ClassifiedSample, error: float, groups: Groups | None = None
) -> tuple[float, float]:
    """How far a difference of log losses may lie below that of the rows, and how far above it."""
    seen = candidate.log_losses.all() - baseline.log_losses.all()
    one, other = odds_of(candidate), odds_of(baseline)
    less = reach_of_unseen(_ratio(other, one), float(-seen.min()), error, groups)
    return less, reach_of_unseen(_ratio(one, other), float(seen.max()), error, groups)


def _ratio(one: Pieced, other: Pieced) -> Pieced:
    """The odds of one model over those of another: how much more it loses with another label."""
    return Pieced(one.rows, lambda rows: one.of(rows) / other.of(rows))


def reach_of_unseen(odds: Pieced, seen: float, error: float, groups: Groups | None = None) -> float:
    """How far a mean log loss may lie above that of the rows, for mistakes of which none was drawn.

    ``seen`` is the largest loss. Of each number of rows that would have lost most, and more than that, none
    had another label: there is room for the largest share of which none is drawn with a chance of ``error``.
    Of ``groups`` all such rows of one may be wrong together.
    """
    above = float(np.exp(seen))
    lost = np.log(_largest(odds, above)) if groups is None else _of_groups(odds, above, groups)
    room = -np.expm1(np.log(error) / np.arange(1, lost.size + 1))
    return float(np.max(room * np.cumsum(lost), initial=0.0)) / odds.rows


def _of_groups(odds: Pieced, above: float, groups: Groups) -> Floats:
    """What each group would lose by such rows, from the most on."""
    values = odds.all()
    lost = by_group(np.where(values > above, np.log(values), 0.0), groups)
    return np.sort(lost[lost > 0])[::-1]


def _largest(odds: Pieced, above: float) -> Floats:
    """The largest odds, from the largest on, of those that are above the given ones."""
    largest = np.array([])
    for piece in pieces(odds.rows):
        values = odds.of(piece)
        largest = np.concatenate([largest, values[values > above]])
        if largest.size > _MOST:
            largest = np.partition(largest, largest.size - _MOST)[-_MOST:]
    return np.sort(largest)[::-1]
