"""How far two distributions are apart, whatever the number of rows.

Every function takes what two samples hold and corrects for what is apart by chance alone, so that its
expectation without any drift is zero (or close to it) and the two samples count alike.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ml_stages.data.distribution import Numbers, Values
from ml_stages.drift.empirical import Floats, Steps, points_of_both

BINS = 10
"""Bins of numbers: deciles of the reference."""
LEAST_EXPECTED = 5.0
"""Rows below which a cell is pooled with others (Cochran 1954)."""


@dataclass(frozen=True)
class Cells:
    """The same cells counted in two samples, in independent rows."""

    reference: Sequence[float] | Floats
    current: Sequence[float] | Floats

    @property
    def counts(self) -> Floats:
        """Reference and current below each other."""
        return np.array([self.reference, self.current], dtype=np.float64)

    @property
    def rows(self) -> tuple[float, float]:
        before, after = self.counts.sum(axis=1).tolist()
        return before, after

    @property
    def shares(self) -> Floats:
        """Shares of each cell, half a row added so that an empty cell is not infinitely rare."""
        counts = self.counts + 0.5
        shares: Floats = counts / counts.sum(axis=1, keepdims=True)
        return shares

    @property
    def by_chance(self) -> float:
        """Expected sum of ``(p - q)^2 / p`` without any drift."""
        before, after = self.rows
        return (len(self.reference) - 1) * (1 / before + 1 / after)


def bins_of(reference: Numbers, current: Numbers) -> Cells:
    """Both samples in the reference's deciles; a value that is several of them is a bin of its own."""
    deciles = Counter(reference.quantile(part / BINS) for part in range(1, BINS))
    edges = set(deciles) - {reference.points[-1]}
    # Else what lies below or above such a value would count as the value itself.
    alone = [value for value, times in deciles.items() if times > 1]
    edges |= {edge for value in alone for edge in (math.nextafter(value, -math.inf), value)}
    counts = np.array([_in_bins(numbers, sorted(edges)) for numbers in (reference, current)])
    counts = counts[:, counts.sum(axis=0) > 0]
    return Cells(counts[0], counts[1])


def _in_bins(numbers: Numbers, edges: Sequence[float]) -> list[float]:
    reached = [0.0, *(numbers.share_up_to(edge) for edge in edges), 1.0]
    return [numbers.effective_rows * (high - low) for low, high in pairwise(reached)]


def cells_of(reference: Values, current: Values) -> Cells:
    """Both samples by value; rare values, and those that one side did not list, pooled in one cell."""
    names = list(reference.counts | current.counts)
    for side in (reference, current):
        if not side.complete:
            names = [name for name in names if name in side.counts]
    counts = np.array([_counts(reference, names), _counts(current, names)])
    rows = np.array([reference.effective_rows, current.effective_rows])
    smaller = rows.min() / rows.sum()
    kept = counts[:, counts.sum(axis=0) * smaller >= LEAST_EXPECTED]
    rest = np.maximum(rows - kept.sum(axis=1), 0.0)
    if rest.sum() * smaller >= LEAST_EXPECTED or not kept.size:
        kept = np.column_stack([kept, rest])
    elif rest.sum() > 0:
        kept[:, kept.sum(axis=0).argmin()] += rest
    return Cells(kept[0], kept[1])


def _counts(values: Values, names: Sequence[str]) -> Floats:
    """Independent rows of each value."""
    counts = np.array([values.counts.get(name, 0) for name in names], dtype=np.float64)
    return counts * (values.effective_rows / values.rows)


def population_stability(cells: Cells) -> float:
    """Population stability index (Jeffreys' divergence) less its bias ``(B - 1)(1/n + 1/m)``, from 0.

    The bias is that of Yurdakul and Naranjo (2020).
    """
    p, q = cells.shares
    return max(0.0, float(((q - p) * np.log(q / p)).sum()) - cells.by_chance)


def cramers_v(cells: Cells) -> float:
    """Cramér's V between sample and value, as it would be for samples of equal size; 0 to 1.

    Bias-corrected in the way of Bergsma (2013); equal sizes, so that a large reference hides nothing.
    """
    counts = cells.counts[:, cells.counts.sum(axis=0) > 0]
    p, q = counts / counts.sum(axis=1, keepdims=True)
    return math.sqrt(max(0.0, 0.5 * float(((p - q) ** 2 / (p + q)).sum()) - cells.by_chance / 4))


def jensen_shannon(cells: Cells) -> float:
    """Jensen-Shannon distance (the root of the divergence in bits), less its bias; 0 to 1.

    The divergence's leading term is an eighth of the sum of ``(p - q)^2 / p``.
    """
    p, q = cells.shares
    middle = (p + q) / 2
    divergence = float((p * np.log2(p / middle) + q * np.log2(q / middle)).sum()) / 2
    return math.sqrt(max(0.0, divergence - cells.by_chance / (8 * math.log(2))))


def wasserstein(reference: Steps, current: Steps, scale: float | None) -> float | None:
    """Mean distance that a value must move, in units of ``scale`` (the reference's standard deviation).

    ``None`` where that is undefined: a constant reference, infinite values.
    """
    points = points_of_both(reference, current)
    if not scale or not math.isfinite(scale) or not np.isfinite(points).all():
        return None
    apart = np.abs(reference.shares_up_to(points) - current.shares_up_to(points))
    with np.errstate(over="ignore"):
        moved = float((apart[:-1] * np.diff(points)).sum())
    return moved / scale
