"""Sizes of holdouts: against published figures, exact enumeration, and an adversary."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
import pytest
from scipy.stats import multinomial

from ml_stages.sealed.budget import Adaptivity, Budget
from ml_stages.sealed.holdout_size import (
    _worst_paired_excess,
    labels_for_difference,
    rows_for_accuracy,
    rows_for_bound,
    rows_for_difference,
)

FIRST, FULL = Adaptivity.FIRST_CHANGE, Adaptivity.FULL


@pytest.mark.parametrize(("adaptivity", "exact", "published"), [(FIRST, 302, 404), (FULL, 1203, 1340)])
def test_an_accuracy_needs_fewer_rows_than_published(
    adaptivity: Adaptivity, exact: int, published: int
) -> None:
    """A user would label rows for nothing: tolerance 0.1, reliability 0.99, 32 runs."""
    rows = rows_for_accuracy(0.1, Budget(0.01, 32, adaptivity).error_per_run)
    assert rows == exact
    assert rows <= published


@pytest.mark.parametrize(("adaptivity", "exact", "published"), [(FIRST, 1190, 1753), (FULL, 4800, 5496)])
def test_a_paired_difference_needs_fewer_rows(adaptivity: Adaptivity, exact: int, published: int) -> None:
    """A user would label rows for nothing."""
    rows = rows_for_difference(0.1, Budget(0.01, 32, adaptivity).error_per_run)
    assert rows == exact
    assert rows <= published


@pytest.mark.parametrize(
    ("adaptivity", "least", "published"), [(FIRST, 21_700, 29_048), (FULL, 58_000, 67_706)]
)
def test_few_discordant_rows_need_fewer_rows_and_labels(
    adaptivity: Adaptivity, least: int, published: int
) -> None:
    """Half of the error is for the bound on the discordance; labels are needed where the models differ."""
    rows = rows_for_difference(0.01, Budget(1e-4 / 2, 32, adaptivity).error_per_run, discordance=0.1)
    assert least <= rows <= published
    assert labels_for_difference(rows, 0.1) <= published / 10


def test_one_known_bound_needs_fewer_rows() -> None:
    """A gate `accuracy > 0.9` would ask for 5,358 rows where 1,446 are enough."""
    assert rows_for_bound(0.9, 0.05, Budget(0.01, 32).error_per_run) == 1446


def _tail(rows: int, share: Fraction, least: int) -> Fraction:
    return sum(
        (comb(rows, k) * share**k * (1 - share) ** (rows - k) for k in range(least, rows + 1)), Fraction(0)
    )


@pytest.mark.parametrize("error", [0.2, 0.05])
def test_sizes_are_exact_by_enumeration_in_fractions(error: float) -> None:
    """The promise would rest on rounded arithmetic: every true share on a fine grid is enumerated."""
    tolerance = Fraction(1, 5)
    rows = rows_for_accuracy(0.2, error)

    def worst(size: int) -> float:
        return max(
            float(_tail(size, share, int(size * (share + tolerance)) + 1))
            for share in (Fraction(k, 600) for k in range(480))
        )

    assert worst(rows) <= error
    assert worst(rows - 1) > error * 0.93  # the worst share lies between points of the grid


def test_a_paired_size_is_exact_by_enumeration() -> None:
    """The share of discordant rows would be taken as known, or its worst value missed."""
    error, tolerance, discordance = 0.1, 0.2, 0.4
    rows = rows_for_difference(tolerance, error, discordance)
    worst = 0.0
    for lost in np.linspace(0, discordance, 21):
        gained = discordance - lost
        chance = 0.0
        for b, c in product(range(rows + 1), repeat=2):
            if b + c <= rows and b - c > rows * (gained - lost + tolerance) + 1e-9:
                ways = comb(rows, b) * comb(rows - b, c)
                chance += ways * gained**b * lost**c * (1 - discordance) ** (rows - b - c)
        worst = max(worst, chance)
    assert 0.8 * error < worst <= error * 1.02


def test_adaptivity_costs_and_few_passes_save() -> None:
    """The budget would not follow what a developer can learn."""
    assert Budget(0.01, 32, FIRST).error_per_run == 0.01 / 32
    assert Budget(0.01, 32).error_per_run == 0.01 / 2**32
    assert Budget(0.01, 32, most_passes=5).error_per_run == 0.01 / sum(comb(32, k) for k in range(6))
    assert Budget(0.01, 3, most_passes=9).error_per_run == 0.01 / 8


def test_an_adversary_who_reads_every_answer_seldom_breaks_the_promise() -> None:
    """Six answers would be enough to overfit the holdout: here each pass is built upon.

    The adversary keeps a candidate that passed and changes a part of its answers at random, all of
    true accuracy 0.5; a pass means an accuracy above the last bar by more than the tolerance.
    """
    error, tolerance, runs = 0.2, 0.1, 6
    rows = rows_for_accuracy(tolerance, Budget(error, runs).error_per_run)
    rng = np.random.default_rng(12)
    broken = 0
    for _ in range(2000):
        best = rng.random(rows) < 0.5
        for _run in range(runs):
            fresh = np.where(rng.random(rows) < 0.5, rng.random(rows) < 0.5, best)
            if fresh.mean() > best.mean():  # more than the one bit: an upper bound for any adversary
                best = fresh
        broken += best.mean() - 0.5 > tolerance
    assert broken / 2000 <= error


@pytest.mark.parametrize(
    ("rows", "tolerance", "discordance"), [(1, 0.05, 0.01), (3, 0.05, 0.01), (15, 0.2, 0.1)]
)
def test_a_tolerance_above_the_discordance_still_needs_rows(
    rows: int, tolerance: float, discordance: float
) -> None:
    """One row alone would do: only differences that can be true were looked at, not all that can be seen."""
    found = _worst_paired_excess(rows, tolerance, discordance)
    counts = [(gain, loss, rows - gain - loss) for gain in range(rows + 1) for loss in range(rows + 1 - gain)]

    def chance(gain_share: float) -> float:
        truth = discordance * (2 * gain_share - 1)
        return sum(
            float(multinomial.pmf(count, rows, _shares(discordance, gain_share)))
            for count in counts
            if (count[0] - count[1]) / rows - truth > tolerance + 1e-12
        )

    assert found == pytest.approx(max(chance(share) for share in np.linspace(0, 1, 101)), rel=0.02)


def _shares(discordance: float, gain_share: float) -> list[float]:
    return [discordance * gain_share, discordance * (1 - gain_share), 1 - discordance]
