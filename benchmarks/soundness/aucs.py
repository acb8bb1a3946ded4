"""Intervals of one AUC with scores of many shapes, and how narrow an interval that holds for all can be.

Newcombe's method 5 supposes scores that spread alike in both classes, and DeLong's variance is too small
where the AUC came out too high: either errs where its supposition fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import coverage
import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.auc import auc_interval, newcombe
from ml_stages.evaluation.influence import Moments, Summary

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]
"""Scores of so many samples of so many rows."""
TAIL = (1 - coverage.CONFIDENCE) / 2
Z = NormalDist().inv_cdf(1 - TAIL)
SIZES = ((25, 475), (72, 528))
AUCS = (0.75, 0.9, 0.99)
_ENOUGH = 10
_AT_ONCE = 2_000


@dataclass(frozen=True)
class Ranked:
    """One cell: what intervals of an AUC miss, and how wide they are beside the estimates' spread."""

    positives: int
    negatives: int
    auc: float
    scores: str
    too_high: float
    """Lower bound above the truth: a limit that is not kept would pass."""
    too_low: float
    width: float
    switched_misses: float
    """Newcombe's method 5 or DeLong's by the number of rows ranked wrongly: the product's before."""
    switched_width: float
    logit_misses: float
    logit_width: float
    floor: float
    """Least mean width of any interval that covers for scores of every shape."""


def ranked(draws: int) -> Iterator[Ranked]:
    """Every shape that can have the AUC."""
    for sizes in SIZES:
        for auc in AUCS:
            for number, (name, shape) in enumerate(SHAPES.items()):
                if drawn := shape(auc):
                    rng = np.random.default_rng([23, sizes[0], round(100 * auc), number])
                    yield _cell(sizes, auc, name, _aucs(sizes, drawn, draws, rng))


def _cell(sizes: tuple[int, int], auc: float, name: str, found: tuple[Floats, Floats]) -> Ranked:
    values, variances = found
    rows = sum(sizes)
    spread = float(np.diff(np.quantile(values, [TAIL, 1 - TAIL]))[0])
    pairs = zip(values.tolist(), variances.tolist(), strict=True)
    summaries = [Summary(value, Moments(rows, variance, 0.0)) for value, variance in pairs]
    ours = np.array([auc_interval(one, sizes[0], rows, coverage.CONFIDENCE)[:2] for one in summaries]).T
    logit = _logit(values, variances)
    few = sizes[0] * np.minimum(values, 1 - values) < _ENOUGH
    switched = np.where(few, _newcombe(values, sizes), logit)
    return Ranked(
        *sizes,
        auc,
        name,
        float(np.mean(ours[0] > auc)),
        float(np.mean(ours[1] < auc)),
        float(np.mean(ours[1] - ours[0])) / spread,
        _misses(switched, auc),
        float(np.mean(switched[1] - switched[0])) / spread,
        _misses(logit, auc),
        float(np.mean(logit[1] - logit[0])) / spread,
        _floor(auc, sizes[0]) / spread,
    )


def _misses(bounds: Floats, auc: float) -> float:
    return float(np.mean((bounds[0] > auc) | (auc > bounds[1])))


def _newcombe(values: Floats, sizes: tuple[int, int]) -> Floats:
    distinct, place = np.unique(np.round(values, 9), return_inverse=True)
    return np.array([newcombe(float(value), *sizes, Z) for value in distinct]).T[:, place]


def _logit(values: Floats, variances: Floats) -> Floats:
    inside = np.clip(values, 1e-9, 1 - 1e-9)
    half, centre = Z * np.sqrt(variances) / (inside * (1 - inside)), np.log(inside / (1 - inside))
    return np.asarray(1 / (1 + np.exp(np.clip(np.stack([half - centre, -half - centre]), -700, 700))))


def _floor(auc: float, positives: int) -> float:
    """Mean width that no interval undercuts which covers 95 % for scores of every shape (Pratt, 1961).

    Where a share of the positives ranks below everything, the AUC is lower by that share, and a sample has
    none of them with a chance of (1 - share) ** positives; it then looks like any other. So a test of the
    lower AUC that errs in 5 % rejects such a sample in at most 5 % over that chance.
    """
    error = 1 - coverage.CONFIDENCE
    most = 1 - error ** (1 / positives)
    return auc * (most - error * ((1 - most) ** (1 - positives) - 1) / (positives - 1))


def _aucs(
    sizes: tuple[int, int], shape: tuple[Draw, Draw], draws: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Values, and DeLong's variances."""
    parts = []
    for start in range(0, draws, _AT_ONCE):
        count = min(_AT_ONCE, draws - start)
        parts.append(_placed(*(one(rng, (count, size)) for one, size in zip(shape, sizes, strict=True))))
    values, variances = np.concatenate(parts, axis=1)
    return values, variances


def _placed(high: Floats, low: Floats) -> Floats:
    positives, negatives = high.shape[1], low.shape[1]
    positive = np.argsort(np.concatenate([high, low], axis=1), axis=1, kind="stable") < positives
    above = np.cumsum(~positive, axis=1)[positive].reshape(high.shape) / negatives
    below = 1 - np.cumsum(positive, axis=1)[~positive].reshape(low.shape) / positives
    variances = above.var(axis=1, ddof=1) / positives + below.var(axis=1, ddof=1) / negatives
    return np.stack([above.mean(axis=1), variances])


def _normal(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return rng.normal(size=shape)


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
    "5 % of positives below all": _mixed(0.05, lambda _, shape: np.full(shape, -50.0), 0.0),
}
