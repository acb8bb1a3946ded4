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

from ml_stages.evaluation.auc import auc_interval
from ml_stages.evaluation.influence import Moments, Summary
from ml_stages.evaluation.quantiles import t_quantile
from ml_stages.evaluation.shares import nearly_upper

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]
"""Scores of so many samples of so many rows."""
TAIL = (1 - coverage.CONFIDENCE) / 2
Z = NormalDist().inv_cdf(1 - TAIL)
SIZES = ((25, 475), (72, 528))
AUCS = (0.75, 0.9, 0.96, 0.99)
_ENOUGH, _HALVINGS = 10, 52
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
    before_misses: float
    """Newcombe's method 5 or DeLong's by t and as a share, whichever is wider: the product's before."""
    before_width: float
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


def _cell(sizes: tuple[int, int], auc: float, name: str, found: Floats) -> Ranked:
    values, variances = found[:2]
    spread = float(np.diff(np.quantile(values, [TAIL, 1 - TAIL]))[0])
    summaries = [
        Summary(value, Moments(sum(sizes), variance, cubed)) for value, variance, cubed in found.T.tolist()
    ]
    ours = np.array([auc_interval(one, sizes[0], coverage.CONFIDENCE)[:2] for one in summaries]).T
    logit, before = _logit(values, variances, Z), _before(values, variances, sizes)
    return Ranked(
        *sizes,
        auc,
        name,
        float(np.mean(ours[0] > auc)),
        float(np.mean(ours[1] < auc)),
        float(np.mean(ours[1] - ours[0])) / spread,
        _misses(before, auc),
        float(np.mean(before[1] - before[0])) / spread,
        _misses(logit, auc),
        float(np.mean(logit[1] - logit[0])) / spread,
        _floor(auc, sizes[0]) / spread,
    )


def _misses(bounds: Floats, auc: float) -> float:
    return float(np.mean((bounds[0] > auc) | (auc > bounds[1])))


def _before(values: Floats, variances: Floats, sizes: tuple[int, int]) -> Floats:
    """The product's before, for values above 0.5."""
    t = t_quantile(coverage.CONFIDENCE, sizes[0] - 1)
    lower, upper = _logit(values, variances, t)
    distinct, place = np.unique(np.round(values, 9), return_inverse=True)
    least, most = np.array([newcombe(float(value), *sizes, Z) for value in distinct]).T[:, place]
    few = sizes[0] * (1 - values) < _ENOUGH
    varied = (values < 1) & (variances > 0)
    shares = np.ones(values.size)
    worth = values[few & varied] * (1 - values[few & varied]) / variances[few & varied] * (Z / t) ** 2
    pairs = zip(values[few & varied].tolist(), worth.tolist(), strict=True)
    shares[few & varied] = [nearly_upper(value * rows, (1 - value) * rows, Z) for value, rows in pairs]
    lower = np.where(few, np.where(varied, np.minimum(lower, least), least), lower)
    return np.stack([lower, np.where(few, np.where(varied, np.maximum(shares, most), most), upper)])


def newcombe(auc: float, positives: int, negatives: int, z: float) -> tuple[float, float]:
    """Method 5 of Newcombe, Stat. Med. 25:559 (2006): the AUCs that a score test does not reject.

    The test takes Hanley and McNeil's variance at the hypothetical AUC, with both group sizes in it
    replaced by their mean.
    """
    others = (positives + negatives) / 2 - 1

    def accepted(true: float) -> bool:
        shape = 1 + others * ((1 - true) / (2 - true) + true / (1 + true))
        variance = true * (1 - true) * shape / (positives * negatives)
        return (auc - true) ** 2 <= z * z * variance

    return _edge(accepted, auc, 0.0), _edge(accepted, auc, 1.0)


def _edge(accepted: Callable[[float], bool], inside: float, outside: float) -> float:
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        if accepted(middle):
            inside = middle
        else:
            outside = middle
    return (outside + inside) / 2


def _logit(values: Floats, variances: Floats, z: float) -> Floats:
    inside = np.clip(values, 1e-9, 1 - 1e-9)
    half, centre = z * np.sqrt(variances) / (inside * (1 - inside)), np.log(inside / (1 - inside))
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


def _aucs(sizes: tuple[int, int], shape: tuple[Draw, Draw], draws: int, rng: np.random.Generator) -> Floats:
    """Values, DeLong's variances, and the sums of the rows' cubed contributions."""
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
    return np.stack([value, *(sum(np.sum(part**power, axis=1) for part in parts) for power in (2, 3))])


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
