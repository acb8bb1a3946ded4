"""Metrics of sets of labels: how often the interval of one model, or of two compared, misses the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.metrics_report import Comparison, Metric
from ml_stages.evaluation.multilabel import LabelSets, numbers
from ml_stages.evaluation.unit_metrics import judge_units

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
METRICS = [
    *("subset_accuracy", "hamming_loss", "jaccard", "f1_micro", "precision_micro", "recall_micro"),
    "f1_macro",
]
LABELS: dict[str, Floats] = {
    "5 in 30 % of rows each": np.full(5, 0.3),
    "20, by Zipf from 50 %": 0.5 / np.arange(1, 21),
    "3 in 2 % of rows each": np.full(3, 0.02),
    "40 in 2 % of rows each": np.full(40, 0.02),
}
SIZES = (50, 200, 1_000)
_FOUND, _WORSE = 0.8, 0.7
"""Share of a row's labels that a model finds; of the model that is worse."""
_FALSE = 0.1
"""Labels that are said and wrong, as a share of those that are right to say."""
_LARGE, _TIMES = 300_000, 4
"""Rows of a sample that stands for the truth, and how many of them."""


@dataclass(frozen=True)
class SetErrors:
    """Shares of samples whose interval misses the truth, on either side."""

    labels: str
    rows: int
    metric: str
    truth: float
    without: float
    """Share of samples without an interval."""
    too_high: float
    too_low: float
    width: float
    equal_better: float
    """One of two equal models is proven better."""
    equal_worse: float
    harm: float
    """True difference of a model that finds fewer labels."""
    harm_passes: float
    """The interval says that less is lost."""
    harm_overstated: float
    """It says that more is."""
    difference: float
    """Width of the interval of that difference."""


def cells(draws: int) -> Iterator[SetErrors]:
    """Every metric for every kind of labels and size."""
    for number, (rows, name) in enumerate(product(SIZES, LABELS)):
        yield from drawn(name, rows, draws, np.random.default_rng([23, number]))


def drawn(name: str, rows: int, draws: int, rng: np.random.Generator) -> Iterator[SetErrors]:
    """Of samples of one size, whose rows have each of the labels independently."""
    shares = LABELS[name]
    truth = dict.fromkeys(METRICS, (0.0, 0.0))
    for _ in range(_TIMES):
        one, _, worse = _values(shares, _LARGE, rng)
        for metric, (value, other) in truth.items():
            truth[metric] = (value + one[metric] / _TIMES, other + worse[metric] / _TIMES)
    found = {metric: np.zeros(9) for metric in METRICS}
    for _ in range(draws):
        one, other, worse = _models(shares, rows, rng)
        alone = judge_units(numbers(one, METRICS), numbers(other, METRICS), 0.95, None, "rows")
        harmed = judge_units(numbers(worse, METRICS), numbers(other, METRICS), 0.95, None, "rows")
        for metric, equal, harm in zip(alone.metrics, alone.comparisons, harmed.comparisons, strict=True):
            value, with_harm = truth[metric.name]
            missed = [*_missed(metric, value), *_better(equal, 0.0)[:2], *_better(harm, with_harm - value)]
            found[metric.name] += [float(metric.lower is None), *missed]
    for metric, sums in found.items():
        value, with_harm = truth[metric]
        without, high, low, width, better, lower, passes, overstated, difference = sums / draws
        yield SetErrors(
            name, rows, metric, value, without, high, low, width, better, lower,
            with_harm - value, passes, overstated, difference,
        )  # fmt: skip


def _missed(judged: Metric | Comparison, truth: float) -> tuple[bool, bool, float]:
    """Whether the interval lies above or below the truth, and its width."""
    if judged.lower is None or judged.upper is None:
        return False, False, 0.0
    return judged.lower > truth, judged.upper < truth, judged.upper - judged.lower


def _better(judged: Comparison, truth: float) -> tuple[bool, bool, float]:
    """Whether the candidate is said to be better than it is, or worse, and the interval's width."""
    above, below, width = _missed(judged, truth)
    return (above, below, width) if judged.greater_is_better else (below, above, width)


def _values(shares: Floats, rows: int, rng: np.random.Generator) -> list[dict[str, float]]:
    found = ([*numbers(sets, METRICS).items()] for sets in _models(shares, rows, rng))
    return [{name: unit.number.value for name, unit in units if unit.number} for units in found]


def _models(shares: Floats, rows: int, rng: np.random.Generator) -> tuple[LabelSets, LabelSets, LabelSets]:
    """Two models that are equally good, and one that is worse, on the same rows."""
    truth = rng.random((rows, len(shares))) < shares
    occurring = int(truth.any(axis=0).sum())
    names = tuple(f"l{number}" for number in range(len(shares)))
    one, other, worse = (
        LabelSets(names, truth, _predicted(truth, shares, share, rng), occurring)
        for share in (_FOUND, _FOUND, _WORSE)
    )
    return one, other, worse


def _predicted(truth: Bools, shares: Floats, found: float, rng: np.random.Generator) -> Bools:
    chance = np.where(truth, found, _FALSE * shares / (1 - shares))
    return np.asarray(rng.random(truth.shape) < chance)
