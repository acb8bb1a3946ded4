"""How narrow an honest interval can be where the product's are wide, and what other methods do there.

The spread of the estimates, which stands beside the intervals elsewhere, is no interval: where nearly every
sample is without an error it is narrower than any interval that covers what it promises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import coverage
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ml_stages.evaluation.auc import newcombe
from ml_stages.evaluation.proportions import mean_of_proportions

Floats = NDArray[np.float64]
Bounds = tuple[Floats, Floats]
TAIL = (1 - coverage.CONFIDENCE) / 2
Z = NormalDist().inv_cdf(1 - TAIL)
_HALVINGS = 45
_FINE = np.r_[np.linspace(0.05, 0.95, 19), 0.97, 0.98, 0.99, 0.995, 0.999]


@dataclass(frozen=True)
class Method:
    """A method on one size of both classes: what it misses in the worst case of a fine grid of truths."""

    name: str
    positives: int
    negatives: int
    misses: float
    too_high: float
    """Lower bound above the truth: a limit that is not kept would pass."""


@dataclass(frozen=True)
class Floor:
    """One cell in which the product is more than 1.3 times as wide as the estimates' spread."""

    positives: int
    negatives: int
    recall: float
    specificity: float
    spread: float
    floor: float
    """Mean width, at this truth, of the narrowest interval that covers 95 % everywhere: a lower bound."""
    ours: float
    mid_p: float
    score: float


def floors(averages: Sequence[coverage.Average]) -> Iterator[Floor]:
    """Every wide cell of balanced accuracy."""
    for cell in averages:
        if cell.width <= 1.3 * cell.oracle:
            continue
        sizes, shares = (cell.positives, cell.negatives), (cell.recall, cell.specificity)
        chance = _chances(sizes, shares)
        widths = [float(np.sum(chance * np.subtract(*method(*sizes)[::-1]))) for method in METHODS.values()]
        yield Floor(*sizes, *shares, cell.oracle, _floor(sizes, shares), *widths)


def methods() -> Iterator[Method]:
    """Each method with every size of the grid."""
    for sizes in coverage._SIDES:  # noqa: SLF001 - the same grid
        for name, method in METHODS.items():
            lower, upper = method(*sizes)
            worst = np.zeros(2)
            for shares in ((recall, specificity) for recall in _FINE for specificity in _FINE):
                chance, truth = _chances(sizes, shares), sum(shares) / 2
                high = float(chance[lower > truth + 1e-9].sum())
                worst = np.maximum(worst, (high + float(chance[upper < truth - 1e-9].sum()), high))
            yield Method(name, *sizes, *(float(one) for one in worst))


def _chances(sizes: tuple[int, int], shares: tuple[float, float]) -> Floats:
    """Of every pair of counts of hits."""
    up, down = (
        stats.binom.pmf(np.arange(size + 1), size, share) for size, share in zip(sizes, shares, strict=True)
    )
    return np.asarray(np.outer(up, down))


@cache
def _ours(positives: int, negatives: int) -> Bounds:
    sizes = np.array([positives, negatives])
    hits = [(up, down) for up in range(positives + 1) for down in range(negatives + 1)]
    bounds = np.array([mean_of_proportions(pair, sizes, coverage.CONFIDENCE) for pair in hits])
    lower, upper = bounds.T.reshape(2, positives + 1, negatives + 1)
    return lower, upper


@cache
def _mid_p(positives: int, negatives: int) -> Bounds:
    """The same with mid-P intervals of both classes: half as much weight on what was seen itself."""
    (up, low_up, high_up), (down, low_down, high_down) = (_mid_p_of(size) for size in (positives, negatives))
    value = (up[:, None] + down) / 2
    below = np.hypot((up - low_up)[:, None], down - low_down) / 2
    above = np.hypot((high_up - up)[:, None], high_down - down) / 2
    return value - below, value + above


def _mid_p_of(size: int) -> tuple[Floats, Floats, Floats]:
    hits = np.arange(size + 1)
    share = hits / size

    def upper(count: NDArray[np.int64]) -> Floats:
        def kept(at: Floats) -> NDArray[np.bool_]:
            half = stats.binom.pmf(count, size, at) / 2
            return np.asarray(stats.binom.cdf(count - 1, size, at) + half > TAIL)

        return np.where(count == size, 1.0, _edge(kept, count / size, np.ones(size + 1)))

    return share, (1 - upper(size - hits)), upper(hits)


@cache
def _score(positives: int, negatives: int) -> Bounds:
    """Twice balanced accuracy less one is a difference of rates: Miettinen and Nurminen's score interval.

    Stat. Med. 4:213 (1985), with the most likely rates under a given difference in closed form.
    """
    hits, alarms = np.meshgrid(np.arange(positives + 1.0), np.arange(negatives, -1.0, -1.0), indexing="ij")
    value = hits / positives - alarms / negatives

    def score(difference: Floats) -> Floats:
        one, other = _likeliest((hits, positives), (alarms, negatives), difference)
        variance = one * (1 - one) / positives + other * (1 - other) / negatives
        variance *= (positives + negatives) / (positives + negatives - 1)
        return np.asarray((value - difference) / np.sqrt(np.maximum(variance, 1e-14)))

    lower = _edge(lambda at: score(at) < Z, value, np.full_like(value, -1.0))
    upper = _edge(lambda at: score(at) > -Z, value, np.ones_like(value))
    return (1 + lower) / 2, (1 + upper) / 2


