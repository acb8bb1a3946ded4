"""The exact interval of the mean of two shares, against enumeration of every pair of counts."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ml_stages.evaluation.estimate import Estimate
from ml_stages.evaluation.estimators import macro_recall
from ml_stages.evaluation.proportions import mean_of_proportions
from ml_stages.evaluation.rows import Classified
from ml_stages.evaluation.sample import ClassifiedSample
from ml_stages.evaluation.shares import clopper_pearson
from ml_stages.evaluation.two_shares import MOST_ROWS, Seen, mean_of_two_shares
from ml_stages.gates.multiple import Reading

_TAIL = 0.025


def _bounds(one: int, other: int, confidence: float = 0.95) -> np.ndarray:
    """Of every pair of counts: lower and upper bound last."""
    return np.array(
        [
            [mean_of_two_shares(Seen(k, one), Seen(m, other), confidence) for m in range(other + 1)]
            for k in range(one + 1)
        ]
    )


def _chances(rows: tuple[int, int], shares: tuple[float, float]) -> np.ndarray:
    parts = [stats.binom.pmf(np.arange(n + 1), n, p) for n, p in zip(rows, shares, strict=True)]
    return np.asarray(np.outer(*parts))


@pytest.mark.parametrize(
    ("rows", "confidence"), [((1, 1), 0.95), ((3, 8), 0.95), ((7, 7), 0.9), ((4, 20), 0.99)]
)
def test_neither_side_misses_oftener_than_promised(rows: tuple[int, int], confidence: float) -> None:
    """Balanced accuracy with a handful of positives would pass its limit oftener than in one run of 40.

    Enumerated: every pair of counts, for every pair of shares on a grid.
    """
    lower, upper = np.moveaxis(_bounds(*rows, confidence), -1, 0)
    grid = np.r_[0.001, 0.01, np.linspace(0.05, 0.95, 19), 0.99, 0.999]
    worst = 0.0
    for shares in ((one, other) for one in grid for other in grid):
        chance, truth = _chances(rows, shares), sum(shares) / 2
        worst = max(worst, chance[lower > truth].sum(), chance[upper < truth].sum())
    assert worst <= (1 - confidence) / 2 + 1e-9
    assert worst > (1 - confidence) / 8  # nor is it far too wide


def _lowest_by_brute_force(hits: tuple[int, int], rows: tuple[int, int]) -> float:
    """By its definition: all pairs of counts, and a dense grid of the shares that make up a mean."""
    z = stats.norm.ppf(1 - _TAIL)

    def distance(k: np.ndarray, n: int) -> np.ndarray:
        share = k / n
        q = np.maximum(share - (1 - share) / (2 * n), 0)
        wilson = (q + z**2 / (2 * n) - z * np.sqrt(q * (1 - q) / n + z**2 / (4 * n**2))) / (1 + z**2 / n)
        return np.asarray(share - np.clip(wilson, 0, share))

    one, other = (np.arange(n + 1) for n in rows)
    order = (one / rows[0])[:, None] + other / rows[1]
    order = order - np.hypot(distance(one, rows[0])[:, None], distance(other, rows[1]))
    as_high = order >= order[hits] - 1e-12
    ruled_out = _TAIL * 0.005
    shares = np.linspace(*clopper_pearson(hits[1], rows[1], 1 - ruled_out), 2001)
    reached = np.asarray(stats.binom.pmf(other, rows[1], shares[:, None]))

    def chance(total: float) -> float:
        fit = (total - shares >= 0) & (total - shares <= 1)
        first = np.asarray(stats.binom.pmf(one, rows[0], (total - shares[fit])[:, None]))
        return float(np.max(np.sum(first @ as_high * reached[fit], axis=1), initial=0.0))

    low, high = 0.0, hits[0] / rows[0] + hits[1] / rows[1]
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) <= _TAIL - ruled_out else (low, middle)
    return low / 2


@pytest.mark.parametrize(
    ("hits", "rows"),
    [
        ((9, 38), (10, 40)),
        ((10, 40), (10, 40)),
        ((3, 39), (10, 40)),
        ((0, 31), (6, 60)),
        ((20, 55), (25, 60)),
    ],
)
def test_the_bound_is_that_of_the_definition(hits: tuple[int, int], rows: tuple[int, int]) -> None:
    """A slip in the search for the worst shares would move every verdict on balanced accuracy."""
    lower, _ = mean_of_two_shares(Seen(hits[0], rows[0]), Seen(hits[1], rows[1]), 0.95)
    expected = _lowest_by_brute_force(hits, rows)
    half = np.mean([k / n for k, n in zip(hits, rows, strict=True)]) - expected
    assert expected - 0.003 * half <= lower <= expected + 1e-6


def test_one_row_of_each_class_has_the_bound_by_hand() -> None:
    """Both right has a chance of p times q, at most the square of their mean: the bound is its root."""
    lower, upper = mean_of_two_shares(Seen(1, 1), Seen(1, 1), 0.95)
    assert lower == pytest.approx(np.sqrt(0.025), rel=0.01)
    assert upper == 1


_COUNTS = st.integers(1, 120).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows)))


@settings(max_examples=40)
@given(one=_COUNTS, other=_COUNTS)
def test_it_holds_the_value_and_mistakes_mirror_it(one: tuple[int, int], other: tuple[int, int]) -> None:
    """A report would show a number outside its own interval, or judge mistakes by another measure."""
    seen, beside = Seen(*one), Seen(*other)
    lower, upper = mean_of_two_shares(seen, beside, 0.95)
    assert 0 <= lower <= (one[0] / one[1] + other[0] / other[1]) / 2 <= upper <= 1
    mirrored = mean_of_two_shares(beside.mistaken, seen.mistaken, 0.95)
    assert mirrored == pytest.approx((1 - upper, 1 - lower), abs=1e-12)


@pytest.mark.parametrize(
    ("hits", "rows"),
    [((9, 188), (10, 190)), ((24, 470), (25, 475)), ((49, 445), (50, 450)), ((71, 525), (72, 528))],
)
def test_it_is_narrower_where_errors_are_few(hits: tuple[int, int], rows: tuple[int, int]) -> None:
    """A good model with few positives would need more rows than it has to."""
    lower, upper = mean_of_two_shares(Seen(hits[0], rows[0]), Seen(hits[1], rows[1]), 0.95)
    below, above = mean_of_proportions(hits, rows, 0.95)
    assert upper - lower < 0.985 * (above - below)


@pytest.mark.parametrize("rows", [(50, 100_000), (250, 10_000_000)])
def test_many_rows_of_the_larger_class_do_not_take_long(rows: tuple[int, int]) -> None:
    """An evaluation of ten million rows would wait for the interval of one number."""
    start = time.process_time()
    lower, upper = mean_of_two_shares(
        Seen(9 * rows[0] // 10, rows[0]), Seen(9 * rows[1] // 10, rows[1]), 0.95
    )
    assert time.process_time() - start < 2
    assert (lower, upper) == pytest.approx(
        mean_of_proportions([int(n * 0.9) for n in rows], rows, 0.95), abs=0.005
    )


@pytest.mark.parametrize(
    ("positives", "method"), [(MOST_ROWS, "exact test"), (MOST_ROWS + 1, "squared distances")]
)
def test_balanced_accuracy_of_few_rows_has_it(positives: int, method: str) -> None:
    """The report would name a method that was not used, or the narrower interval would reach nobody."""
    found = _of_two_classes(positives, 1000 - positives)
    assert method in found.method
    assert (found.value, found.upper) == (1, 1)


def test_several_classes_keep_the_distances() -> None:
    """A mean of three shares would be judged by a test of two."""
    truth = np.arange(30, dtype=np.int32) % 3
    found = macro_recall(ClassifiedSample(Classified(("0", "1", "2"), truth, truth), 0.95))
    assert "squared distances" in found.method


def test_a_broken_limit_among_many_is_proven_no_oftener_than_promised() -> None:
    """Of 60 slices with ten positives each, one at its limit would be called worse oftener than promised.

    Enumerated: the p-value that gates read off the interval, where the limit is the truth itself.
    """
    rows = (10, 60)
    upper = _bounds(*rows)[..., 1]
    value = (np.arange(11)[:, None] / 10 + np.arange(61) / 60) / 2
    freedom = _of_two_classes(*rows).freedom
    assert freedom is not None
    for shares in ((one, other) for one in (0.35, 0.45, 0.7, 0.97) for other in (0.3, 0.6, 0.9)):
        limit, chance = sum(shares) / 2, _chances(rows, shares)
        p_values = np.array(
            [
                Reading(seen, (0.0, most), 0.95, freedom).tail((limit, None))
                for seen, most in zip(value.ravel(), upper.ravel(), strict=True)
            ]
        ).reshape(value.shape)
        for error in (_TAIL, _TAIL / 4, _TAIL / 12, _TAIL / 60):
            assert chance[p_values <= error].sum() <= error


def _of_two_classes(positives: int, negatives: int) -> Estimate:
    truth = (np.arange(positives + negatives) < positives).astype(np.int32)
    return macro_recall(ClassifiedSample(Classified(("0", "1"), truth, truth), 0.95))
