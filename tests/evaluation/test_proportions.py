"""Intervals of proportions against statsmodels, published examples and exact enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq

from ml_stages.evaluation.proportions import mean_of_proportions, tango
from ml_stages.evaluation.quantiles import binomial_shares, drawn_quantile, normal_quantile, t_quantile
from ml_stages.evaluation.shares import clopper_pearson


def _tango_by_root_finding(b: int, c: int, n: int, confidence: float) -> tuple[float, float]:
    """An independent version: the constrained likelihood is maximised numerically."""
    z = normal_quantile(confidence)

    def score(d: float) -> float:
        def slope(lost: float) -> float:
            rest = 1 - 2 * lost - d
            return b / (lost + d) + c / lost - 2 * (n - b - c) / rest

        least, most = max(0.0, -d) + 1e-13, (1 - d) / 2 - 1e-13
        lost = brentq(slope, least, most, xtol=1e-15) if slope(least) > 0 > slope(most) else least
        return float((b - c - n * d) / np.sqrt(n * (2 * lost + d * (1 - d))))

    estimate = (b - c) / n
    return (
        brentq(lambda d: score(d) - z, -1 + 1e-9, estimate + 1e-9),
        brentq(lambda d: score(d) + z, estimate - 1e-9, 1 - 1e-9),
    )


@pytest.mark.parametrize(
    ("b", "c", "n"), [(12, 2, 50), (40, 20, 160), (3, 1, 500), (30, 45, 2000), (1, 9, 60)]
)
def test_tango_is_the_score_interval(b: int, c: int, n: int) -> None:
    """The verdict on accuracy would rest on a slip in the algebra."""
    assert tango(b, c, n, 0.95) == pytest.approx(_tango_by_root_finding(b, c, n, 0.95), abs=1e-7)


def test_tango_gives_the_published_intervals() -> None:
    """An error that our own oracle shares would go unseen.

    Bentur et al. as in Fagerland, Lydersen and Laake (2014): 21 pairs, 1 gained, 7 lost.
    """
    lower, upper = tango(1, 7, 21, 0.95)
    assert (lower, upper) == pytest.approx((-0.517, -0.026), abs=6e-4)


@given(
    b=st.integers(0, 200),
    c=st.integers(0, 200),
    same=st.integers(0, 100_000),
)
def test_exchanging_the_models_mirrors_the_interval(b: int, c: int, same: int) -> None:
    """A gain would be judged by another measure than a loss."""
    n = b + c + same
    if n == 0:
        return
    lower, upper = tango(b, c, n, 0.95)
    mirrored = tango(c, b, n, 0.95)
    assert (lower, upper) == pytest.approx((-mirrored[1], -mirrored[0]), abs=1e-9)
    assert -1 <= lower <= (b - c) / n <= upper <= 1


def test_no_discordant_row_still_leaves_an_interval() -> None:
    """Identical predictions on 100 rows would prove that two models never differ."""
    lower, upper = tango(0, 0, 100, 0.95)
    z2 = normal_quantile(0.95) ** 2
    assert (lower, upper) == pytest.approx((-z2 / (100 + z2), z2 / (100 + z2)))


@pytest.mark.parametrize("expected_losses", [1.3, 2.5, 3.7, 6.0])
@pytest.mark.parametrize("rows", [500, 10_000])
def test_rare_harm_does_not_pass(expected_losses: float, rows: int) -> None:
    """Harm on a handful of rows would pass in 28 % of releases, as with Wald and percentile intervals.

    Enumerated exactly: losses are binomial, nothing is gained, the true difference is the margin.
    """
    losses = np.arange(60)
    lower, _ = tango(np.zeros(60), losses, np.full(60, rows), 0.95)
    chance = stats.binom.pmf(losses, rows, expected_losses / rows)
    assert chance[lower > -expected_losses / rows].sum() <= 0.025


def test_the_mean_of_one_proportion_has_its_interval() -> None:
    """Balanced accuracy of one class would differ from its recall."""
    assert mean_of_proportions([30], [40], 0.95) == pytest.approx(clopper_pearson(30, 40, 0.95))


def test_the_mean_of_proportions_covers() -> None:
    """Balanced accuracy with a class of 15 rows would promise too much."""
    rng = np.random.default_rng(4)
    rows, shares = np.array([15, 60, 200]), np.array([0.9, 0.7, 0.8])
    drawn = rng.binomial(rows, shares, size=(2000, 3))
    found = [mean_of_proportions(hits, rows, 0.95) for hits in drawn]
    covered = np.mean([low <= shares.mean() <= high for low, high in found])
    assert covered > 0.94


@pytest.mark.parametrize("shares", [(0.7, 0.99), (0.98, 0.9), (0.98, 0.99)])
def test_the_mean_of_two_proportions_covers_by_exact_enumeration(shares: tuple[float, float]) -> None:
    """Balanced accuracy with ten positives would be wrong in 7.5 % of runs instead of 5, as by Wilson's."""
    rows = np.array([10, 190])
    total = 0.0
    for up in range(rows[0] + 1):
        for down in range(120, rows[1] + 1):
            lower, upper = mean_of_proportions([up, down], rows, 0.95)
            if lower <= np.mean(shares) <= upper:
                total += float(np.prod(stats.binom.pmf([up, down], rows, shares)))
    assert total >= 0.95


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 28, 29, 30, 31, 100, 10_000, 10**8])
@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.999])
def test_t_quantiles_are_those_of_scipy(freedom: int, confidence: float) -> None:
    """Every interval of a mean would be off by the error of the expansion."""
    assert t_quantile(confidence, freedom) == pytest.approx(
        stats.t.ppf(0.5 + confidence / 2, freedom), rel=2e-6
    )


@pytest.mark.parametrize("count", [1, 2, 3, 40, 5_000])
@pytest.mark.parametrize("share", [0.0, 0.0125, 0.5, 0.975, 1.0])
def test_drawn_quantiles_are_numpy_s(count: int, share: float) -> None:
    """A bootstrap interval would end elsewhere than its draws say."""
    drawn = np.random.default_rng(count).normal(size=count)
    assert drawn_quantile(drawn, share) == pytest.approx(float(np.quantile(drawn, share)), abs=1e-14)


@pytest.mark.parametrize("count", [1, 5, 160, 20_000])
@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_binomial_shares_are_those_of_scipy(count: int, share: float) -> None:
    """The interval of a 95th percentile would be read at the wrong answers."""
    expected = stats.binom.cdf(np.arange(count + 1), count, share)
    assert binomial_shares(count, share) == pytest.approx(expected, abs=1e-8)
