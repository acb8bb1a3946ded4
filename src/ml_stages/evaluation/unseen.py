"""Rows that the sample happens not to hold, placed where they would change a count metric most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_stages.evaluation.cells import PairedDraws
from ml_stages.evaluation.counts import Codes, CountMetric, Floats, Margins


@dataclass(frozen=True)
class Move:
    """A kind of row: its class, and the class that a model takes it for."""

    truth: Codes
    taken_for: Codes


def mistakes(margins: Margins) -> Move:
    """Each class that occurs, taken for the rarest and for the commonest of the others.

    Not every pair of classes, so that their number does not grow with the square of the classes.
    """
    rows = margins.truth
    present = np.flatnonzero(rows > 0).astype(np.int32)
    by_rows = np.argsort(np.where(rows > 0, rows, np.inf), kind="stable").astype(np.int32)
    last = max(present.size - 1, 0)
    ends = ((by_rows[0], by_rows[min(1, rows.size - 1)]), (by_rows[last], by_rows[max(last - 1, 0)]))
    taken = [np.where(present == end, other, end) for end, other in ends]
    return Move(np.tile(present, 2), np.concatenate(taken).astype(np.int32))


def lost(metric: CountMetric, draws: PairedDraws, move: Move) -> Floats:
    """The metric's difference with rows added that the first model gets wrong and the second right."""
    losing = draws.candidate.plus(move.truth, move.taken_for, draws.unseen)
    keeping = draws.baseline.plus(move.truth, move.truth, draws.unseen)
    return metric(losing) - metric(keeping)


def worst_loss(metric: CountMetric, candidate: Margins, baseline: Margins) -> Move:
    """The kind of row whose loss lowers the candidate most beside the baseline."""
    moves = mistakes(candidate)
    one = PairedDraws(candidate, baseline, np.ones(moves.truth.size))
    return _chosen(moves, int(np.argmin(lost(metric, one, moves))))


def worst_mistake(metric: CountMetric, margins: Margins) -> Move:
    """The kind of row that lowers one model's metric most."""
    moves = mistakes(margins)
    values = metric(margins.plus(moves.truth, moves.taken_for, np.ones(moves.truth.size)))
    return _chosen(moves, int(np.argmin(values)))


def best_hit(metric: CountMetric, margins: Margins) -> Move:
    """The class of which one more right row raises one model's metric most."""
    present = np.flatnonzero(margins.truth > 0).astype(np.int32)
    hits = Move(present, present)
    values = metric(margins.plus(present, present, np.ones(present.size)))
    return _chosen(hits, int(np.argmax(values)))


def _chosen(moves: Move, place: int) -> Move:
    return Move(moves.truth[place], moves.taken_for[place])
