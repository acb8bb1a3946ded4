"""How far two distributions are apart, whatever the number of rows.

Every function takes what two samples hold and corrects for what is apart by chance alone, so that its
expectation without any drift is zero (or close to it) and the two samples count alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ml_stages.data.distribution import Numbers, Values
from ml_stages.data.empirical import shares_up_to

BINS = 10
"""Bins of numbers: deciles of the reference."""
LEAST_EXPECTED = 5.0
"""Rows below which a cell is pooled with others (Cochran 1954)."""


@dataclass(frozen=True)
class Cells:
    """The same cells counted in two samples, in independent rows."""

    reference: tuple[float, ...]
    current: tuple[float, ...]

    @property
    def rows(self) -> tuple[float, float]:
        return sum(self.reference), sum(self.current)

    @property
    def shares(self) -> tuple[tuple[float, float], ...]:
        """Shares of each cell, half a row added so that an empty cell is not infinitely rare."""
        before, after = self.rows
        extra = 0.5 * len(self.reference)
        return tuple(
            ((was + 0.5) / (before + extra), (now + 0.5) / (after + extra))
            for was, now in zip(self.reference, self.current, strict=True)
        )

    @property
    def by_chance(self) -> float:
        """Expected sum of ``(p - q)^2 / p`` without any drift."""
        before, after = self.rows
        return (len(self.reference) - 1) * (1 / before + 1 / after)


def bins_of(reference: Numbers, current: Numbers) -> Cells:
    """Both samples in the reference's deciles; fewer bins where values tie."""
    edges = sorted({reference.quantile(part / BINS) for part in range(1, BINS)} - {reference.points[-1]})
    return Cells(_in_bins(reference, edges), _in_bins(current, edges))


def _in_bins(numbers: Numbers, edges: Sequence[float]) -> tuple[float, ...]:
    reached = [0.0, *(numbers.share_up_to(edge) for edge in edges), 1.0]
    return tuple(numbers.effective_rows * (high - low) for low, high in pairwise(reached))


def cells_of(reference: Values, current: Values) -> Cells:
    """Both samples by value; rare values, and those that one side did not list, pooled in one cell."""
    shared = set(reference.counts) | set(current.counts)
    if not reference.complete:
        shared &= set(reference.counts)
    if not current.complete:
        shared &= set(current.counts)
    was, now = _scaled(reference), _scaled(current)
    rows = reference.effective_rows, current.effective_rows
    smaller = min(rows) / sum(rows)
    pairs = [(was.get(name, 0.0), now.get(name, 0.0)) for name in sorted(shared)]
    kept = [pair for pair in pairs if sum(pair) * smaller >= LEAST_EXPECTED]
    rest = tuple(max(0.0, total - sum(pair[side] for pair in kept)) for side, total in enumerate(rows))
    if sum(rest) * smaller >= LEAST_EXPECTED or not kept:
        kept.append((rest[0], rest[1]))
    elif sum(rest) > 0:
        least = min(range(len(kept)), key=lambda i: sum(kept[i]))
        kept[least] = (kept[least][0] + rest[0], kept[least][1] + rest[1])
    return Cells(tuple(pair[0] for pair in kept), tuple(pair[1] for pair in kept))


def _scaled(values: Values) -> dict[str, float]:
    scale = values.effective_rows / values.rows
    return {name: count * scale for name, count in values.counts.items()}


def population_stability(cells: Cells) -> float:
    """Population stability index (Jeffreys' divergence) less its bias ``(B - 1)(1/n + 1/m)``, from 0.

    The bias is that of Yurdakul and Naranjo (2020).
    """
    index = sum((q - p) * math.log(q / p) for p, q in cells.shares)
    return max(0.0, index - cells.by_chance)


def cramers_v(cells: Cells) -> float:
    """Cramér's V between sample and value, as it would be for samples of equal size; 0 to 1.

    Bias-corrected in the way of Bergsma (2013); equal sizes, so that a large reference hides nothing.
    """
    before, after = cells.rows
    squared = 0.5 * sum(
        (was / before - now / after) ** 2 / (was / before + now / after)
        for was, now in zip(cells.reference, cells.current, strict=True)
        if was + now
    )
    return math.sqrt(max(0.0, squared - cells.by_chance / 4))


def jensen_shannon(cells: Cells) -> float:
    """Jensen-Shannon distance (the root of the divergence in bits), less its bias; 0 to 1.

    The divergence's leading term is an eighth of the sum of ``(p - q)^2 / p``.
    """
    divergence = 0.0
    for p, q in cells.shares:
        middle = (p + q) / 2
        divergence += (p * math.log2(p / middle) + q * math.log2(q / middle)) / 2
    return math.sqrt(max(0.0, divergence - cells.by_chance / (8 * math.log(2))))


def wasserstein(reference: Numbers, current: Numbers, scale: float | None) -> float | None:
    """Mean distance that a value must move, in units of ``scale`` (the reference's standard deviation).

    ``None`` where that is undefined: a constant reference, infinite values.
    """
    points = np.unique(np.array([*reference.points, *current.points]))
    if not scale or not math.isfinite(scale) or not np.isfinite(points).all():
        return None
    apart = np.abs(shares_up_to(reference, points) - shares_up_to(current, points))
    with np.errstate(over="ignore"):
        moved = float((apart[:-1] * np.diff(points)).sum())
    return moved / scale