def _likeliest(first: tuple[Floats, int], second: tuple[Floats, int], difference: Floats) -> Bounds:
    (x, m), (y, n) = first, second
    rows = m + n
    square = (m + 2 * n) * difference - rows - x - y
    linear = (n * difference - rows - 2 * y) * difference + x + y
    constant = y * difference * (1 - difference)
    q = square**3 / (3 * rows) ** 3 - linear * square / (6 * rows**2) + constant / (2 * rows)
    p = np.sqrt(np.maximum(square**2 / (3 * rows) ** 2 - linear / (3 * rows), 0)) * np.where(q < 0, -1, 1)
    angle = (np.pi + np.arccos(np.clip(q / np.where(p == 0, 1, p) ** 3, -1, 1))) / 3
    other = 2 * p * np.cos(angle) - square / (3 * rows)
    other = np.clip(other, np.maximum(0, -difference), np.minimum(1, 1 - difference))
    return np.clip(other + difference, 0, 1), other


def _edge(kept: Callable[[Floats], NDArray[np.bool_]], inside: Floats, outside: Floats) -> Floats:
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        held = kept(middle)
        inside, outside = np.where(held, middle, inside), np.where(held, outside, middle)
    return inside


METHODS = {"exact, squared distances": _ours, "mid-P, squared distances": _mid_p, "score": _score}


def _floor(sizes: tuple[int, int], shares: tuple[float, float]) -> float:
    """The mean width is the chance to hold each value, summed: Pratt, J. Am. Stat. Assoc. 56:549 (1961).

    An interval that covers 95 % holds a value with at least the chance with which the best test of that
    value against this very truth accepts it (Neyman and Pearson), for whichever pair of rates has that mean.
    """
    truth = sum(shares) / 2
    spread = np.hypot(*(np.sqrt(p * (1 - p) / n) for p, n in zip(shares, sizes, strict=True))) / 2
    reach = 6 * spread + 4 / min(sizes)
    values = np.linspace(max(truth - reach, 0.3), min(truth + reach, 1 - 1e-6), 81)
    here = _chances(sizes, shares)
    return float(np.trapezoid([_accepted(float(value), sizes, shares, here) for value in values], values))


def _accepted(value: float, sizes: tuple[int, int], shares: tuple[float, float], here: Floats) -> float:
    least, most = max(0.0, 2 * value - 1), min(1.0, 2 * value)
    near = np.array([-0.02, -0.01, -0.005, 0, 0.005, 0.01, 0.02])
    recalls = np.r_[np.linspace(least, most, 25)[1:-1], shares[0] + near, 2 * value - shares[1] + near]
    pairs = [(one, 2 * value - one) for one in np.unique(np.clip(recalls, least + 1e-6, most - 1e-6))]
    return max(_best_test(_chances(sizes, pair), here) for pair in pairs if 0 < pair[1] < 1)


def _best_test(null: Floats, here: Floats) -> float:
    """The least chance, where ``here`` is true, to accept what is accepted with 95 % under ``null``."""
    usable = (null > 1e-12) | (here > 1e-12)
    asked, cost = null[usable], here[usable]
    order = np.argsort(cost / np.maximum(asked, 1e-300))
    held, paid = np.cumsum(asked[order]), np.cumsum(cost[order])
    last = int(np.searchsorted(held, coverage.CONFIDENCE))
    if last >= held.size:
        return 1.0
    before = (held[last - 1], paid[last - 1]) if last else (0.0, 0.0)
    part = (coverage.CONFIDENCE - before[0]) / asked[order][last]
    return float(before[1] + part * cost[order][last])


@dataclass(frozen=True)
class Ranked:
    """Two intervals of one AUC: what they miss, and how wide they are beside the estimates' spread."""

    positives: int
    negatives: int
    auc: float
    newcombe_misses: float
    newcombe_width: float
    logit_misses: float
    logit_width: float


def ranked(draws: int, rng: np.random.Generator) -> Iterator[Ranked]:
    """Normal scores."""
    for sizes in ((25, 475), (72, 528)):
        for auc in (0.9, 0.95, 0.99):
            values, variances = _aucs(*sizes, auc, draws, rng)
            spread = float(np.diff(np.quantile(values, [TAIL, 1 - TAIL]))[0])
            ours = np.array([newcombe(value, *sizes, Z) for value in values]).T
            inside = np.clip(values, 1e-9, 1 - 1e-9)
            half, centre = Z * np.sqrt(variances) / (inside * (1 - inside)), np.log(inside / (1 - inside))
            logit = 1 / (1 + np.exp(np.stack([half - centre, -half - centre])))
            found = [
                part
                for lower, upper in (ours, logit)
                for part in (np.mean((lower > auc) | (auc > upper)), np.mean(upper - lower) / spread)
            ]
            yield Ranked(*sizes, auc, *(float(part) for part in found))


def _aucs(positives: int, negatives: int, auc: float, draws: int, rng: np.random.Generator) -> Bounds:
    """Values, and DeLong's variances."""
    shift = 2**0.5 * NormalDist().inv_cdf(auc)
    found = np.empty((2, draws))
    for draw in range(draws):
        high, low = np.sort(rng.normal(shift, 1, positives)), np.sort(rng.normal(0, 1, negatives))
        above, below = np.searchsorted(low, high) / negatives, 1 - np.searchsorted(high, low) / positives
        found[:, draw] = above.mean(), above.var(ddof=1) / positives + below.var(ddof=1) / negatives
    return found[0], found[1]
