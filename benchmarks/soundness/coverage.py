"""Coverage and width of the intervals of single metrics over a grid, by enumeration or by draws.

Shares are enumerated: every count of hits with its binomial chance, so that there is no noise. What has
no closed form is drawn. An oracle stands beside each: scipy's exact interval for shares; for the others
an interval as wide as the estimates really vary, since no honest one is much narrower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from ml_stages.evaluation.proportions import mean_of_proportions
from ml_stages.evaluation.shares import clopper_pearson

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
    oracle: float


_SIDES = ((10, 190), (25, 475), (50, 450), (72, 528), (250, 250))
_RECALLS = (0.5, 0.7, 0.9, 0.98)
_SPECIFICITIES = (0.9, 0.97, 0.99)


def averages() -> list[Average]:
    """Balanced accuracy with so many rows of either class: every pair of counts with its chance."""
    return [cell for sides in _SIDES for cell in _averages(*sides)]


def _averages(positives: int, negatives: int) -> list[Average]:
    sizes = np.array([positives, negatives])
    hits = np.array([(up, down) for up in range(positives + 1) for down in range(negatives + 1)])
    bounds = np.array([mean_of_proportions(pair, sizes, CONFIDENCE) for pair in hits])
    values = (hits / sizes).mean(axis=1)
    return [
        _average(sizes, (recall, specificity), hits, bounds, values)
        for recall in _RECALLS
        for specificity in _SPECIFICITIES
    ]


def _average(
    sizes: np.ndarray, shares: tuple[float, float], hits: np.ndarray, bounds: np.ndarray, values: np.ndarray
) -> Average:
    chance = np.prod([stats.binom.pmf(hits[:, i], sizes[i], shares[i]) for i in (0, 1)], axis=0)
    truth = sum(shares) / 2
    held = (bounds[:, 0] <= truth + 1e-12) & (truth - 1e-12 <= bounds[:, 1])
    order = np.argsort(values)
    below = np.cumsum(chance[order])
    low, high = (values[order][np.searchsorted(below, part)] for part in (0.025, 0.975))
    return Average(
        positives=int(sizes[0]),
        negatives=int(sizes[1]),
        recall=shares[0],
        specificity=shares[1],
        covered=float(chance[held].sum()),
        width=float(chance @ (bounds[:, 1] - bounds[:, 0])),
        oracle=float(high - low),
    )
