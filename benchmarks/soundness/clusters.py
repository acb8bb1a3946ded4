"""Families of slices and of gates whose rows come in few groups: how often something is wrongly said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.between_groups import (
    BEYOND,
    HIDDEN,
    SOON,
    Grouped,
    Losing,
    Reach,
    skewness_of_losses,
)
from ml_stages.evaluation.influence import half_widths
from ml_stages.evaluation.quantiles import t_quantile
from ml_stages.gates.multiple import Reading

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
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
class Losses:
    """One model's on every slice of every draw, in groups of one size."""

    groups: Floats
    """Mean loss by group."""
    lost: Floats
    """Mean loss of the worst quarter of rows, or of those whose class is wrong."""
    largest: Floats
    least: Floats

    @property
    def deviation(self) -> Floats:
        return np.asarray(self.groups.std(axis=-1, ddof=1))

    @property
    def unseen(self) -> Floats:
        """What a group may lose."""
        return np.maximum(self.groups.max(axis=-1), self.lost) / self.groups.shape[-1]

    def at(self, place: tuple[int, int]) -> Losing:
        value, deviation = float(self.groups.mean(axis=-1)[place]), float(self.deviation[place])
        return Losing(value, deviation, float(self.unseen[place]))


@dataclass(frozen=True)
class Sample:
    """Numbers on every slice of every draw, by groups of rows on the last axis."""

    value: Floats
    influence: Floats
    shares: Floats
    """Of the slice's rows in each group."""
    unseen: Floats
    truth: float
    losses: bool = False
    """Whether it is a mean of losses."""
    most: float = 0.0
    """The largest loss of a row, where there is one."""
    free: bool = False
    """Whether a row may be any number."""
    compared: tuple[Losses, Losses] | None = None
    """Of candidate and baseline, where it is the difference of their losses; ``unseen`` is that of before."""

    def reach(self, place: tuple[int, int]) -> Reach:
        losses = float(self.value[place]) if self.losses else None
        if self.compared is not None:
            return Reach.of_two(self.compared[0].at(place), self.compared[1].at(place))
        return Reach(float(self.unseen[place]), losses, self.most or None, free=self.free)


@dataclass(frozen=True)
class Few:
    """Shares of draws over families in which every true value is just the limit (20 slices, or 12 gates)."""

    kind: str
    groups: int
    slices: float
    """Some of 20 slices is called lower than it is."""
    gates: float
    """Some of 12 gates is."""
    before: float
    """Some of 20 slices, by Student's t for the number of groups alone, and rows as degrees of freedom."""
    one_low: float
    one_high: float
    """A slice by itself, which needs no correction: called lower, or higher, than it is."""
    seen_low: float
    """Called lower by the skewness alone that the groups show."""
    width: float
    """How many times as wide as by that, the median."""


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
    return Sample(value, influence, shares, np.abs(influence).max(axis=-1), 0.0, free=True)


def log_losses(shape: Shape, uneven: float, skewed: float, rng: np.random.Generator) -> Sample:
    """Exponential losses, whose mean is lognormal by group."""
    sizes = _sizes(shape, uneven, rng)
    means = np.exp(skewed * rng.standard_normal(shape)) * rng.gamma(sizes) / sizes
    return _of_losses(means, sizes, float(np.exp(skewed**2 / 2)))


def absolute_errors(shape: Shape, skewed: float, rng: np.random.Generator) -> Sample:
    """Of normal errors, whose width is lognormal by group."""
    means = np.exp(skewed * rng.standard_normal(shape))
    means *= sum(np.abs(rng.standard_normal(shape)) for _ in range(SIZE)) / SIZE
    return _of_losses(means, np.full(shape, float(SIZE)), float(np.exp(skewed**2 / 2) * np.sqrt(2 / np.pi)))


def _of_losses(means: Floats, sizes: Floats, truth: float) -> Sample:
    shares = sizes / sizes.sum(axis=-1, keepdims=True)
    value = (shares * means).sum(axis=-1)
    influence = shares * (means - value[..., None])
    return Sample(value, influence, shares, np.abs(influence).max(axis=-1), truth, losses=True)


