"""Families of slices and of gates whose rows come in few groups: how often something is wrongly said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.influence import Spread, freedom_of, half_widths, spread
from ml_stages.evaluation.quantiles import t_quantile
from ml_stages.gates.multiple import Reading

Floats = NDArray[np.float64]
Shape = tuple[int, int, int]
"""Draws, slices, groups."""

CONFIDENCE = 0.95
ERROR = (1 - CONFIDENCE) / 2
SLICES, GATES = 20, 12
SIZE = 10
ALIKE = 0.3
_CELLS = 2_000_000
_CHECKED = 20


@dataclass(frozen=True)
class Sample:
    """Numbers on every slice of every draw, by groups of rows on the last axis."""

    value: Floats
    influence: Floats
    shares: Floats
    """Of the slice's rows in each group."""
    unseen: Floats
    truth: float


@dataclass(frozen=True)
class Few:
    """Shares of draws over families in which every true value is just the limit (20 slices, or 12 gates)."""

    kind: str
    groups: int
    slices: float
    """Some of 20 slices is called worse."""
    gates: float
    """Some of 12 gates is."""
    before: float
    """Some of 20 slices, by Student's t for the number of groups alone, and rows as degrees of freedom."""
    one_fails: float
    one_passes: float
    """A slice by itself, which needs no correction."""


