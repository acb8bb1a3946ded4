"""Intervals of one AUC with scores of many shapes, and how narrow an interval that holds for all can be.

Beside the product's on the same draws: those that a user could take instead (``instead``), which err where
the shape is not what they suppose, and the product's version before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import coverage
import numpy as np
from instead import AUC, RESAMPLED, TAIL, Bounds, Drawn, Resampling, Z, logit_delong
from numpy.typing import NDArray
from scipy import stats

from ml_stages.evaluation.auc import auc_interval
from ml_stages.evaluation.influence import Moments, Summary
from ml_stages.evaluation.quantiles import t_quantile

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]
"""Scores of so many samples of so many rows."""
SIZES = ((25, 475), (72, 528))
AUCS = (0.75, 0.9, 0.96, 0.99)
_AT_ONCE = 2_000
_MOST, _CLOSE = 0.4, 1e-9
RESAMPLED_DRAWS, _RESAMPLES = 4_000, 1_000


@dataclass(frozen=True)
class Ranked:
    """One cell: what intervals of an AUC miss, and how wide they are."""

    positives: int
    negatives: int
    auc: float
    scores: str
    too_high: float
    """Lower bound above the truth: a limit that is not kept would pass."""
    too_low: float
    width: float
    before_misses: float
    """The product's before, which allowed for one more row that ranks below all else."""
    before_width: float
    spread: float
    """Between the 2.5 and 97.5 % quantiles of the AUCs."""
    floor: float
    """Least mean width of any interval that covers for scores of every shape."""
    instead: dict[str, tuple[float, float]]
    """What other methods miss, and how wide they are."""


def ranked(draws: int) -> Iterator[Ranked]:
    """Every shape that can have the AUC."""
    for sizes in SIZES:
        for auc in AUCS:
            for number, (name, shape) in enumerate(SHAPES.items()):
                if drawn := shape(auc):
                    seed = [23, sizes[0], round(100 * auc), number]
                    yield _cell(_Place(sizes, auc, name), drawn, draws, seed)


@dataclass(frozen=True)
class _Place:
    sizes: tuple[int, int]
    auc: float
    scores: str


def _cell(place: _Place, shape: tuple[Draw, Draw], draws: int, seed: list[int]) -> Ranked:
    sizes, auc = place.sizes, place.auc
    values, high, low, cubed = _aucs(sizes, shape, draws, np.random.default_rng(seed))
    drawn = Drawn(values, high, low, *sizes)
    summaries = [
        Summary(value, Moments(sum(sizes), variance, third))
        for value, variance, third in zip(values.tolist(), (high + low).tolist(), cubed.tolist(), strict=True)
    ]
    ours = np.array([auc_interval(one, sizes[0], coverage.CONFIDENCE)[:2] for one in summaries]).T
    before = _before(drawn, cubed, ours[1]), ours[1]
    instead = {method: _judged(of(drawn), auc) for method, of in AUC.items()}
    instead[RESAMPLED] = _judged(_resampled(sizes, shape, np.random.default_rng([*seed, 1])), auc)
    return Ranked(
        *sizes,
        auc,
        place.scores,
        float(np.mean(ours[0] > auc)),
        float(np.mean(ours[1] < auc)),
        float(np.mean(ours[1] - ours[0])),
        *_judged(before, auc),
        float(np.diff(np.quantile(values, [TAIL, 1 - TAIL]))[0]),
        _floor(auc, sizes[0]),
        instead,
    )


@dataclass(frozen=True)
class Hidden:
    """What is missed at most where positives rank above all negatives or below them all, enumerated."""

    positives: int
    misses: float
    """With the worst share of rows below."""
    before: float


def hidden() -> Iterator[Hidden]:
    """By the number of positives; negatives are many, so that they add nothing."""
    for positives in (5, 10, 15, 25, 40, 72, 150, 500, 1_000):
        below = np.arange(positives + 1)
        value = 1 - below / positives
        scale = np.sqrt(positives * (positives - 1))
        squared, cubed = (
            ((positives - below) * (1 - value) ** power + below * (-value) ** power) / scale**power
            for power in (2, 3)
        )
        drawn = Drawn(value, squared, np.zeros_like(value), positives, positives)
        summaries = [
            Summary(*found) for found in zip(value.tolist(), map(Moments, below, squared, cubed), strict=True)
        ]
        ours = np.array([auc_interval(one, positives, coverage.CONFIDENCE)[:2] for one in summaries]).T
        before = np.where(value > 0.5, _before(drawn, cubed, ours[1]), ours[0])
        yield Hidden(positives, _most_missed(ours[0], ours[1]), _most_missed(before, ours[1]))


def _most_missed(lower: Floats, upper: Floats) -> float:
    """Over shares of up to two fifths, those just beyond each bound among them."""
    rows = lower.size - 1
    edges = np.r_[1 - lower + _CLOSE, 1 - upper - _CLOSE]
    shares = np.r_[np.linspace(0.001, _MOST, 800), edges[(edges > 0) & (edges < _MOST)]][:, None]
    chance = stats.binom.pmf(np.arange(rows + 1), rows, shares)
    return float(np.max(np.sum(chance * ((lower > 1 - shares) | (upper < 1 - shares)), axis=1)))


