"""How often paired verdicts on RMSE and MAE err, with light and with heavy tails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from single import RESIDUALS, mean_square

from ml_stages.evaluation import paired
from ml_stages.evaluation.estimate import Difference
from ml_stages.evaluation.rows import Measured
from ml_stages.evaluation.sample import MeasuredPair, MeasuredSample

Floats = NDArray[np.float64]
_LARGE = 4_000_000
_METRICS: dict[str, Callable[[MeasuredPair], Difference]] = {"rmse": paired.rmse, "mae": paired.mae}


@dataclass(frozen=True)
class Scenario:
    """What both models meet (noise of the labels), and what the candidate alone adds to its error."""

    name: str
    shared: str
    alone: str
    share: float
    """Of the candidate's own errors, in units of the noise; the baseline's are normal and 0.4."""


SCENARIOS = (
    Scenario("equal, normal noise", "normal residuals", "normal residuals", 0.4),
    Scenario("equal, t3 noise", "t3 residuals", "normal residuals", 0.4),
    Scenario("equal, lognormal noise", "lognormal residuals", "normal residuals", 0.4),
    Scenario("worse by normal errors", "normal residuals", "normal residuals", 0.5),
    Scenario("worse by t5 errors of its own", "normal residuals", "t5 residuals", 0.5),
    Scenario("worse by t3 errors of its own", "normal residuals", "t3 residuals", 0.5),
    Scenario("worse by lognormal errors of its own", "normal residuals", "lognormal residuals", 0.5),
)


@dataclass(frozen=True)
class RegressionErrors:
    """Shares of draws in which the truth lies outside the interval, and in which there is none."""

    metric: str
    scenario: str
    rows: int
    true: float
    false_pass: float
    """The candidate is worse by exactly the margin and passes."""
    false_block: float
    inconclusive: float
    """The tail is called heavy, so that there is no interval."""


def compare(scenario: Scenario, rows: int, draws: int, rng: np.random.Generator) -> list[RegressionErrors]:
    truths = {"rmse": _rmse(scenario), "mae": _mae(scenario, rng)}
    found = {metric: np.zeros(3) for metric in _METRICS}
    for _ in range(draws):
        one, other = _errors(scenario, rows, rng)
        pair = MeasuredPair(
            *(MeasuredSample(Measured(errors, np.zeros(rows)), 0.95) for errors in (one, other))
        )
        for metric, method in _METRICS.items():
            interval = method(pair)
            if interval.lower is None or interval.upper is None:
                found[metric][2] += 1
            else:
                true = truths[metric]
                found[metric][:2] += [interval.upper < true - 1e-12, interval.lower > true + 1e-12]
    return [
        RegressionErrors(
            metric, scenario.name, rows, truths[metric], *(float(n) for n in found[metric] / draws)
        )
        for metric in _METRICS
    ]


def _errors(scenario: Scenario, rows: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    noise = _unit(scenario.shared, rows, rng)
    return (
        noise + scenario.share * _unit(scenario.alone, rows, rng),
        noise + 0.4 * rng.normal(size=rows),
    )


def _unit(tail: str, rows: int, rng: np.random.Generator) -> Floats:
    """Residuals of one kind with a mean square of 1."""
    return RESIDUALS[tail](rng, rows) / mean_square(tail) ** 0.5


def _rmse(scenario: Scenario) -> float:
    return float((1 + scenario.share**2) ** 0.5 - (1 + 0.4**2) ** 0.5)


def _mae(scenario: Scenario, rng: np.random.Generator) -> float:
    if scenario.alone == "normal residuals" and scenario.share == 0.4:  # both the same
        return 0.0
    one, other = _errors(scenario, _LARGE, rng)
    return float(np.mean(np.abs(one)) - np.mean(np.abs(other)))