def _alike(share: float, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    weight = 1 / ALIKE - 1
    return rng.beta(share * weight, (1 - share) * weight, shape)


def _sizes(shape: Shape, uneven: float, rng: np.random.Generator) -> Floats:
    return np.maximum(np.round(SIZE * np.exp(uneven * rng.standard_normal(shape))), 1.0)


def accuracies(shape: Shape, uneven: float, rng: np.random.Generator) -> Sample:
    """Accuracy compared: two equal models, each right in 0.8 of the rows."""
    sizes = _sizes(shape, uneven, rng)
    rows = sizes.sum(axis=-1, keepdims=True)
    right = rng.binomial(sizes.astype(np.int64), _alike(0.8, (2, *shape), rng))
    change = (right[0] - right[1]).astype(np.float64)
    value = change.sum(axis=-1) / rows[..., 0]
    influence = (change - sizes * value[..., None]) / rows
    return Sample(value, influence, sizes / rows, np.full(shape[:2], 1 / shape[2]), 0.0)


def numbers(shape: Shape, uneven: float, skewed: float, rng: np.random.Generator) -> Sample:
    """A metric of one's own, one number a row: groups differ normally, or by lognormal amounts."""
    sizes = _sizes(shape, uneven, rng)
    shares = sizes / sizes.sum(axis=-1, keepdims=True)
    between = rng.standard_normal(shape)
    if skewed:
        between = (np.exp(skewed * between) - np.exp(skewed**2 / 2)) / skewed
    means = np.sqrt(ALIKE) * between + np.sqrt((1 - ALIKE) / sizes) * rng.standard_normal(shape)
    value = (shares * means).sum(axis=-1)
    influence = shares * (means - value[..., None])
    return Sample(value, influence, shares, np.abs(influence).max(axis=-1), 0.0)


KINDS: dict[str, Callable[[Shape, np.random.Generator], Sample]] = {
    "accuracy compared": lambda shape, rng: accuracies(shape, 0.0, rng),
    "accuracy compared, groups of unequal size": lambda shape, rng: accuracies(shape, 1.0, rng),
    "own number by row": lambda shape, rng: numbers(shape, 0.0, 0.0, rng),
    "own number by row, groups of unequal size": lambda shape, rng: numbers(shape, 1.0, 0.0, rng),
    "own number by row, groups skewed": lambda shape, rng: numbers(shape, 0.0, 0.5, rng),
}


def few_groups(draws: int, seed: int) -> Iterator[Few]:
    for number, (kind, sample) in enumerate(KINDS.items()):
        for groups in (10, 20, 50):
            yield family(kind, groups, sample, draws, np.random.default_rng([seed, number, groups]))


def family(
    kind: str,
    groups: int,
    draw: Callable[[Shape, np.random.Generator], Sample],
    draws: int,
    rng: np.random.Generator,
) -> Few:
    at_once = max(_CELLS // (groups * SLICES), 1)
    found = np.zeros(5)
    for start in range(0, draws, at_once):
        count = min(at_once, draws - start)
        found += _errors(draw((count, SLICES, groups), rng), first=start == 0)
    return Few(kind, groups, *(found / draws).tolist())


def _errors(sample: Sample, *, first: bool) -> Floats:
    """How many draws err in each way."""
    squares, pulls = np.sum(sample.shares**2, axis=-1), sample.shares**2 / (1 - sample.shares)
    freedom = 1 / (squares + pulls.sum(axis=-1) ** 2 - np.sum(pulls**2, axis=-1))
    freedom = np.maximum(np.floor(freedom + 1e-9), 1).astype(np.int64)
    scaled = sample.influence / np.sqrt(1 - sample.shares)
    below, above = _half_widths(scaled, sample.unseen, freedom)
    if first:
        _check(sample, below, above, freedom)
    groups = sample.shares.shape[-1]
    plain = sample.influence * np.sqrt(groups / (groups - 1))
    chances = _chances(sample, above, freedom, np.sqrt(np.sum(scaled**2, axis=-1)))
    before = _chances_before(sample, _half_widths(plain, sample.unseen, np.full_like(freedom, groups - 1))[1])
    return np.array(
        [
            np.sum(chances.min(axis=1) <= ERROR / SLICES),
            np.sum(chances[:, :GATES].min(axis=1) <= ERROR / GATES),
            np.sum(before.min(axis=1) <= ERROR / SLICES),
            np.mean(sample.value + above < sample.truth, axis=1).sum(),
            np.mean(sample.value - below > sample.truth, axis=1).sum(),
        ]
    )


def _half_widths(influence: Floats, unseen: Floats, freedom: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The product's, for many samples at once."""
    variance, cubes = np.sum(influence**2, axis=-1), np.sum(influence**3, axis=-1)
    weight = np.maximum(variance + unseen**2, 1e-300)
    known, place = np.unique(freedom, return_inverse=True)
    z = np.array([t_quantile(CONFIDENCE, int(one)) for one in known])[place].reshape(freedom.shape)
    halves = []
    for sign in (-1, 1):
        shift = z**2 * (np.maximum(sign * cubes, 0) + unseen**3) / weight / 2
        halves.append(shift + np.sqrt(shift**2 + z**2 * variance))
    return halves[0], halves[1]


def _check(sample: Sample, below: Floats, above: Floats, freedom: NDArray[np.int64]) -> None:
    """Hold the first samples to the product's own functions."""
    for place in range(_CHECKED):
        at = (0, place)
        groups = np.arange(sample.shares.shape[-1])
        assert freedom[at] == freedom_of(sample.shares[at])
        scaled = sample.influence[at] / np.sqrt(1 - sample.shares[at])
        found: Spread = spread(scaled * np.sqrt(1 - 1 / groups.size), float(sample.unseen[at]), groups)
        found = Spread(found.variance, found.down, found.up, int(freedom[at]))
        assert np.allclose(half_widths(found, CONFIDENCE), (below[at], above[at]))


def _chances(sample: Sample, above: Floats, freedom: NDArray[np.int64], deviation: Floats) -> Floats:
    chances = np.ones(sample.value.shape)
    for at in zip(*np.nonzero(sample.value < sample.truth), strict=True):
        value = float(sample.value[at])
        interval = (value - float(above[at]), value + float(above[at]))
        reading = Reading(value, interval, CONFIDENCE, int(freedom[at]), float(deviation[at]))
        chances[at] = reading.tail((sample.truth, None))
    return chances


def _chances_before(sample: Sample, above: Floats) -> Floats:
    """A normal deviate off the interval, and the tail of a t with the rows as degrees of freedom."""
    from scipy import stats  # noqa: PLC0415 - for this alone

    rows = SIZE * sample.shares.shape[-1]
    distance = (sample.truth - sample.value) / np.maximum(above, 1e-300)
    return np.where(distance > 0, stats.t.sf(stats.norm.ppf(1 - ERROR) * distance, rows), 1.0)
