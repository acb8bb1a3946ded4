"""AUC and average precision: values, variances and what single rows contribute."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from ml_stages.evaluation.auc import auc_interval
from ml_stages.evaluation.influence import Moments, Summary, moments
from ml_stages.evaluation.losses import Losses, mean_alone
from ml_stages.evaluation.order import ascending
from ml_stages.evaluation.pieces import PIECE
from ml_stages.evaluation.ranking import Ranking


def _ranking(seed: int, rows: int, digits: int) -> Ranking:
    rng = np.random.default_rng(seed)
    positive = rng.random(rows) < 0.4
    positive[:2] = [True, False]
    return Ranking(np.round(rng.normal(size=rows) + positive, digits), positive)


rankings = st.builds(_ranking, st.integers(0, 10_000), st.integers(4, 80), st.sampled_from([0, 1, 8]))


@settings(max_examples=50, deadline=None)
@given(ranking=rankings)
def test_the_variance_is_delongs(ranking: Ranking) -> None:
    """Paired AUC comparisons would rest on a shortcut that nobody checked: here all pairs are compared."""
    ups, downs = ranking.score[ranking.positive], ranking.score[~ranking.positive]
    wins = (ups[:, None] > downs) + 0.5 * (ups[:, None] == downs)
    variance = 0.0
    if ups.size > 1:
        variance += wins.mean(axis=1).var(ddof=1) / ups.size
    if downs.size > 1:
        variance += wins.mean(axis=0).var(ddof=1) / downs.size
    assert ranking.roc_auc.value == pytest.approx(roc_auc_score(ranking.positive, ranking.score))
    if min(ups.size, downs.size) > 1:
        assert np.sum(ranking.roc_auc.influence**2) == pytest.approx(variance, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(ranking=rankings)
def test_average_precision_and_its_influence(ranking: Ranking) -> None:
    """The interval of the PR AUC would be wrong; checked by weighting one row a little more."""
    assert ranking.average_precision.value == pytest.approx(
        average_precision_score(ranking.positive, ranking.score)
    )
    assert ranking.average_precision.influence.sum() == pytest.approx(0, abs=1e-12)
    step = 1e-6
    for row in range(0, len(ranking.score), 7):
        weights = np.ones(len(ranking.score))
        weights[row] += step
        nudged = average_precision_score(ranking.positive, ranking.score, sample_weight=weights)
        slope = (nudged - ranking.average_precision.value) / step
        assert ranking.average_precision.influence[row] == pytest.approx(slope, abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(ranking=rankings)
def test_sums_over_sorted_rows_are_those_over_the_rows(ranking: Ranking) -> None:
    """A file judged alone would get another interval than beside a baseline."""
    for by_row, of_sorted in (
        (ranking.roc_auc, ranking.sorted.roc_auc.summary),
        (ranking.average_precision, ranking.sorted.average_precision.summary),
    ):
        assert of_sorted.value == by_row.value
        assert of_sorted.moments.units == by_row.influence.size
        assert of_sorted.moments.squared == pytest.approx(np.sum(by_row.influence**2), abs=1e-12)
        assert of_sorted.moments.cubed == pytest.approx(np.sum(by_row.influence**3), abs=1e-12)


numbers = st.floats(0, 1e300) | st.sampled_from([0.0, -0.0, 5e-324, 1 / 3, np.nextafter(1 / 3, 1), 1.0])


@settings(max_examples=200, deadline=None)
@given(values=st.lists(numbers, max_size=40))
def test_the_order_is_exact(values: list[float]) -> None:
    """Scores that differ in their last bits only would be ranked by chance, and an AUC be off."""
    given = np.array(values, dtype=np.float64)
    order = ascending(given)
    assert sorted(order.tolist()) == list(range(given.size))
    assert np.array_equal(given[order], np.sort(given))


def test_the_order_is_exact_where_many_scores_are_nearly_alike() -> None:
    """The shortcut compares the front bits first: here they are the same for stretches of scores."""
    rng = np.random.default_rng(5)
    close = np.nextafter(np.float64(0.5), 1) + rng.integers(0, 5000, 60_000) * np.finfo(np.float64).eps
    assert np.array_equal(close[ascending(close)], np.sort(close))


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_rows_are_the_same_in_pieces_and_at_once(size: int) -> None:
    """The last rows of a long file would be left out, or counted twice."""
    rng = np.random.default_rng(size)
    positive = rng.random(size) < 0.3
    ranking = Ranking(np.round(rng.random(size) + positive, 3), positive)
    assert ranking.roc_auc.value == pytest.approx(roc_auc_score(positive, ranking.score))
    assert ranking.sorted.roc_auc.summary.moments.squared == pytest.approx(
        np.sum(ranking.roc_auc.influence**2)
    )
    values = rng.lognormal(size=size)
    found = moments(values - 1.5)
    assert found.squared == pytest.approx(np.sum((values - 1.5) ** 2))
    assert found.cubed == pytest.approx(np.sum((values - 1.5) ** 3))
    mean = mean_alone(Losses.given(values))
    assert mean.value == pytest.approx(values.mean())
    assert mean.distances.squared == pytest.approx(np.sum((values - values.mean()) ** 2))
    assert mean.distances.cubed == pytest.approx(np.sum((values - values.mean()) ** 3))
    assert mean.largest == values.max()
    assert mean.fourth == pytest.approx(np.sum((values - values.mean()) ** 4))


@settings(max_examples=30, deadline=None)
@given(rankings)
def test_rows_that_rank_beyond_all_others_lower_the_average_precision_so_far(ranking: Ranking) -> None:
    """Groups that were not seen would be said to do less harm than they do: one copy of four of each row."""
    score, positive = np.tile(ranking.score, 4), np.tile(ranking.positive, 4)
    score[: ranking.score.size] = np.where(ranking.positive, -100.0, 100.0)
    found = ranking.sorted.average_precision_without(0.25, 0.25)
    assert found == pytest.approx(average_precision_score(positive, score))
    assert ranking.sorted.average_precision_without(0, 0) == pytest.approx(ranking.average_precision.value)
    assert roc_auc_score(positive, score) == pytest.approx(0.75**2 * ranking.roc_auc.value)


@pytest.mark.parametrize(("auc", "rows", "positives"), [(0.9, 500, 25), (0.99, 500, 25), (0.8, 600, 200)])
def test_the_interval_of_an_auc_covers(auc: float, rows: int, positives: int) -> None:
    """25 positives and an AUC of 0.99: DeLong's interval covers 76 % where 95 are promised."""
    rng = np.random.default_rng(8)
    positive = np.arange(rows) < positives
    separation = np.sqrt(2) * NormalDist().inv_cdf(auc)
    covered = []
    for _ in range(400):
        ranking = Ranking(rng.normal(size=rows) + separation * positive, positive)
        lower, upper, _ = auc_interval(ranking.sorted.roc_auc.summary, positives, 0.95)
        covered.append(lower <= auc <= upper)
    assert np.mean(covered) > 0.925  # 0.94 less twice the simulation's error


