"""How often paired verdicts on F1 and accuracy err, on the same draws for every method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scenarios import BASELINE, CANDIDATE, TRUTH, Floats, Scenario, accuracy, f1
from scipy import stats

from ml_stages.evaluation.proportions import tango

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2
TABLES = 400
RESAMPLES = 200
_BATCH = 500
# A row that the candidate loses: the cells 101 (a miss) and 010 (a false alarm); gained: 110 and 001.
_LOST, _GAINED = (5, 2), (6, 1)


@dataclass(frozen=True)
class Errors:
    """Shares of draws in which a method errs, when the margin is exactly the true loss."""

    pass_of_harm: float
    """Passes although the candidate is worse by the margin (or, for equal models, by a hair)."""
    block_of_equal: float
    """Fails although the candidate is not worse than the margin."""


def errors_of(lower: Floats, upper: Floats, true: float) -> Errors:
    return Errors(float(np.mean(lower > true + 1e-12)), float(np.mean(upper < true - 1e-12)))


def draw(scenario: Scenario, draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.multinomial(scenario.rows, scenario.chances, size=draws)


def dirichlet_f1(counts: NDArray[np.int64], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The product's interval (``evaluation.paired.dirichlet``) for many samples at once.

    Fewer random tables a sample than in the product, which errs slightly to the unsafe side.
    """
    lower, upper = np.empty(len(counts)), np.empty(len(counts))
    for start in range(0, len(counts), _BATCH):
        batch = counts[start : start + _BATCH]
        weights = rng.standard_gamma(batch[:, None, :], size=(len(batch), TABLES, 8))
        unseen = rng.standard_exponential((len(batch), TABLES))
        low = _with_unseen(weights, unseen, _worst(batch, _LOST, -1))
        high = _with_unseen(weights, unseen, _worst(batch, _GAINED, 1))
        lower[start : start + _BATCH] = np.quantile(low, TAIL, axis=1)
        upper[start : start + _BATCH] = np.quantile(high, 1 - TAIL, axis=1)
    return lower, upper


def _difference(weights: Floats) -> Floats:
    return f1(weights, CANDIDATE) - f1(weights, BASELINE)


def _worst(counts: NDArray[np.int64], places: tuple[int, int], sign: int) -> NDArray[np.int64]:
    effects = [_difference(counts + np.eye(8)[place]) for place in places]
    return np.where(sign * effects[0] >= sign * effects[1], *places)


def _with_unseen(weights: Floats, unseen: Floats, place: NDArray[np.int64]) -> Floats:
    return _difference(weights + unseen[..., None] * np.eye(8)[place][:, None, :])


def percentile(counts: NDArray[np.int64], metric: object, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The percentile bootstrap, as most tools offer it."""
    lower, upper = np.empty(len(counts)), np.empty(len(counts))
    for start in range(0, len(counts), _BATCH):
        batch = counts[start : start + _BATCH]
        shares = batch / batch.sum(axis=1, keepdims=True)
        again = rng.multinomial(batch[0].sum(), shares[:, None, :], size=(len(batch), RESAMPLES)).astype(
            float
        )
        value = metric(again, CANDIDATE) - metric(again, BASELINE)  # type: ignore[operator]
        lower[start : start + _BATCH], upper[start : start + _BATCH] = np.quantile(
            value, [TAIL, 1 - TAIL], axis=1
        )
    return lower, upper


def tango_of(counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The product's interval for accuracy, once for each pair of discordant counts."""
    right, other = CANDIDATE == TRUTH, BASELINE == TRUTH
    gained, lost = counts[:, right & ~other].sum(axis=1), counts[:, other & ~right].sum(axis=1)
    pairs, place = np.unique(np.stack([gained, lost], axis=1), axis=0, return_inverse=True)
    lower, upper = tango(pairs[:, 0], pairs[:, 1], counts[0].sum(), CONFIDENCE)
    return lower[place.ravel()], upper[place.ravel()]


def point_values(counts: NDArray[np.int64], metric: object) -> Floats:
    return metric(counts.astype(float), CANDIDATE) - metric(counts.astype(float), BASELINE)  # type: ignore[operator]


def exact_tango(rows: int, gained: float, lost: float) -> Errors:
    """Tango's errors by enumeration: gains and losses are Poisson to within 1/rows of the truth."""
    b = np.arange(max(int(gained - 9 * gained**0.5), 0), int(gained + 9 * gained**0.5) + 12)
    c = np.arange(max(int(lost - 9 * lost**0.5), 0), int(lost + 9 * lost**0.5) + 12)
    chance = stats.poisson.pmf(b, gained)[:, None] * stats.poisson.pmf(c, lost)
    lower, upper = tango(b[:, None], c, rows, CONFIDENCE)
    true = (gained - lost) / rows
    return Errors(float(chance[lower > true + 1e-12].sum()), float(chance[upper < true - 1e-12].sum()))


__all__ = ["accuracy", "f1"]
