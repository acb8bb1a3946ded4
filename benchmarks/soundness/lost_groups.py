"""Count metrics and rankings of two models compared over groups of rows, of which some are lost whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation import clustered
from ml_stages.evaluation.between_groups import Grouped, Reach
from ml_stages.evaluation.contributions import influenced
from ml_stages.evaluation.estimate import Difference
from ml_stages.evaluation.influence import bounds_of
from ml_stages.evaluation.rows import Classified
from ml_stages.evaluation.sample import ClassifiedSample

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
METRICS = ("recall", "precision", "f1", "roc_auc", "pr_auc")
CONFIDENCE, SIZE, LOST, FEWEST = 0.95, 10, 3.0, 5
_NO_BOUND = Difference(0.0, np.inf, -np.inf)
"""In place of the interval by rows, which only widens, and is no part of what is simulated here."""
_MANY, _WIDTHS = 40_000, 1_000
_APART, _LIMIT, _ALIKE, _SHARED = 2.0, 1.2, 0.3, 0.8


@dataclass(frozen=True)
class Scenario:
    """How labels lie in groups, and what the candidate does otherwise than the baseline."""

    name: str
    rich: float = 1.0
    """Share of groups that have positives at all, and are lost."""
    alone: bool = False
    """Whether the candidate has errors of its own; else it is the baseline but in lost groups."""
    positives_only: bool = False
    reversed: bool = False
    """Whether lost rows are ranked beyond all others, and not just on the other side of the limit."""


BEYOND = "3 groups ranked beyond all others"
RICH_BEYOND = "3 groups with all the positives ranked beyond all others"
EQUAL = Scenario("equal", alone=True)
WRONG = Scenario("3 groups wrong in every row")
RICH = Scenario("3 groups with all the positives wrong", rich=0.5)
CELLS = (
    (50, 0.2, EQUAL),
    (50, 0.2, WRONG),
    (50, 0.2, RICH),
    (50, 0.2, Scenario(BEYOND, reversed=True)),
    (10, 0.3, WRONG),
    (20, 0.3, WRONG),
    (50, 0.05, WRONG),
    (50, 0.05, RICH),
    (50, 0.2, Scenario("all positives of 3 groups missed", positives_only=True)),
    (50, 0.2, Scenario("equal, labels by group", rich=0.0, alone=True)),
    (20, 0.3, EQUAL),
    (10, 0.3, EQUAL),
    (50, 0.05, Scenario(BEYOND, reversed=True)),
    (20, 0.3, Scenario(BEYOND, reversed=True)),
    (50, 0.2, Scenario(RICH_BEYOND, rich=0.5, reversed=True)),
)


@dataclass(frozen=True)
class Lost:
    """One cell: how often the whole interval lies beside the difference, and how wide it is."""

    metric: str
    scenario: str
    groups: int
    positives: float
    """Share of the rows."""
    truth: float
    too_high: float
    """Lower bound above the truth: a candidate that is worse by the margin passes."""
    too_low: float
    width: float
    """Median, as those below; these over the first samples alone."""
    before: float
    """As wide as for a group of positives alone, or of whatever differs most: the product's before."""
    plain: float
    """Of a t over the groups that allows for no group that was not seen."""


def lost(draws: int) -> Iterator[Lost]:
    for number, (groups, positives, scenario) in enumerate(CELLS):
        yield from _cell(scenario, groups, positives, draws, np.random.default_rng([25, number]))


def _cell(
    scenario: Scenario, groups: int, positives: float, draws: int, rng: np.random.Generator
) -> Iterator[Lost]:
    together, chance = _groups(_MANY), LOST / groups / scenario.rich if scenario.rich else 0.0
    known = _models(scenario, together, positives, chance, rng)
    truths = {name: 0.0 if scenario.alone else _difference(name, *known) for name in METRICS}
    together = _groups(groups)
    missed = {name: np.zeros(2) for name in METRICS}
    widths: dict[str, list[Floats]] = {name: [] for name in METRICS}
    for place in range(draws):
        models = _usable(scenario, together, positives, chance, rng)
        for name in METRICS:
            found = clustered.compare(name, _NO_BOUND, *models, together)
            assert found.lower is not None
            assert found.upper is not None
            missed[name] += (found.lower > truths[name] + 1e-12, found.upper < truths[name] - 1e-12)
            if place < _WIDTHS:
                widths[name].append(np.array([found.upper - found.lower, *_others(name, *models, together)]))
    for name in METRICS:
        median = np.median(widths[name], axis=0).tolist()
        yield Lost(
            name, scenario.name, groups, positives, truths[name], *(missed[name] / draws).tolist(), *median
        )


def _difference(name: str, one: ClassifiedSample, other: ClassifiedSample) -> float:
    return influenced(name, one).value - influenced(name, other).value


def _others(name: str, one: ClassifiedSample, other: ClassifiedSample, together: Ints) -> list[float]:
    """Widths of the version before, and of one that allows for nothing."""
    mine, theirs = influenced(name, one), influenced(name, other)
    grouped = Grouped.of(mine.influence - theirs.influence, together)
    found = []
    for unseen in (float(np.ptp(mine.influence)) * SIZE, 0.0):
        bounds = bounds_of(0.0, grouped.spread(Reach(unseen)), CONFIDENCE)
        found.append(bounds.upper - bounds.lower)
    return found


def _groups(count: int) -> Ints:
    return np.repeat(np.arange(count), SIZE)


def _usable(
    scenario: Scenario, together: Ints, positives: float, chance: float, rng: np.random.Generator
) -> tuple[ClassifiedSample, ClassifiedSample]:
    """The next sample in which every number is defined and no class has too few rows."""
    while True:
        models = _models(scenario, together, positives, chance, rng)
        predicted = min(one.margins.predicted.min() for one in models)
        if models[0].margins.truth.min() >= FEWEST and predicted > 0:
            return models


def _models(
    scenario: Scenario, together: Ints, positives: float, chance: float, rng: np.random.Generator
) -> tuple[ClassifiedSample, ClassifiedSample]:
    """Candidate and baseline: normal scores, of which a part is the group's."""
    count, rows = int(together[-1]) + 1, together.size
    rich = rng.random(count) < (scenario.rich or positives)
    truth = rng.random(rows) < (rich * (positives / scenario.rich if scenario.rich else 1.0))[together]

    def of_group() -> Floats:
        return np.sqrt(_ALIKE) * rng.standard_normal(count)[together]

    noise = rng.standard_normal(rows)
    theirs = _APART * truth + np.sqrt(1 - _ALIKE) * noise + of_group()
    if scenario.alone:
        own = _SHARED * noise + np.sqrt(1 - _SHARED**2) * rng.standard_normal(rows)
        mine = _APART * truth + np.sqrt(1 - _ALIKE) * own + of_group()
    else:
        gone = (rich & (rng.random(count) < chance))[together] & (truth | (not scenario.positives_only))
        beyond = np.where(truth, -4.0, 6.0) + 0.5 * noise
        mine = np.where(gone, beyond if scenario.reversed else 2 * _LIMIT - theirs, theirs)
    return _sample(mine, truth), _sample(theirs, truth)


def _sample(score: Floats, truth: NDArray[np.bool_]) -> ClassifiedSample:
    rows = Classified(
        ("0", "1"),
        truth.astype(np.int32),
        (score > _LIMIT).astype(np.int32),
        1 / (1 + np.exp(-score[:, None])),
    )
    return ClassifiedSample(rows, CONFIDENCE)
