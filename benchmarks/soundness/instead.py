"""Intervals of one AUC, and of balanced accuracy, that a user could take instead of the product's.

They are the oracles that its width is held against. A spread that knows the truth is none of them: nobody
can take it, and it promises nothing. Who chooses a method knows the rows of both classes and the sample, but
not how scores are shaped, nor the truth. So a method counts where it keeps what it promises, less one point,
in two readings: in the very cell, which may be by luck of its shape; and with every shape of the same rows
and AUC (or every pair of rates of the same rows). This was settled before any cell was looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import coverage
import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Bounds = tuple[Floats, Floats]
TAIL = (1 - coverage.CONFIDENCE) / 2
Z = NormalDist().inv_cdf(1 - TAIL)
_HALVINGS = 52
_LEAST = 1e-9


@dataclass(frozen=True)
class Drawn:
    """AUCs of many samples, with the variances that DeLong's method has for either class."""

    values: Floats
    of_positives: Floats
    of_negatives: Floats
    positives: int
    negatives: int

    @property
    def error(self) -> Floats:
        return np.sqrt(self.of_positives + self.of_negatives)


def delong(drawn: Drawn) -> Bounds:
    """DeLong, DeLong and Clarke-Pearson, Biometrics 44:837 (1988)."""
    return _around(drawn.values, Z * drawn.error)


def brunner_munzel(drawn: Drawn) -> Bounds:
    """The same by Student's t, as ``rank_compare_2indep`` of statsmodels gives it."""
    parts = drawn.of_positives, drawn.of_negatives
    squares = parts[0] ** 2 / (drawn.positives - 1) + parts[1] ** 2 / (drawn.negatives - 1)
    freedom = np.maximum((parts[0] + parts[1]) ** 2 / np.maximum(squares, 1e-300), 1)
    return _around(drawn.values, stats.t.isf(TAIL, freedom) * drawn.error)


def logit_delong(drawn: Drawn) -> Bounds:
    """On the logit scale: Pepe, The Statistical Evaluation of Medical Tests (2003), 5.2.4."""
    inside = np.clip(drawn.values, _LEAST, 1 - _LEAST)
    half, centre = Z * drawn.error / (inside * (1 - inside)), np.log(inside / (1 - inside))
    lower, upper = (1 / (1 + np.exp(np.clip(end, -700, 700))) for end in (half - centre, -half - centre))
    return lower, upper


def hanley_mcneil(drawn: Drawn) -> Bounds:
    """By the variance that exponential scores would have: Radiology 143:29 (1982)."""
    value = drawn.values
    two, other = value / (2 - value) - value**2, 2 * value**2 / (1 + value) - value**2
    variance = value * (1 - value) + (drawn.positives - 1) * two + (drawn.negatives - 1) * other
    return _around(value, Z * np.sqrt(np.maximum(variance, 0) / (drawn.positives * drawn.negatives)))


def newcombe(drawn: Drawn) -> Bounds:
    """Method 5 of Newcombe, Stat. Med. 25:559 (2006): the AUCs that a score test does not reject.

    The test takes Hanley and McNeil's variance at the hypothetical AUC, with both group sizes in it
    replaced by their mean.
    """
    value, others = drawn.values, (drawn.positives + drawn.negatives) / 2 - 1

    def accepted(true: Floats) -> NDArray[np.bool_]:
        shape = 1 + others * ((1 - true) / (2 - true) + true / (1 + true))
        variance = true * (1 - true) * shape / (drawn.positives * drawn.negatives)
        return np.asarray((value - true) ** 2 <= Z * Z * variance)

    return _edge(accepted, value, np.zeros_like(value)), _edge(accepted, value, np.ones_like(value))


def as_share(drawn: Drawn) -> Bounds:
    """Clopper and Pearson's, as if the AUC were a share of the positives, with fractions of a hit."""
    hits, rows = drawn.values * drawn.positives, drawn.positives
    lower = stats.beta.ppf(TAIL, np.maximum(hits, _LEAST), rows - hits + 1)
    upper = stats.beta.isf(TAIL, hits + 1, np.maximum(rows - hits, _LEAST))
    return np.where(hits > 0, lower, 0.0), np.where(hits < rows, upper, 1.0)


