"""The exact interval of a share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ml_stages.evaluation.shares import clopper_pearson, nearly_upper


@settings(max_examples=200, deadline=None)
@given(
    rows=st.integers(1, 10**6),
    fewer=st.integers(0, 100),
    confidence=st.floats(0.5, 0.999),
    swap=st.booleans(),
)
def test_the_interval_is_scipys(rows: int, fewer: int, confidence: float, swap: bool) -> None:
    """A limit on a share would be held against bounds that nobody can look up."""
    hits = min(fewer, rows)
    hits = rows - hits if swap else hits
    expected = stats.binomtest(hits, rows).proportion_ci(confidence, "exact")
    width = expected.high - expected.low
    if min(hits, rows - hits) <= 100:
        assert clopper_pearson(hits, rows, confidence) == pytest.approx(tuple(expected), abs=1e-6 * width)


@pytest.mark.parametrize("confidence", [0.95, 0.9995])
@pytest.mark.parametrize("hits", [101, 150, 1000, 50_000, 99_899])
def test_many_rows_take_the_approximate_interval(hits: int, confidence: float) -> None:
    """The shortcut for many rows would promise more than the exact interval does, far out above all."""
    lower, upper = clopper_pearson(hits, 100_000, confidence)
    tail = (1 - confidence) / 2
    assert stats.binom.sf(hits - 1, 100_000, lower) == pytest.approx(tail, rel=0.015)
    assert stats.binom.cdf(hits, 100_000, upper) == pytest.approx(tail, rel=0.015)
    assert stats.binom.cdf(hits, 100_000, upper) <= tail * (1 + 1e-4)


@pytest.mark.parametrize("rows", [5, 25, 100, 250, 2000])
def test_it_covers_what_it_promises_for_every_share(rows: int) -> None:
    """Wilson's interval misses an accuracy of 0.995 at 25 rows in 12 % of runs instead of 5."""
    bounds = np.array([clopper_pearson(hits, rows, 0.95) for hits in range(rows + 1)])
    for share in np.r_[np.linspace(0.01, 0.99, 99), 1 - np.logspace(-5, -2, 30)]:
        held = (bounds[:, 0] <= share) & (share <= bounds[:, 1])
        assert stats.binom.pmf(np.arange(rows + 1), rows, share)[held].sum() >= 0.95


@pytest.mark.parametrize("rows", [20.0, 60.5, 200.0])
@pytest.mark.parametrize("misses", [0.01, 0.3, 1.2, 5.0])
def test_fractions_of_rows_have_nearly_the_bound_of_scipy(rows: float, misses: float) -> None:
    """An AUC that is worth 60.5 rows would have a bound of its own making, or one above 1."""
    expected = stats.beta.ppf(0.975, rows - misses + 1, misses)
    found = nearly_upper(rows - misses, misses, 1.959964)
    assert found <= 1
    assert found == pytest.approx(expected, abs=0.06 * (1 - expected) + 1e-3)
