"""Joint confusion cells (label, prediction of one or two models) and random tables over them.

A table of counts is all that the count metrics see of the rows, so that resampling the cells is
resampling the rows, at a cost that does not depend on how many rows there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ml_stages.evaluation.counts import Codes, Floats, Ints, Margins
from ml_stages.evaluation.pieces import PIECE, pieces

SEED = 20190331
"""Every random draw starts here: the same rows give the same interval, on every machine."""
DRAWS = 5000
FEWEST_DRAWS = 1000
_BUDGET = 10_000_000  # random numbers for one comparison
_CHUNK = 4_000_000  # random numbers held at a time
_DENSE = 4_000_000  # largest table that is counted by position
_FEW = 20  # cells that are counted one by one sooner than together
_SMALL = 1000  # classes whose joint cells fit 32 bits


@dataclass(frozen=True)
class Cells:
    """The cells that occur, with their counts; all arrays are as long as there are cells."""

    size: int
    """How many classes there are."""
    truth: Codes
    candidate: Codes
    baseline: Codes
    counts: Ints

    @property
    def of_candidate(self) -> Margins:
        """The margins of the candidate's own confusion table."""
        return self._margins(self.candidate)

    @property
    def of_baseline(self) -> Margins:
        """The margins of the baseline's own confusion table."""
        return self._margins(self.baseline)

    def _margins(self, predicted: Codes) -> Margins:
        many = margins_of(self.counts[:, None].astype(np.float64), self.truth, predicted, self.size)
        return Margins(many.hits[0], many.truth[0], many.predicted[0], many.total[0], many.strange[0])


def joint_cells(size: int, truth: Codes, candidate: Codes, baseline: Codes | None = None) -> Cells:
    """Count the rows of each cell of so many classes; without a baseline the candidate stands for both."""
    wide = size + 1
    found, counts = _count(_Digits(wide, truth, candidate, baseline))
    last = found % wide
    rest = found // wide
    middle = last if baseline is None else rest % wide
    first = rest if baseline is None else rest // wide
    as_codes = [part.astype(np.int32) for part in (first, middle, last)]
    return Cells(size, as_codes[0], as_codes[1], as_codes[2], counts)


@dataclass(frozen=True)
class _Digits:
    """The number of each row's cell is written in three digits, or in two without a baseline."""

    wide: int
    truth: Codes
    candidate: Codes
    baseline: Codes | None

    @property
    def possible(self) -> int:
        """How many cells there could be."""
        return (self.wide - 1) * self.wide ** (1 if self.baseline is None else 2)

    def cells(self, rows: slice) -> Codes | Ints:
        # The label's and the candidate's codes fit 32 bits for any number of classes that a table can have.
        wide = np.int8(self.wide) if self.possible <= _FEW else np.int32(self.wide)
        code = self.truth[rows] * wide + self.candidate[rows]
        if self.baseline is None:
            return code
        return (code if self.wide <= _SMALL else code.astype(np.int64)) * self.wide + self.baseline[rows]


def _count(digits: _Digits) -> tuple[Ints, Ints]:
    """The numbers of the cells that occur, and their counts."""
    possible = digits.possible
    if possible > _DENSE:
        found, counts = np.unique(digits.cells(slice(None)), return_counts=True)
        return found.astype(np.int64), counts.astype(np.int64)
    table = np.zeros(possible, dtype=np.int64)
    steps = pieces(digits.truth.size) if possible < PIECE else [slice(None)]
    for piece in steps:
        table += _tally(digits.cells(piece), possible)
    found = np.flatnonzero(table)
    return found, table[found]


def _tally(codes: Codes | Ints, possible: int) -> Ints:
    if possible > _FEW:
        return np.bincount(codes, minlength=possible)
    return np.array([np.count_nonzero(codes == code) for code in range(possible)])


def margins_of(weights: Floats, truth: Codes, predicted: Codes, size: int) -> Margins:
    """Margins of many tables at once: ``weights`` is cells by tables."""
    hit = truth == predicted
    columns = _sum_by(weights, predicted, size + 1)
    return Margins(
        hits=_sum_by(weights[hit], truth[hit], size).T,
        truth=_sum_by(weights, truth, size).T,
        predicted=columns[:size].T,
        total=weights.sum(axis=0),
        strange=columns[size],
    )


def _sum_by(weights: Floats, group: Codes, size: int) -> Floats:
    sums = np.zeros((size, weights.shape[1]))
    if group.size:
        order = np.argsort(group, kind="stable")
        ordered = group[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        sums[ordered[starts]] = np.add.reduceat(weights[order], starts, axis=0)
    return sums


def resampled(cells: Cells) -> Iterator[Margins]:
    """The candidate's margins in bootstrap samples of the rows, in chunks."""
    rng = np.random.default_rng(SEED)
    rows = int(cells.counts.sum())
    for draws in _chunks(cells.counts.size):
        weights = rng.multinomial(rows, cells.counts / rows, size=draws).T.astype(np.float64)
        yield margins_of(weights, cells.truth, cells.candidate, cells.size)


@dataclass(frozen=True)
class PairedDraws:
    """Margins of both models in the same random tables, and how often what was not seen occurs there."""

    candidate: Margins
    baseline: Margins
    unseen: Floats

    def exchanged(self) -> PairedDraws:
        """The same with the two models in each other's place."""
        return PairedDraws(self.baseline, self.candidate, self.unseen)


def posterior(cells: Cells) -> Iterator[PairedDraws]:
    """Dirichlet tables over the joint cells, with the counts as parameters, in chunks.

    Not divided by their totals, since no metric depends on them. ``unseen`` is the weight of one more
    row, which stands for a cell that the sample happens not to hold: gamma(k) + gamma(1) = gamma(k + 1).
    """
    rng = np.random.default_rng(SEED)
    for draws in _chunks(cells.counts.size):
        weights = rng.standard_gamma(cells.counts[:, None], size=(cells.counts.size, draws))
        yield PairedDraws(
            candidate=margins_of(weights, cells.truth, cells.candidate, cells.size),
            baseline=margins_of(weights, cells.truth, cells.baseline, cells.size),
            unseen=rng.standard_exponential(draws),
        )


def _chunks(cells: int) -> Iterator[int]:
    draws = int(np.clip(_BUDGET // max(cells, 1), FEWEST_DRAWS, DRAWS))
    largest = max(_CHUNK // max(cells, 1), 1)
    while draws > 0:
        yield min(draws, largest)
        draws -= largest