def _judged(bounds: Bounds, auc: float) -> tuple[float, float]:
    lower, upper = bounds
    return float(np.mean((lower > auc) | (auc > upper))), float(np.mean(upper - lower))


def _before(drawn: Drawn, cubed: Floats, upper: Floats) -> Floats:
    """The lower bound of the version before; the upper one has not changed."""
    t = t_quantile(coverage.CONFIDENCE, drawn.positives - 1)
    variance = drawn.error**2 + (Z / t * drawn.values / drawn.positives) ** 2
    shift = t * t * np.maximum(-cubed, 0) / np.maximum(variance, 1e-300) / 4
    least = np.maximum(drawn.values - shift - np.sqrt(shift**2 + t * t * variance), 0)
    widened = (t / Z) ** 2
    sizes = drawn.positives, drawn.negatives
    wide = Drawn(drawn.values, drawn.of_positives * widened, drawn.of_negatives * widened, *sizes)
    varied = (drawn.values < 1) & (drawn.error > 0)
    return np.where(varied, np.minimum(logit_delong(wide)[0], least), np.minimum(least, upper))


def _resampled(sizes: tuple[int, int], shape: tuple[Draw, Draw], rng: np.random.Generator) -> Bounds:
    """Of fewer draws, since each is resampled a thousand times."""
    resampling = Resampling.of(sizes, _RESAMPLES, rng)
    high, low = (one(rng, (RESAMPLED_DRAWS, size)) for one, size in zip(shape, sizes, strict=True))
    lower, upper = np.array([resampling.bounds(*each) for each in zip(high, low, strict=True)]).T
    return lower, upper


def _floor(auc: float, positives: int) -> float:
    """Mean width that no interval undercuts which covers 95 % for scores of every shape (Pratt, 1961).

    Where a share of the positives ranks below everything, the AUC is lower by that share, and a sample has
    none of them with a chance of (1 - share) ** positives; it then looks like any other. So a test of the
    lower AUC that errs in 5 % rejects such a sample in at most 5 % over that chance.
    """
    error = 1 - coverage.CONFIDENCE
    most = 1 - error ** (1 / positives)
    return auc * (most - error * ((1 - most) ** (1 - positives) - 1) / (positives - 1))


def _aucs(sizes: tuple[int, int], shape: tuple[Draw, Draw], draws: int, rng: np.random.Generator) -> Floats:
    """Values, DeLong's variances of either class, and the sums of the rows' cubed contributions."""
    parts = []
    for start in range(0, draws, _AT_ONCE):
        count = min(_AT_ONCE, draws - start)
        parts.append(_placed(*(one(rng, (count, size)) for one, size in zip(shape, sizes, strict=True))))
    return np.concatenate(parts, axis=1)


def _placed(high: Floats, low: Floats) -> Floats:
    positives, negatives = high.shape[1], low.shape[1]
    positive = np.argsort(np.concatenate([high, low], axis=1), axis=1, kind="stable") < positives
    above = np.cumsum(~positive, axis=1)[positive].reshape(high.shape) / negatives
    below = 1 - np.cumsum(positive, axis=1)[~positive].reshape(low.shape) / positives
    value = above.mean(axis=1)
    parts = [
        (places - value[:, None]) / np.sqrt(places.shape[1] * (places.shape[1] - 1))
        for places in (above, below)
    ]
    squared, cubed = ([np.sum(part**power, axis=1) for part in parts] for power in (2, 3))
    return np.stack([value, *squared, cubed[0] + cubed[1]])


def _normal(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return rng.normal(size=shape)


def _lowest(_: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return np.full(shape, -50.0)


def _spread(times: float) -> Callable[[float], tuple[Draw, Draw]]:
    """Normal scores, those of positives so many times as wide."""

    def of(auc: float) -> tuple[Draw, Draw]:
        shift = float(np.hypot(1, times)) * NormalDist().inv_cdf(auc)
        return lambda rng, shape: rng.normal(shift, times, shape), _normal

    return of


def _exponential(auc: float) -> tuple[Draw, Draw]:
    scale = auc / (1 - auc)
    return (lambda rng, shape: rng.exponential(scale, shape)), (lambda rng, shape: rng.exponential(1, shape))


def _mixed(share: float, hard: Draw, rank: float) -> Callable[[float], tuple[Draw, Draw] | None]:
    """Normal scores, but of a share of the positives, whose own AUC is ``rank``."""

    def of(auc: float) -> tuple[Draw, Draw] | None:
        others = (auc - share * rank) / (1 - share)
        if others > 0.999:  # there is no such mixture
            return None
        shift = 2**0.5 * NormalDist().inv_cdf(others)

        def positives(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
            return np.where(rng.random(shape) < share, hard(rng, shape), rng.normal(shift, 1, shape))

        return positives, _normal

    return of


SHAPES: dict[str, Callable[[float], tuple[Draw, Draw] | None]] = {
    "normal": _spread(1),
    "positives twice as wide": _spread(2),
    "positives half as wide": _spread(0.5),
    "exponential": _exponential,
    "15 % of positives not told apart": _mixed(0.15, _normal, 0.5),
    "5 % of positives below all": _mixed(0.05, _lowest, 0.0),
    "positives four times as wide": _spread(4),
    "3 % of positives below all": _mixed(0.03, _lowest, 0.0),
    "8 % of positives below all": _mixed(0.08, _lowest, 0.0),
}
