"""Many slices at once, and rows in groups: how often something equal is called worse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.between_groups import Reach, spread_over
from ml_stages.evaluation.influence import half_widths
from ml_stages.evaluation.losses import mean
from ml_stages.evaluation.proportions import tango
from ml_stages.gates.multiple import Reading

CONFIDENCE = 0.95
ERROR = (1 - CONFIDENCE) / 2
SLICE_ROWS = 1000
DISCORDANT = 0.05


@dataclass(frozen=True)
class Family:
    """Shares of draws over a family of slices."""

    slices: int
    false_pass: float
    """Every slice passes although one is worse by the margin."""
    equal_pass: float
    equal_pass_bonferroni: float
    """Every slice passes when all are equal: as it is, and with the error divided by the slices."""
    false_block_uncorrected: float
    false_block_holm: float
    """Some slice is called worse although none is."""


def slice_family(slices: int, margin: float, draws: int, rng: np.random.Generator) -> Family:
    """Accuracy of candidate and baseline on slices of 1,000 rows, 5 % of them discordant."""
    equal = _changes(0.0, (draws, slices), rng)
    worse = _changes(-margin, (draws, 1), rng)
    lower = _lookup(equal, CONFIDENCE, 0)
    one_worse = np.concatenate([lower[:, 1:], _lookup(worse, CONFIDENCE, 0)], axis=1)
    strict = _lookup(equal, 1 - (1 - CONFIDENCE) / slices, 0)
    chances = _tail_probabilities(equal)
    return Family(
        slices=slices,
        false_pass=float(np.mean(np.all(one_worse > -margin, axis=1))),
        equal_pass=float(np.mean(np.all(lower > -margin, axis=1))),
        equal_pass_bonferroni=float(np.mean(np.all(strict > -margin, axis=1))),
        false_block_uncorrected=float(np.mean(np.any(chances <= ERROR, axis=1))),
        false_block_holm=float(np.mean(np.any(chances <= ERROR / slices, axis=1))),
    )


def _changes(difference: float, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows gained and lost, on the last axis."""
    gained = (DISCORDANT + difference) / 2
    shares = [gained, gained - difference, 1 - 2 * gained + difference]
    return rng.multinomial(SLICE_ROWS, shares, size=shape)[..., :2]


def _distinct(changes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    pairs, place = np.unique(changes.reshape(-1, 2), axis=0, return_inverse=True)
    return pairs, place.reshape(changes.shape[:-1])


def _lookup(changes: NDArray[np.int64], confidence: float, side: int) -> NDArray[np.float64]:
    pairs, place = _distinct(changes)
    return np.asarray(tango(pairs[:, 0], pairs[:, 1], SLICE_ROWS, confidence)[side][place])


def _tail_probabilities(changes: NDArray[np.int64]) -> NDArray[np.float64]:
    pairs, place = _distinct(changes)
    lower, upper = tango(pairs[:, 0], pairs[:, 1], SLICE_ROWS, CONFIDENCE)
    chances = [
        Reading((b - c) / SLICE_ROWS, (low, high), CONFIDENCE, int(b + c)).tail((0.0, None))
        for (b, c), low, high in zip(pairs, lower, upper, strict=True)
    ]
    return np.array(chances)[place]


@dataclass(frozen=True)
class Clustered:
    """Shares of draws in which equal models are called worse on grouped rows."""

    groups: int
    by_rows: float
    by_groups: float


def clustered(groups: int, draws: int, rng: np.random.Generator) -> Clustered:
    """Accuracy on groups of 10 rows that share how well each model does (intra-class correlation 0.3)."""
    numbers = np.repeat(np.arange(groups), 10)
    blocked = np.zeros(2)
    for _ in range(draws):
        right = rng.random((2, groups, 10)) < rng.beta(1.87, 0.47, (2, groups, 1))
        change = (right[0].astype(float) - right[1]).ravel()
        number = mean(change)
        lost, gained = int(np.sum(change < 0)), int(np.sum(change > 0))
        blocked[0] += tango(gained, lost, change.size, CONFIDENCE)[1] < 0
        unseen = 10 / change.size
        found = spread_over(number.influence, numbers, Reach(unseen))
        blocked[1] += number.value + half_widths(found, CONFIDENCE)[1] < 0
    return Clustered(groups, *(blocked / draws))