@pytest.mark.parametrize(("auc", "spread"), [(0.75, 2.0), (0.9, 2.0), (0.95, 2.0), (0.9, 0.5)])
def test_it_covers_where_positives_spread_otherwise_than_negatives(auc: float, spread: float) -> None:
    """A model that ranks some of 25 positives far too low would pass its limit in 6 % of runs, or fail in 8.

    Newcombe's method 5 alone, which supposes scores that spread alike, misses 12 to 14 % here.
    """
    rng = np.random.default_rng(9)
    positive = np.arange(500) < 25
    shift = np.hypot(1, spread) * NormalDist().inv_cdf(auc)
    missed = np.zeros(2)
    for _ in range(600):
        score = np.where(positive, shift + spread * rng.normal(size=500), rng.normal(size=500))
        lower, upper, _ = auc_interval(Ranking(score, positive).sorted.roc_auc.summary, 25, 0.95)
        missed += (lower > auc, upper < auc)
    assert missed.sum() / 600 < 0.08  # 0.06 and twice the simulation's error
    assert missed[1] / 600 < 0.03


@pytest.mark.parametrize(("positives", "share"), [(25, 0.05), (25, 0.08), (72, 0.03)])
def test_it_covers_where_some_positives_rank_below_all_else(positives: int, share: float) -> None:
    """A model that is blind to one positive in 12 would pass in 7 %, as before: often none is drawn."""
    rng = np.random.default_rng(10)
    positive = np.arange(500) < positives
    auc = 0.9 if positives == 25 else 0.96
    shift = np.sqrt(2) * NormalDist().inv_cdf(auc / (1 - share))
    too_high = 0
    for _ in range(600):
        score = rng.normal(size=500) + shift * positive
        score[:positives][rng.random(positives) < share] = -50
        lower, _, _ = auc_interval(Ranking(score, positive).sorted.roc_auc.summary, positives, 0.95)
        too_high += lower > auc
    assert too_high / 600 < 0.04


@pytest.mark.parametrize("positives", [5, 10, 25, 72, 250])
def test_it_covers_whatever_share_of_positives_ranks_below_all_else(positives: int) -> None:
    """The worst there is, counted exactly: before, up to 15 % of such models were misjudged, of any size."""
    score, bounds = np.zeros(positives + 1), []
    for below in range(positives + 1):
        score[1:] = np.where(np.arange(positives) < below, -1.0, 1.0)
        found = Ranking(score, np.arange(positives + 1) > 0).sorted.roc_auc.summary
        bounds.append(auc_interval(found, positives, 0.95)[:2])
    lower, upper = np.array(bounds).T
    for share in np.r_[np.linspace(0.001, 0.4, 200), 1 - lower[lower > 0.6] + 1e-9]:
        missed = (lower > 1 - share) | (upper < 1 - share)
        assert stats.binom.pmf(np.arange(positives + 1), positives, share)[missed].sum() <= 0.06


@pytest.mark.parametrize("rarer", [5, 7, 25])
@pytest.mark.parametrize("confidence", [0.95, 0.9999])
def test_an_auc_of_scores_that_are_all_alike_has_a_wide_interval(rarer: int, confidence: float) -> None:
    """A constant score, whose variance is nothing, would be said to be known exactly, or below itself."""
    ranking = Ranking(np.zeros(100), np.arange(100) < rarer)
    lower, upper, _ = auc_interval(ranking.sorted.roc_auc.summary, rarer, confidence)
    assert lower < 0.5 < upper


@pytest.mark.parametrize("auc", [0.6, 0.9, 0.99, 0.9999, 1.0])
@pytest.mark.parametrize("variance", [0.0, 1e-8, 1e-4, 5e-3])
def test_an_auc_and_its_mirror_image_have_the_same_interval(auc: float, variance: float) -> None:
    """A model with the classes exchanged would be judged by another measure."""
    found = Summary(auc, Moments(500, variance, 0.0))
    lower, upper, method = auc_interval(found, 25, 0.95)
    assert 0 <= lower <= auc <= upper <= 1
    *mirrored, same = auc_interval(Summary(1 - auc, found.moments.scaled(-1)), 25, 0.95)
    assert mirrored == pytest.approx([1 - upper, 1 - lower])
    assert same == method
