"""Coverage and width of the intervals of single metrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation import estimators
from ml_stages.evaluation.estimate import Estimate
from ml_stages.evaluation.rows import Classified, Measured
from ml_stages.evaluation.sample import ClassifiedSample, MeasuredSample

Floats = NDArray[np.float64]
S = TypeVar("S")
_LARGE = 400_000


@dataclass(frozen=True)
class Coverage:
    """How often the interval holds the truth, and how it compares with the estimate's real spread."""

    metric: str
    rows: int
    condition: str
    truth: float
    misled: float
    """Share of samples whose interval does not hold the truth."""
    inconclusive: float
    """Share of samples without an interval."""
    width: float
    oracle: float
    """Width between the 2.5 and 97.5 % quantiles of the estimates: no honest interval is much narrower."""
    flagged: float
    """Share of samples whose report carries a note."""


def _coverage(
    metric: str,
    condition: str,
    rows: int,
    truth: float,
    estimates: list[Estimate],
) -> Coverage:
    usable = [e for e in estimates if e.lower is not None and e.upper is not None]
    bounds = np.array([(e.lower, e.upper) for e in usable]).reshape(-1, 2)
    values = np.array([e.value for e in estimates])
    return Coverage(
        metric=metric,
        rows=rows,
        condition=condition,
        truth=truth,
        misled=float(np.sum((bounds[:, 0] > truth) | (truth > bounds[:, 1])) / len(estimates)),
        inconclusive=1 - len(usable) / len(estimates),
        width=float(np.mean(bounds[:, 1] - bounds[:, 0])) if usable else 0.0,
        oracle=float(np.diff(np.quantile(values, [0.025, 0.975]))[0]),
        flagged=float(np.mean([bool(e.note) for e in estimates])),
    )


def _coverages(
    methods: dict[str, tuple[Callable[[S], Estimate], float]], condition: str, rows: int, drawn: Iterable[S]
) -> list[Coverage]:
    """One sample at a time, so that what it caches can go."""
    estimates: dict[str, list[Estimate]] = {name: [] for name in methods}
    for sample in drawn:
        for name, (method, _) in methods.items():
            estimates[name].append(method(sample))
    return [_coverage(name, condition, rows, truth, estimates[name]) for name, (_, truth) in methods.items()]


def ranked(rows: int, positives: int, auc: float, draws: int, rng: np.random.Generator) -> list[Coverage]:
    """PR AUC of normal scores; of ROC AUC ``aucs`` draws more shapes."""
    shift = 2**0.5 * NormalDist().inv_cdf(auc)
    share = positives / rows

    def sample(size: int) -> ClassifiedSample:
        truth = (np.arange(size) < round(size * share)).astype(np.int32)
        score = 1 / (1 + np.exp(-rng.normal(size=size) - shift * truth))
        predicted = (score > 0.5).astype(np.int32)
        return ClassifiedSample(
            Classified(("0", "1"), truth, predicted, np.column_stack([1 - score, score])), 0.95
        )

    precision = float(np.mean([sample(_LARGE).average_precision.value for _ in range(3)]))
    where = f"{positives} positives, AUC {auc}"
    methods = {"pr_auc": (estimators.pr_auc, precision)}
    return _coverages(methods, where, rows, (sample(rows) for _ in range(draws)))


COUNTED: dict[str, Callable[[ClassifiedSample], Estimate]] = {"f1": estimators.f1, "mcc": estimators.mcc}


def counted(metric: str, rows: int, base_rate: float, draws: int, rng: np.random.Generator) -> list[Coverage]:
    """F1 or MCC of a binary model with recall 0.7 and few false alarms."""
    recall, alarm = 0.7, 0.3 * base_rate / (1 - base_rate)

    def sample(size: int) -> ClassifiedSample:
        truth = (rng.random(size) < base_rate).astype(np.int32)
        predicted = (rng.random(size) < np.where(truth == 1, recall, alarm)).astype(np.int32)
        return ClassifiedSample(Classified(("0", "1"), truth, predicted), 0.95)

    large, method = sample(5_000_000), COUNTED[metric]
    truths = {metric: (method, method(large).value or 0.0)}
    where = f"{rows * base_rate:.0f} positives"
    return _coverages(truths, where, rows, (sample(rows) for _ in range(draws)))


RESIDUALS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal residuals": lambda rng, size: rng.normal(size=size),
    "Laplace residuals": lambda rng, size: rng.laplace(size=size),
    "t5 residuals": lambda rng, size: rng.standard_t(5, size=size),
    "t3 residuals": lambda rng, size: rng.standard_t(3, size=size),
    "lognormal residuals": lambda rng, size: rng.lognormal(0, 1.5, size) * rng.choice([-1, 1], size),
    "normal, one in 100 ten times as wide": lambda rng, size: (
        rng.normal(size=size) * np.where(rng.random(size) < 0.01, 10, 1)
    ),
}
_MOMENTS = {  # mean absolute and mean squared residual
    "normal residuals": ((2 / np.pi) ** 0.5, 1.0),
    "Laplace residuals": (1.0, 2.0),
    "t5 residuals": (2 * 5**0.5 * math.gamma(3) / (4 * np.pi**0.5 * math.gamma(2.5)), 5 / 3),
    "t3 residuals": (2 * 3**0.5 / np.pi, 3.0),
    "lognormal residuals": (np.exp(1.5**2 / 2), np.exp(2 * 1.5**2)),
    "normal, one in 100 ten times as wide": (1.09 * (2 / np.pi) ** 0.5, 1.99),
}


def mean_square(tail: str) -> float:
    return float(_MOMENTS[tail][1])


def measured(rows: int, tail: str, draws: int, rng: np.random.Generator) -> list[Coverage]:
    """MAE, RMSE and R2 with residuals of one tail; labels twice as wide as the residuals."""
    mean_absolute, mean_square = _MOMENTS[tail]

    def sample() -> MeasuredSample:
        explained = 2 * mean_square**0.5 * rng.normal(size=rows)
        return MeasuredSample(Measured(explained + RESIDUALS[tail](rng, rows), explained), 0.95)

    methods = {
        "mae": (estimators.mae, float(mean_absolute)),
        "rmse": (estimators.rmse, float(mean_square**0.5)),
        "r2": (estimators.r2, 0.8),
    }
    return _coverages(methods, tail, rows, (sample() for _ in range(draws)))
