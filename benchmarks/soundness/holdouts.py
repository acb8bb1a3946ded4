"""Sealed holdouts: exact sizes beside the published ones, and an adversary that reads every answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ml_stages.sealed.budget import Adaptivity, Budget
from ml_stages.sealed.exact_tests import proven_above
from ml_stages.sealed.holdout_size import rows_for_accuracy, rows_for_bound, rows_for_difference

FIRST, FULL = Adaptivity.FIRST_CHANGE, Adaptivity.FULL


@dataclass(frozen=True)
class Size:
    """One condition: rows by the product and as published, and the worst error at that size."""

    condition: str
    adaptivity: str
    published: int
    rows: int
    allowed: float
    """Error that one answer may have."""
    error: float
    """The worst one over a grid of true shares, enumerated with scipy's binomial distribution."""
    error_of_one_row_less: float


def sizes() -> list[Size]:
    """Every row of the table of Renggli et al. (MLSys 2019)."""
    found = []
    for adaptivity, accuracy, paired, few in (
        (FIRST, 404, 1_753, 29_048),
        (FULL, 1_340, 5_496, 67_706),
    ):
        allowed = Budget(0.01, 32, adaptivity).error_per_run
        rows = rows_for_accuracy(0.1, allowed)
        found.append(_size("F1/F4: accuracy, tolerance 0.1", adaptivity, accuracy, rows, allowed, _any(0.1)))
        rows = rows_for_difference(0.1, allowed)
        found.append(_size("F2/F3: paired, tolerance 0.1", adaptivity, paired, rows, allowed, _any(0.05)))
        # Half of the error is for the bound on the discordance.
        allowed = Budget(1e-4 / 2, 32, adaptivity).error_per_run
        rows = rows_for_difference(0.01, allowed, 0.1)
        condition = "F5: paired, at most 0.1 differ, tolerance 0.01"
        found.append(_size(condition, adaptivity, few, rows, allowed, _paired(0.01, 0.1)))
    allowed = Budget(0.01, 32).error_per_run
    rows = rows_for_bound(0.9, 0.05, allowed)
    found.append(_size("F1 above 0.9, tolerance 0.05", FULL, 5_358, rows, allowed, _bound(0.9, 0.05)))
    return found


def _size(condition, adaptivity, published, rows, allowed, worst):  # noqa: ANN001, ANN202, PLR0913, PLR0917
    return Size(condition, str(adaptivity), published, rows, allowed, worst(rows), worst(rows - 1))


def _any(tolerance: float):  # noqa: ANN202
    """Sup over the true share of P(estimate - share > tolerance), where a count just stops to exceed."""

    def worst(rows: int) -> float:
        counts = np.arange(1, rows + 1)
        shares = counts / rows - tolerance - 1e-12
        inside = shares > 0
        return float(stats.binom.sf(counts[inside] - 1, rows, shares[inside]).max())

    return worst


def _bound(bound: float, tolerance: float):  # noqa: ANN202
    def worst(rows: int) -> float:
        return float(stats.binom.sf(int(np.floor(rows * (bound + tolerance) + 1e-9)), rows, bound))

    return worst


def _paired(tolerance: float, discordance: float):  # noqa: ANN202
    """Sup over the share of gains of P(gains - losses > their mean + tolerance), by sums over both counts."""

    def worst(rows: int) -> float:
        mean, spread = rows * discordance, 9 * (rows * discordance) ** 0.5 + 20
        discordant = np.arange(max(int(mean - spread), 0), min(int(mean + spread), rows) + 1)
        mass = stats.binom.pmf(discordant, rows, discordance)
        # Where the sum has its worst share was found on a grid over all of them; here every difference
        # about it is looked at, each at the share where it just stops to exceed the tolerance.
        middle, width = int(rows * tolerance), max(int(rows * discordance * 0.12), 10)
        chances = []
        for difference in range(middle - width // 2, middle + width):
            share = ((difference / rows - tolerance) / discordance + 1) / 2
            gains = np.ceil((difference + discordant) / 2) - 1
            chances.append(float(mass @ stats.binom.sf(gains, discordant, share)))
        return max(chances)

    return worst


@dataclass(frozen=True)
class Adversary:
    """How often the promise is broken by someone who reads every answer."""

    mutation: float
    rows: int
    runs: int
    allowed: float
    broken: float
    """Share of holdouts of which some answer says that an accuracy of 0.5 is above 0.5."""
    careless: float
    """The same where each answer has the whole error, as if nobody read the ones before."""


def adversary(mutation: float, draws: int, rng: np.random.Generator) -> Adversary:
    """Candidates of true accuracy 0.5; five questions that are likely to be answered both ways, then a lie.

    Each question asks whether the accuracy is above a bound that it is above, so that no answer to it is
    wrong, and the bound is where about half of the candidates pass. A mutant, of whose answers a share
    ``mutation`` is new, is kept where the answer is yes. The last question is the false one. Asking it
    six times instead is tried as well, and the worse of both counts.
    """
    runs, error = 6, 0.2
    rows = rows_for_bound(0.5, 0.1, Budget(error, runs).error_per_run)
    critical = {each: _critical(rows, each) for each in (Budget(error, runs).error_per_run, error)}
    hits = _climb(rows, mutation, draws, runs, rng)
    blind = rng.binomial(rows, 0.5, (draws, runs)).max(axis=1)  # six candidates, asked the lie at once
    honest, careless = (
        max(float(np.mean(hits >= count)), float(np.mean(blind >= count))) for count in critical.values()
    )
    return Adversary(mutation, rows, runs, error, honest, careless)


def _critical(rows: int, error: float) -> int:
    """The fewest hits that the product's test takes for more than 0.5."""
    return next(hits for hits in range(rows + 1) if proven_above(hits, rows, 0.5, error))


def _climb(rows: int, mutation: float, draws: int, runs: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Hits of the last candidate, kept or replaced by the answers to all questions but the last."""
    best = rng.random((draws, rows)) < 0.5
    known = np.full(draws, rows / 2)  # what the answers so far say of the hits
    step = 0.6 * (rows / 4) ** 0.5
    for _ in range(runs - 1):
        new = rng.random((draws, rows)) < mutation
        mutant = np.where(new, rng.random((draws, rows)) < 0.5, best)
        yes = mutant.sum(axis=1) >= known + step
        best[yes] = mutant[yes]
        known = np.where(yes, known + step, known)
    return best.sum(axis=1)