def as_score_share(drawn: Drawn) -> Bounds:
    """Wilson's of the same share."""
    value, rows = drawn.values, drawn.positives
    centre = (value + Z * Z / (2 * rows)) / (1 + Z * Z / rows)
    half = Z * np.sqrt(value * (1 - value) / rows + (Z / (2 * rows)) ** 2) / (1 + Z * Z / rows)
    return centre - half, centre + half


AUC: dict[str, Callable[[Drawn], Bounds]] = {
    "DeLong": delong,
    "Brunner-Munzel": brunner_munzel,
    "logit DeLong": logit_delong,
    "Hanley-McNeil": hanley_mcneil,
    "Newcombe's method 5": newcombe,
    "Clopper-Pearson of as many rows": as_share,
    "Wilson of as many rows": as_score_share,
}
RESAMPLED = "BCa bootstrap"


@dataclass(frozen=True)
class Resampling:
    """The BCa bootstrap of an AUC, as ``scipy.stats.bootstrap`` does it.

    Efron, J. Am. Stat. Assoc. 82:171 (1987). Every sample is resampled with the same counts of its rows, so
    that they are drawn once.
    """

    of_positives: Floats
    """How often each positive row is drawn, by resample (first axis)."""
    of_negatives: Floats

    @classmethod
    def of(cls, sizes: tuple[int, int], resamples: int, rng: np.random.Generator) -> Resampling:
        counts = (rng.multinomial(size, np.full(size, 1 / size), resamples) / size for size in sizes)
        return cls(*counts)

    def bounds(self, high: Floats, low: Floats) -> tuple[float, float]:
        """Of one sample's scores."""
        pairs = (high[:, None] > low) + 0.5 * (high[:, None] == low)
        value, drawn = pairs.mean(), np.einsum("rp,rp->r", self.of_positives, self.of_negatives @ pairs.T)
        below = (np.mean(drawn < value) + np.mean(drawn <= value)) / 2
        if not 0 < below < 1:
            return value, value
        moved, bias = self._acceleration(pairs), NormalDist().inv_cdf(float(below))
        ends = bias + np.array([-Z, Z])
        levels = stats.norm.cdf(bias + ends / (1 - moved * ends))
        lower, upper = np.quantile(drawn, levels)
        return float(lower), float(upper)

    @staticmethod
    def _acceleration(pairs: NDArray[np.float64]) -> float:
        squared = cubed = 0.0
        for means in (pairs.mean(axis=1), pairs.mean(axis=0)):
            without = (means.sum() - means) / (means.size - 1)
            parts = (means.size - 1) * (without.mean() - without) / means.size
            squared, cubed = squared + float(np.sum(parts**2)), cubed + float(np.sum(parts**3))
        return cubed / (6 * squared**1.5) if squared else 0.0


def _around(value: Floats, half: Floats) -> Bounds:
    return np.clip(value - half, 0, 1), np.clip(value + half, 0, 1)


def _edge(kept: Callable[[Floats], NDArray[np.bool_]], inside: Floats, outside: Floats) -> Floats:
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        held = kept(middle)
        inside, outside = np.where(held, middle, inside), np.where(held, outside, middle)
    return (outside + inside) / 2


@dataclass(frozen=True)
class Averaged:
    """One cell of balanced accuracy, by one method."""

    positives: int
    negatives: int
    recall: float
    specificity: float
    method: str
    covered: float
    width: float


def averaged(methods: dict[str, Callable[[tuple[int, int]], Bounds]]) -> Iterator[Averaged]:
    """Every cell of balanced accuracy by every one of the methods, enumerated."""
    for sizes in coverage.SIDES:
        for shares in coverage.SHARES:
            chance = coverage.chances(sizes, shares)
            for name, method in methods.items():
                judged = coverage.judged(chance, sum(shares) / 2, *method(sizes))
                yield Averaged(*sizes, *shares, name, *judged)
