"""Calibration error: no bias, and intervals that hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, chi2, ncx2

from ml_stages.evaluation.calibration import bins_of, calibration_error
from ml_stages.evaluation.noncentral import distance_limits
from ml_stages.evaluation.rows import Classified
from ml_stages.evaluation.sample import ClassifiedSample


def _sample(rng: np.random.Generator, rows: int, shift: float) -> ClassifiedSample:
    """Probabilities that are too high by ``shift``, everywhere."""
    true = rng.beta(2, 2, rows) * (1 - shift)
    truth = (rng.random(rows) < true).astype(np.int32)
    said = true + shift
    return ClassifiedSample(
        Classified(("0", "1"), truth, (said > 0.5).astype(np.int32), np.column_stack([1 - said, said])), 0.95
    )


def test_a_calibrated_model_has_no_error_on_average() -> None:
    """The plain estimate says 0.036 where the truth is 0, so that good models would be blocked."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(300):
        sample = _sample(rng, 500, 0.0)
        said = sample.probabilities[:, 1]
        found.append(bins_of(said, sample.rows.truth - said).squared_error())
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(300)


@pytest.mark.parametrize("digits", [1, 2, 8])
def test_bins_of_sorted_rows_are_bins(digits: int) -> None:
    """Tied probabilities would fall into another bin when rows are sorted than when they are looked up."""
    sample = _sample(np.random.default_rng(digits), 20_000, 0.1)
    said = np.round(sample.probabilities[:, 1], digits)
    rows = Classified(("0", "1"), sample.rows.truth, sample.rows.predicted, said[:, None])
    squared = bins_of(said, sample.rows.truth - said).squared_error()
    found = calibration_error(ClassifiedSample(rows, 0.95)).value
    assert found == pytest.approx(np.sqrt(max(squared, 0.0)))


@pytest.mark.parametrize("shift", [0.0, 0.03, 0.15])
def test_the_interval_covers(shift: float) -> None:
    """A limit on the calibration would promise too much."""
    rng = np.random.default_rng(1)
    estimates = [calibration_error(_sample(rng, 1000, shift)) for _ in range(300)]
    covered = np.mean([(e.lower or 0.0) <= shift <= (e.upper or 0.0) for e in estimates])
    assert covered >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / 300)


def test_few_rows_have_no_interval() -> None:
    """Fifteen bins of three rows would be judged."""
    estimate = calibration_error(_sample(np.random.default_rng(2), 100, 0.1))
    assert estimate.lower is None
    assert "100 rows" in estimate.note


def _said(said: float | np.ndarray, occurred: np.ndarray) -> ClassifiedSample:
    truth = occurred.astype(np.int8)
    probabilities = np.broadcast_to(np.asarray(said, dtype=np.float64), truth.shape)[:, None].copy()
    return ClassifiedSample(Classified(("0", "1"), truth, truth, probabilities), 0.95)


@pytest.mark.parametrize(("said", "share"), [(0.001, 0.01), (0.999, 0.99), (0.02, 0.005), (0.3, 0.4)])
@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_the_interval_covers_what_seldom_occurs(said: float, share: float, spread: float) -> None:
    """In a fifth of samples nothing occurs, which would prove a model right that is ten times too sure."""
    rng = np.random.default_rng(3)
    rare = min(said, 1 - said) * (1 + spread * rng.uniform(-1, 1, 150))
    probabilities = rare if said < 0.5 else 1 - rare
    off = np.sqrt(np.mean((probabilities - share) ** 2))
    found = [calibration_error(_said(probabilities, rng.random(150) < share)) for _ in range(300)]
    missed = np.mean([not e.lower <= off <= e.upper for e in found])
    assert missed <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("occurs", [False, True])
def test_one_probability_for_rows_that_are_all_alike_has_an_interval(occurs: bool) -> None:
    """The variance was a rounding error below zero, and both ends of the interval were NaN."""
    estimate = calibration_error(_said(0.37, np.full(160, occurs)))
    error = 0.63 if occurs else 0.37
    assert estimate.value == pytest.approx(error)
    assert estimate.lower == pytest.approx(error - (1 - 0.025 ** (1 / 160)))


def _steps(rows: int, said: tuple[float, float], share: tuple[float, float], seed: int) -> ClassifiedSample:
    """Two probabilities alone, as of a small tree."""
    rng = np.random.default_rng(seed)
    side = rng.integers(0, 2, rows)
    return _said(np.take(said, side), rng.random(rows) < np.take(share, side))


@pytest.mark.parametrize("rows", [150, 2000])
@pytest.mark.parametrize(
    ("said", "share"), [((0.02, 0.6), (0.05, 0.7)), ((0.35, 0.35), (0.3, 0.3)), ((0.2, 0.8), (0.2, 0.8))]
)
def test_the_interval_covers_where_few_probabilities_are_said(
    rows: int, said: tuple[float, float], share: tuple[float, float]
) -> None:
    """A fifth of models that are further off than the limit would pass, at 2.5 % that are promised."""
    off = np.sqrt(np.mean((np.array(said) - np.array(share)) ** 2))
    found = [calibration_error(_steps(rows, said, share, seed)) for seed in range(400)]
    allowed = 0.025 + 2.5 * np.sqrt(0.025 * 0.975 / 400)
    assert np.mean([e.upper < off for e in found]) <= allowed
    assert np.mean([e.lower > off for e in found]) <= allowed


@pytest.mark.parametrize("freedom", [1, 1.6, 5, 15])
@pytest.mark.parametrize("squares", [1.0, 4.0, 15.0, 60.0, 900.0])
def test_limits_of_a_distance_are_scipys(freedom: float, squares: float) -> None:
    """The approximation would promise another error than it has."""
    lower, upper = distance_limits(squares, freedom, 0.95)
    for limit, chance in ((lower, 0.975), (upper, 0.025)):
        if limit:
            assert ncx2.cdf(squares, freedom, limit**2) == pytest.approx(chance, abs=0.003)
        else:
            assert chi2.cdf(squares, freedom) <= chance + 0.003


@pytest.mark.parametrize(("rows", "wrong"), [(75, 0.1), (250, 0.1), (75, 0.2)])
def test_a_model_that_says_0_and_1_alone_seldom_passes_a_limit_that_it_does_not_keep(
    rows: int, wrong: float
) -> None:
    """It passed in 3.1 to 3.7 % where 2.5 are promised: the fewer mistakes drawn, the surer it looked."""
    said = np.repeat([0.0, 1.0], rows)
    chances = binom.pmf(np.arange(rows + 1), rows, wrong)
    likely = np.flatnonzero(chances > 1e-5)
    passed = 0.0
    for low in likely:
        for high in likely[likely >= low]:
            occurred = np.concatenate([np.arange(rows) < low, np.arange(rows) >= high])
            if (calibration_error(_said(said, occurred)).upper or 1.0) < wrong:
                passed += chances[low] * chances[high] * (1 if low == high else 2)
    assert 0.005 < passed <= 0.0255