def brier(shape: Shape, alike: float, rng: np.random.Generator) -> Sample:
    """Squared errors of 0.1 on average, which follow a beta distribution by group."""
    means = rng.beta(0.1 * (1 / alike - 1), 0.9 * (1 / alike - 1), shape)
    return replace(_of_losses(means, np.ones(shape), 0.1), most=1.0)


def losses_compared(
    shape: Shape, skewed: tuple[float, float], rng: np.random.Generator, *, shared: bool = False
) -> Sample:
    """Log losses of two models on rows of their own, by groups that are skewed so, or as bad for both."""
    between = [np.exp(one * rng.standard_normal(shape)) for one in skewed]
    if shared:
        between[1] = between[0]
    mine, theirs = (_rows(one, rng) for one in between)
    return _compared(mine, theirs, float(np.subtract(*np.exp(np.square(skewed) / 2))))


def groups_lost(shape: Shape, expected: float, times: float, rng: np.random.Generator) -> Sample:
    """Log losses so many times as large in a few groups; elsewhere those of the baseline."""
    theirs = _rows(np.ones(shape), rng)
    lost = (rng.random(shape) < expected / shape[-1])[..., None]
    mine = np.where(lost, times * _rows(np.ones(shape), rng), theirs)
    return _compared(mine, theirs, expected / shape[-1] * (times - 1))


def groups_wrong(shape: Shape, expected: float, rng: np.random.Generator) -> Sample:
    """Log losses of a classifier that is right in nine rows of ten, but in a few groups wrong in all."""
    theirs = rng.random((*shape, SIZE), dtype=np.float32) < 0.1
    lost = (rng.random(shape) < expected / shape[-1])[..., None] & np.ones_like(theirs)
    ones = np.ones(shape)
    loss, more = _rows(0.1 * ones, rng), 1 + _rows(ones, rng)
    mine = theirs | lost
    models = (np.where(wrong, more, loss) for wrong in (mine, theirs))
    return _compared(*models, expected / shape[-1] * 0.9 * 1.9, (mine, theirs))


def _rows(means: Floats, rng: np.random.Generator) -> Floats:
    single = means.astype(np.float32)[..., None]
    return np.asarray(single * rng.standard_exponential((*means.shape, SIZE), dtype=np.float32))


def _compared(mine: Floats, theirs: Floats, truth: float, wrong: tuple[Bools, ...] = ()) -> Sample:
    both = (_losses(mine, *wrong[:1]), _losses(theirs, *wrong[1:]))
    change = both[0].groups - both[1].groups
    value, groups = change.mean(axis=-1), change.shape[-1]
    influence = (change - value[..., None]) / groups
    unseen = (both[0].largest - both[0].least) / groups
    shares = np.full(change.shape, 1 / groups)
    return Sample(value, influence, shares, unseen, truth, compared=both)


