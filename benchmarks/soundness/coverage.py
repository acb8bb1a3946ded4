"""Coverage and width of the intervals of single metrics over a grid, by enumeration or by draws.

Shares are enumerated: every count of hits with its binomial chance, so that there is no noise. What has
no closed form is drawn. An oracle stands beside each: scipy's exact interval for shares; for the others
an interval as wide as the estimates really vary, since no honest one is much narrower.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from ml_stages.evaluation.proportions import mean_of_proportions
from ml_stages.evaluation.shares import clopper_pearson
from ml_stages.evaluation.two_shares import MOST_ROWS, Seen, mean_of_two_shares

CONFIDENCE = 0.95
_ROWS = (25, 50, 100, 250, 500, 2_000, 10_000)
_SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)


@dataclass(frozen=True)
class Share:
    """One cell: the product's interval, Wilson's, and the oracle's width."""

    rows: int
    share: float
    covered: float
    covered_by_wilson: float
    width: float
    wilson_width: float
    oracle: float


def shares() -> list[Share]:
    """Every cell of the grid of rows by shares; one minus a share has the same."""
    return [cell for rows in _ROWS for cell in _cells(rows)]


def _cells(rows: int) -> list[Share]:
    hits = np.arange(rows + 1)
    ours = np.array([clopper_pearson(count, rows, CONFIDENCE) for count in hits.tolist()]).T
    score = np.stack(proportion_confint(hits, rows, 1 - CONFIDENCE, method="wilson"))
    tail = (1 - CONFIDENCE) / 2
    exact = np.stack(
        [
            np.where(hits == 0, 0.0, stats.beta.ppf(tail, np.maximum(hits, 1), rows - hits + 1)),
            np.where(hits == rows, 1.0, stats.beta.ppf(1 - tail, hits + 1, np.maximum(rows - hits, 1))),
        ]
    )
    return [_cell(rows, share, ours, score, exact) for share in _SHARES]


def _cell(rows: int, share: float, *intervals: np.ndarray) -> Share:
    chance = stats.binom.pmf(np.arange(rows + 1), rows, share)
    covered = [float(chance[(low <= share) & (share <= high)].sum()) for low, high in intervals]
    widths = [float(chance @ (high - low)) for low, high in intervals]
    return Share(rows, share, covered[0], covered[1], widths[0], widths[1], widths[2])


@dataclass(frozen=True)
class Average:
    """One cell of balanced accuracy: the width beside that of the estimates' own spread."""

    positives: int
    negatives: int
    recall: float
    specificity: float
    covered: float
    width: float
    distances_covered: float
    """By the exact intervals of both classes, squared distances added: the product's before."""
    distances_width: float
    oracle: float


SIDES = ((10, 190), (25, 475), (50, 450), (72, 528), (250, 250))
SHARES = tuple(product((0.5, 0.7, 0.9, 0.98), (0.9, 0.97, 0.99)))
WHOLE = 50
_UNLIKELY = 1e-8


def averages() -> list[Average]:
    """Balanced accuracy with so many rows of either class: every pair of counts with its chance."""
    return [_average(sides, shares) for sides in SIDES for shares in SHARES]


def chances(sizes: tuple[int, int], shares: tuple[float, float]) -> np.ndarray:
    """Of every pair of counts of hits."""
    up, down = (
        stats.binom.pmf(np.arange(size + 1), size, share) for size, share in zip(sizes, shares, strict=True)
    )
    return np.asarray(np.outer(up, down))


@cache
def product_bounds(sizes: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The product's bounds of every pair of counts; with 51 to 100 positives of those that occur at all.

    Of these, pairs whose chance is below 1e-8 for each of ``SHARES`` are NaN: they count as missed.
    """
    if min(sizes) > MOST_ROWS:
        return distance_bounds(sizes)
    lower, upper = np.full((2, sizes[0] + 1, sizes[1] + 1), np.nan)
    asked = np.any([chances(sizes, shares) > _UNLIKELY for shares in SHARES], axis=0)
    for up, down in np.argwhere(asked | (sizes[0] <= WHOLE)):
        if np.isnan(upper[sizes[0] - up, sizes[1] - down]):
            pair = (Seen(int(up), sizes[0]), Seen(int(down), sizes[1]))
            lower[up, down], upper[up, down] = mean_of_two_shares(*pair, CONFIDENCE)
        else:  # the mirror image is known
            lower[up, down] = 1 - upper[sizes[0] - up, sizes[1] - down]
            upper[up, down] = 1 - lower[sizes[0] - up, sizes[1] - down]
    return lower, upper


@cache
def distance_bounds(sizes: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The exact intervals of both classes, squared distances added."""
    hits = [(up, down) for up in range(sizes[0] + 1) for down in range(sizes[1] + 1)]
    bounds = np.array([mean_of_proportions(pair, sizes, CONFIDENCE) for pair in hits])
    lower, upper = bounds.T.reshape(2, sizes[0] + 1, sizes[1] + 1)
    return lower, upper


def _average(sizes: tuple[int, int], shares: tuple[float, float]) -> Average:
    chance, truth = chances(sizes, shares), sum(shares) / 2
    up, down = (np.arange(size + 1) / size for size in sizes)
    values = ((up[:, None] + down) / 2).ravel()
    order = np.argsort(values)
    below = np.cumsum(chance.ravel()[order])
    low, high = (values[order][np.searchsorted(below, part)] for part in (0.025, 0.975))
    ours, distances = (judged(chance, truth, *of(sizes)) for of in (product_bounds, distance_bounds))
    return Average(*sizes, *shares, *ours, *distances, float(high - low))


def judged(chance: np.ndarray, truth: float, lower: np.ndarray, upper: np.ndarray) -> tuple[float, float]:
    """Coverage, and mean width over the pairs that have bounds."""
    held = (lower <= truth + 1e-12) & (truth - 1e-12 <= upper)
    known = ~np.isnan(lower)
    return float(chance[held].sum()), float(np.average((upper - lower)[known], weights=chance[known]))
