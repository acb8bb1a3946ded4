"""How narrow an honest interval can be where the product's are wide, and what other methods do there.

The spread of the estimates, which stands beside the intervals elsewhere, is no interval: where nearly every
sample is without an error it is narrower than any interval that covers what it promises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from statistics import NormalDist

import coverage
import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

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
    too_low: float


@dataclass(frozen=True)
class Floor:
    """One cell in which squared distances are more than 1.3 times as wide as the estimates' spread."""

    positives: int
    negatives: int
    recall: float
    specificity: float
    spread: float
    floor: float
    """Mean width, at this truth, of the narrowest interval that covers 95 % everywhere: a lower bound."""
    sided: float
    """The same of intervals of which each side errs in at most 2.5 %."""
    ours: float
    distances: float
    mid_p: float
    score: float


def floors(averages: Sequence[coverage.Average]) -> Iterator[Floor]:
    """Every cell of balanced accuracy that was wide."""
    for cell in averages:
        if cell.distances_width <= 1.3 * cell.oracle:
            continue
        sizes, shares = (cell.positives, cell.negatives), (cell.recall, cell.specificity)
        chance = coverage.chances(sizes, shares)
        widths = [float(np.sum(chance * np.subtract(*method(sizes)[::-1]))) for method in (_mid_p, _score)]
        least = [_floor(sizes, shares, 1 - error) for error in (2 * TAIL, TAIL)]
        yield Floor(*sizes, *shares, cell.oracle, *least, cell.width, cell.distances_width, *widths)


def methods() -> Iterator[Method]:
    """Each method with every size of the grid; the exact test with those of which all pairs were computed."""
    for sizes, (name, method) in product(coverage.SIDES, METHODS.items()):
        if method is coverage.product_bounds and sizes[0] > coverage.WHOLE:
            continue
        lower, upper = method(sizes)
        worst = np.zeros(3)
        for shares in product(_FINE, _FINE):
            chance, truth = coverage.chances(sizes, shares), sum(shares) / 2
            high = float(chance[lower > truth + 1e-9].sum())
            low = float(chance[upper < truth - 1e-9].sum())
            worst = np.maximum(worst, (high + low, high, low))
        yield Method(name, *sizes, *(float(one) for one in worst))


@cache
def _mid_p(sizes: tuple[int, int]) -> Bounds:
    """The same with mid-P intervals of both classes: half as much weight on what was seen itself."""
    (up, low_up, high_up), (down, low_down, high_down) = (_mid_p_of(size) for size in sizes)
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
def _score(sizes: tuple[int, int]) -> Bounds:
    """Twice balanced accuracy less one is a difference of rates: Miettinen and Nurminen's score interval.

    Stat. Med. 4:213 (1985), with the most likely rates under a given difference in closed form.
    """
    positives, negatives = sizes
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


def _of_rates(method: str) -> Callable[[tuple[int, int]], Bounds]:
    """Of the difference of recall and false alarms, as statsmodels has it."""

    @cache
    def bounds(sizes: tuple[int, int]) -> Bounds:
        hits, alarms = np.meshgrid(np.arange(sizes[0] + 1), np.arange(sizes[1], -1, -1), indexing="ij")
        rows = (hits, sizes[0], alarms, sizes[1])
        with np.errstate(divide="ignore", invalid="ignore"):
            lower, upper = confint_proportions_2indep(*rows, method=method, compare="diff", alpha=2 * TAIL)
        return (1 + np.clip(lower, -1, 1)) / 2, (1 + np.clip(upper, -1, 1)) / 2

    return bounds


INSTEAD: dict[str, Callable[[tuple[int, int]], Bounds]] = {
    "exact, squared distances": coverage.distance_bounds,
    "mid-P, squared distances": _mid_p,
    "score": _score,
    "Newcombe": _of_rates("newcomb"),
    "Agresti-Caffo": _of_rates("agresti-caffo"),
    "Wald": _of_rates("wald"),
}
"""What a user could take instead of the product's."""
METHODS = {"exact test of the mean": coverage.product_bounds} | INSTEAD


def _floor(sizes: tuple[int, int], shares: tuple[float, float], held: float) -> float:
    """The mean width is the chance to hold each value, summed: Pratt, J. Am. Stat. Assoc. 56:549 (1961).

    An interval that holds every truth so often holds a value with at least the chance with which the best
    test of that value against this very truth accepts it (Neyman and Pearson), for whichever pair of rates
    has that mean.
    """
    truth = sum(shares) / 2
    spread = np.hypot(*(np.sqrt(p * (1 - p) / n) for p, n in zip(shares, sizes, strict=True))) / 2
    reach = 6 * spread + 4 / min(sizes)
    values = np.linspace(max(truth - reach, 0.3), min(truth + reach, 1 - 1e-6), 81)
    return float(np.trapezoid([_accepted(float(value), sizes, shares, held) for value in values], values))


def _accepted(value: float, sizes: tuple[int, int], shares: tuple[float, float], held: float) -> float:
    least, most = max(0.0, 2 * value - 1), min(1.0, 2 * value)
    near = np.array([-0.02, -0.01, -0.005, 0, 0.005, 0.01, 0.02])
    recalls = np.r_[np.linspace(least, most, 25)[1:-1], shares[0] + near, 2 * value - shares[1] + near]
    pairs = [(one, 2 * value - one) for one in np.unique(np.clip(recalls, least + 1e-6, most - 1e-6))]
    here = coverage.chances(sizes, shares)
    return max(_best_test(coverage.chances(sizes, pair), here, held) for pair in pairs if 0 < pair[1] < 1)


def _best_test(null: Floats, here: Floats, held: float) -> float:
    """The least chance, where ``here`` is true, to accept what is accepted with ``held`` under ``null``."""
    usable = (null > 1e-12) | (here > 1e-12)
    asked, cost = null[usable], here[usable]
    order = np.argsort(cost / np.maximum(asked, 1e-300))
    taken, paid = np.cumsum(asked[order]), np.cumsum(cost[order])
    last = int(np.searchsorted(taken, held))
    if last >= taken.size:
        return 1.0
    before = (taken[last - 1], paid[last - 1]) if last else (0.0, 0.0)
    part = (held - before[0]) / asked[order][last]
    return float(before[1] + part * cost[order][last])