def _losses(rows: Floats, wrong: Bools | None = None) -> Losses:
    every = rows.reshape(*rows.shape[:2], -1)
    few = -(-every.shape[-1] // 4)
    every = np.partition(every, every.shape[-1] - few, axis=-1)
    lost = every[..., -few:].mean(axis=-1, dtype=np.float64)
    if wrong is not None:
        lost = np.maximum(lost, np.sum(rows * wrong, axis=(2, 3)) / np.maximum(wrong.sum(axis=(2, 3)), 1))
    return Losses(
        rows.mean(axis=-1, dtype=np.float64),
        lost,
        every[..., -few:].max(axis=-1),
        every[..., :-few].min(axis=-1),
    )


KINDS: dict[str, Callable[[Shape, np.random.Generator], Sample]] = {
    "accuracy compared": lambda shape, rng: accuracies(shape, 0.0, rng),
    "accuracy compared, groups of unequal size": lambda shape, rng: accuracies(shape, 1.0, rng),
    "own number by row": lambda shape, rng: numbers(shape, 0.0, 0.0, rng),
    "own number by row, groups of unequal size": lambda shape, rng: numbers(shape, 1.0, 0.0, rng),
    "own number by row, groups skewed": lambda shape, rng: numbers(shape, 0.0, 0.5, rng),
    "own number by row, groups skewed and unequal": lambda shape, rng: numbers(shape, 1.0, 0.5, rng),
    "own number by row, groups very skewed": lambda shape, rng: numbers(shape, 0.0, 1.0, rng),
    "log loss, groups alike": lambda shape, rng: log_losses(shape, 0.0, 0.0, rng),
    "log loss, groups skewed": lambda shape, rng: log_losses(shape, 0.0, 0.5, rng),
    "log loss, groups very skewed": lambda shape, rng: log_losses(shape, 0.0, 1.0, rng),
    "log loss, groups very skewed and unequal": lambda shape, rng: log_losses(shape, 1.0, 1.0, rng),
    "log loss, groups extremely skewed": lambda shape, rng: log_losses(shape, 0.0, 1.5, rng),
    "own amount by row, groups very skewed": lambda shape, rng: replace(
        log_losses(shape, 0.0, 1.0, rng), free=True
    ),
    "MAE, groups alike": lambda shape, rng: absolute_errors(shape, 0.0, rng),
    "MAE, groups skewed": lambda shape, rng: absolute_errors(shape, 0.5, rng),
    "MAE, groups very skewed": lambda shape, rng: absolute_errors(shape, 1.0, rng),
    "log loss compared, candidate's groups very skewed": lambda shape, rng: losses_compared(
        shape, (1.0, 0.0), rng
    ),
    "Brier, groups skewed": lambda shape, rng: brier(shape, 0.1, rng),
    "Brier, groups very skewed": lambda shape, rng: brier(shape, 0.2, rng),
    "own number by row, groups very skewed and unequal": lambda shape, rng: numbers(shape, 1.0, 1.0, rng),
    "log loss compared, groups alike": lambda shape, rng: losses_compared(shape, (0.0, 0.0), rng),
    "log loss compared, candidate's groups extremely skewed": lambda shape, rng: losses_compared(
        shape, (1.5, 0.0), rng
    ),
    "log loss compared, groups very skewed for both models": lambda shape, rng: losses_compared(
        shape, (1.0, 1.0), rng, shared=True
    ),
    "log loss compared, 3 groups lost, 3 times the loss": lambda shape, rng: groups_lost(
        shape, 3.0, 3.0, rng
    ),
    "log loss compared, 3 groups wrong in every row": lambda shape, rng: groups_wrong(shape, 3.0, rng),
}


def few_groups(draws: int, seed: int, kinds: Sequence[str] = ()) -> Iterator[Few]:
    """All kinds, or those whose name contains one of ``kinds``."""
    for number, (kind, sample) in enumerate(KINDS.items()):
        if kinds and not any(part in kind for part in kinds):
            continue
        for groups in (10, 20, 50):
            yield family(kind, groups, sample, draws, np.random.default_rng([seed, number, groups]))


def family(
    kind: str,
    groups: int,
    draw: Callable[[Shape, np.random.Generator], Sample],
    draws: int,
    rng: np.random.Generator,
) -> Few:
    rows = SIZE if kind.startswith("log loss compared") else 1
    at_once = max(_CELLS // (groups * SLICES * rows), 1)
    found = np.zeros(7)
    for start in range(0, draws, at_once):
        count = min(at_once, draws - start)
        found += _errors(draw((count, SLICES, groups), rng), first=start == 0)
    return Few(kind, groups, *(found / draws).tolist())


def _errors(sample: Sample, *, first: bool) -> Floats:
    """How many draws err in each way, and so many times how wide they are."""
    squares, pulls = np.sum(sample.shares**2, axis=-1), sample.shares**2 / (1 - sample.shares)
    freedom = 1 / (squares + pulls.sum(axis=-1) ** 2 - np.sum(pulls**2, axis=-1))
    freedom = np.maximum(np.floor(freedom + 1e-9), 1).astype(np.int64)
    scaled = sample.influence / np.sqrt(1 - sample.shares)
    jumps = _jumps(sample, scaled)
    variance = np.sum(scaled**2, axis=-1)
    below, above = _half_widths(variance, jumps, freedom)
    if first:
        _check(sample, below, above)
    groups = sample.shares.shape[-1]
    plain = sample.influence * np.sqrt(groups / (groups - 1))
    chances = _chances(sample, above, freedom, np.sqrt(variance))
    few = _half_widths(np.sum(plain**2, axis=-1), _seen_jumps(plain, sample.unseen), freedom * 0 + groups - 1)
    before = _chances_before(sample, few[1])
    seen = _half_widths(variance, _seen_jumps(scaled, sample.unseen), freedom)
    return np.array(
        [
            np.sum(chances.min(axis=1) <= ERROR / SLICES),
            np.sum(chances[:, :GATES].min(axis=1) <= ERROR / GATES),
            np.sum(before.min(axis=1) <= ERROR / SLICES),
            np.mean(sample.value + above < sample.truth, axis=1).sum(),
            np.mean(sample.value - below > sample.truth, axis=1).sum(),
            np.mean(sample.value + seen[1] < sample.truth, axis=1).sum(),
            len(above) * np.median((below + above) / np.maximum(seen[0] + seen[1], 1e-300)),
        ]
    )


def _seen_jumps(influence: Floats, unseen: Floats) -> tuple[Floats, Floats]:
    """By the skewness that the groups show."""
    variance, cubes = np.sum(influence**2, axis=-1), np.sum(influence**3, axis=-1)
    return _mixed(variance, -cubes, unseen), _mixed(variance, cubes, unseen)


def _mixed(variance: Floats, cubes: Floats, unseen: Floats) -> Floats:
    weight = np.maximum(variance + unseen**2, 1e-300)
    return np.asarray((np.maximum(cubes, 0) + unseen**3) / weight)


def _jumps(sample: Sample, scaled: Floats) -> tuple[Floats, Floats]:
    """The product's, for many samples at once."""
    shares, variance = sample.shares, np.sum(scaled**2, axis=-1)
    squares, groups = np.sum(shares**2, axis=-1), shares.shape[-1]
    deviation, largest = np.sqrt(variance / squares), np.sum(shares**3, axis=-1) / squares
    cubes, unseen = np.sum(scaled**3, axis=-1), sample.unseen

    def of_losses(size: Floats, differ: Floats) -> Floats:
        ratio = np.divide(differ, size, out=np.zeros_like(size), where=size > 0)
        part = size / sample.most if sample.most else 0.0
        return np.asarray(np.vectorize(skewness_of_losses)(ratio, squares, part) * differ * largest)

    if sample.losses:
        least = np.minimum(unseen, sample.value / groups)
        jump = of_losses(sample.value, deviation)
        return _mixed(variance, -cubes, least), np.maximum(_mixed(variance, cubes, unseen), jump)
    if sample.compared is not None:
        more, less = (
            of_losses(one.groups.mean(axis=-1), np.minimum(one.deviation, deviation))
            for one in sample.compared
        )
        unseen = np.maximum(*(one.unseen for one in sample.compared))
        down, up = _mixed(variance, -cubes, unseen), _mixed(variance, cubes, unseen)
        return np.maximum(down, less), np.maximum(up, more)
    if sample.free:
        second = np.sum(sample.influence**2, axis=-1) / squares
        skewness = np.sum(sample.influence**3 / shares, axis=-1) / squares / second**1.5
        hidden, jump = min(HIDDEN, SOON / groups), deviation * (largest + 1 / groups) * variance
        low, high = ((hidden + way * skewness) * jump for way in (-1, 1))
        return _mixed(variance, low, BEYOND * unseen), _mixed(variance, high, BEYOND * unseen)
    return _seen_jumps(scaled, unseen)


def _half_widths(
    variance: Floats, jumps: tuple[Floats, Floats], freedom: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """The product's, for many samples at once."""
    known, place = np.unique(freedom, return_inverse=True)
    z = np.array([t_quantile(CONFIDENCE, int(one)) for one in known])[place].reshape(freedom.shape)
    below, above = (z**2 * jump / 2 for jump in jumps)
    return below + np.sqrt(below**2 + z**2 * variance), above + np.sqrt(above**2 + z**2 * variance)


def _check(sample: Sample, below: Floats, above: Floats) -> None:
    """Hold the first samples to the product's own functions."""
    for place in range(_CHECKED):
        at = (0, place)
        found = Grouped(sample.influence[at], sample.shares[at]).spread(sample.reach(at))
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
