"""Paired comparisons: against oracles, by laws, and by how often they err."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ml_stages.evaluation import counts, paired
from ml_stages.evaluation.metrics import judge
from ml_stages.evaluation.metrics_report import Comparison
from ml_stages.evaluation.rows import Classified, Measured, Rows
from ml_stages.evaluation.sample import ClassifiedPair, ClassifiedSample
from tests.evaluation.models import binary, labels, measured, multiclass


def of(candidate: Rows, baseline: Rows) -> dict[str, Comparison]:
    return {found.metric: found for found in judge(candidate, baseline, 0.95).comparisons}


@pytest.mark.parametrize(
    ("candidate", "baseline"),
    [
        (binary(400, seed=1), binary(400, seed=2)),
        (multiclass(300, seed=1), multiclass(300, seed=2, unknown=0.1)),
        (measured(200, seed=1), measured(200, seed=2)),
    ],
)
def test_differences_are_candidate_minus_baseline(candidate: Rows, baseline: Rows) -> None:
    """A sign the wrong way round would release the worse model."""
    judged = judge(candidate, baseline, 0.95)
    assert {c.metric for c in judged.comparisons} == {m.name for m in judged.metrics}
    for found in judged.comparisons:
        assert found.candidate is not None
        assert found.baseline is not None
        assert found.difference == pytest.approx(found.candidate - found.baseline, abs=1e-12)
        assert found.difference is not None
        if found.metric == "calibration_error":
            assert "not compared" in found.note
            continue
        assert found.lower is not None
        assert found.upper is not None
        assert found.lower <= found.difference <= found.upper


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_exchanging_the_models_mirrors_every_comparison(kind: str) -> None:
    """Gain and loss would be measured differently."""
    pairs: dict[str, tuple[Rows, Rows]] = {
        "binary": (binary(500, seed=1), binary(500, seed=2)),
        "multiclass": (multiclass(500, seed=1), multiclass(500, seed=2)),
        "regression": (measured(500, seed=1), measured(500, seed=2)),
    }
    one, other = pairs[kind]
    there, back = of(one, other), of(other, one)
    for name, found in there.items():
        if name == "calibration_error":
            continue
        assert found.lower is not None
        assert found.upper is not None
        assert back[name].difference == pytest.approx(-(found.difference or 0.0), abs=1e-9)
        width = found.upper - found.lower
        assert back[name].lower == pytest.approx(-found.upper, abs=0.06 * width), name


def test_identical_predictions_differ_by_nothing_within_a_small_interval() -> None:
    """The same model judged again would fail, or prove more than the rows can."""
    rows = binary(2000)
    for name, found in of(rows, rows).items():
        assert found.difference == 0, name
        if name == "calibration_error":
            continue
        assert found.lower is not None
        assert found.upper is not None
        assert found.lower < 0 < found.upper, name
        assert found.upper < 0.05, name


@pytest.mark.parametrize("apart", [0.0, 1e-4])
def test_numbers_that_are_predicted_alike_leave_room_for_a_row_that_is_lost(apart: float) -> None:
    """RMSE and R2 of 300 equal predictions proved that they never differ, where MAE and accuracy did not."""
    rows = measured(300)
    moved = np.random.default_rng(5).normal(0, apart, 300) if apart else 0.0
    other = replace(rows, predicted=rows.predicted + moved)
    found = of(other, rows)
    error = rows.truth - rows.predicted
    row = stats.t.ppf(0.975, 299) ** 2 * min(np.var(rows.truth), np.max(error**2)) / 300
    by_hand = {"rmse": row / (2 * np.sqrt(np.mean(error**2))), "r2": row / np.var(rows.truth)}
    for name, half in by_hand.items():
        assert found[name].difference == pytest.approx(0, abs=apart)
        assert found[name].lower == pytest.approx(-half, rel=0.01)
        assert found[name].upper == pytest.approx(half, rel=0.01)


def test_a_model_that_gives_no_answer_of_its_own_on_rare_rows_seldom_passes() -> None:
    """It predicts the mean label where the baseline knows better, which 400 rows mostly do not show."""
    rng, passed, runs, share = np.random.default_rng(11), 0, 200, 1 / 400
    margin = (np.sqrt(1 + share * 3**2) - 1) / 2
    for _ in range(runs):
        truth = rng.normal(0, 3, 400)
        theirs = Measured(truth, truth + rng.normal(size=400))
        lost = rng.random(400) < share
        mine = replace(theirs, predicted=np.where(lost, 0.0, theirs.predicted))
        found = judge(mine, theirs, 0.95, None, ["rmse"]).comparisons[0]
        passed += found.upper is not None and found.upper < margin
    assert passed <= 0.025 * runs + 2 * np.sqrt(0.025 * 0.975 * runs)


@pytest.mark.parametrize("groups", [None, np.arange(400) // 2])
def test_two_models_without_any_error_prove_nothing_of_one(groups: np.ndarray | None) -> None:
    """Rows that both predict exactly would prove that no row is ever predicted worse by one of them."""
    rows = measured(400)
    exact = replace(rows, predicted=rows.truth)
    judged = judge(exact, exact, 0.95, groups)
    sure = np.arange(400, dtype=np.int32) % 2
    certain = Classified(("no", "yes"), sure, sure, sure[:, None].astype(np.float64))
    losses = judge(certain, certain, 0.95, groups, ["log_loss"])
    for found in (*judged.metrics, *judged.comparisons, *losses.comparisons):
        assert (found.lower, found.upper) == (None, None)
        assert found.note.startswith("no interval: no row has any error")


def test_paired_t_is_scipys_where_nothing_is_skewed() -> None:
    """MAE would be compared by something else than the paired t interval that the report names."""
    rng = np.random.default_rng(2)
    truth = rng.normal(size=20_000)
    one, other = (
        Measured(truth, truth + rng.normal(size=20_000)),
        Measured(truth, truth + rng.normal(size=20_000)),
    )
    found = of(one, other)["mae"]
    rows = np.abs(one.truth - one.predicted) - np.abs(other.truth - other.predicted)
    low, high = stats.ttest_1samp(rows, 0).confidence_interval(0.95)
    assert (found.lower, found.upper) == pytest.approx((low, high), rel=0.02, abs=2e-4)


def test_count_metrics_agree_with_the_bootstrap_where_rows_are_many() -> None:
    """The Dirichlet interval would be another quantity's: with many discordant rows both must agree."""
    one, other = binary(4000, seed=1), binary(4000, seed=2)
    found = of(one, other)["f1"]
    rng = np.random.default_rng(0)
    picks = rng.integers(0, 4000, size=(1500, 4000))

    def f1(rows: Classified) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        truth, predicted = rows.truth[picks], rows.predicted[picks]
        hits = np.sum(truth & predicted, axis=1)
        return np.asarray(2 * hits / (truth.sum(axis=1) + predicted.sum(axis=1)))

    low, high = np.quantile(f1(one) - f1(other), [0.025, 0.975])
    width = high - low
    assert (found.lower, found.upper) == pytest.approx((low, high), abs=0.1 * width)


def _pair(truth: np.ndarray, candidate: np.ndarray, baseline: np.ndarray) -> ClassifiedPair:
    rows = [Classified(("0", "1"), truth.astype(np.int32), p.astype(np.int32)) for p in (candidate, baseline)]
    return ClassifiedPair(ClassifiedSample(rows[0], 0.95), ClassifiedSample(rows[1], 0.95))


@pytest.mark.parametrize("metric", [counts.f1, counts.precision, counts.balanced_accuracy, counts.mcc])
@pytest.mark.parametrize("expected_losses", [1.3, 3.0])
def test_rare_one_way_harm_seldom_passes(metric: counts.CountMetric, expected_losses: float) -> None:
    """500 rows, 25 positives, harm on one or two of them: percentile intervals pass it in 27 % of cases.

    Over the number of rows lost, which is Poisson: enumerated, not drawn.
    """
    truth = np.arange(500) < 25
    baseline = (np.arange(500) % 25 < 20) & truth | (np.arange(500) >= 490)
    harmful = metric is counts.precision  # precision is hurt by new false alarms, the others by misses
    places = np.flatnonzero(~truth & ~baseline) if harmful else np.flatnonzero(truth & baseline)
    passed = 0.0
    for lost in range(9):
        candidate = baseline.copy()
        candidate[places[:lost]] = harmful
        found = paired.dirichlet(metric)(_pair(truth, candidate, baseline))
        assert found.lower is not None
        if found.lower > _true_loss(metric, truth, baseline, expected_losses, harmful=harmful):
            passed += float(stats.poisson.pmf(lost, expected_losses))
    assert passed <= 0.03


def _true_loss(
    metric: counts.CountMetric, truth: np.ndarray, baseline: np.ndarray, losses: float, *, harmful: bool
) -> float:
    rows = Classified(("0", "1"), truth.astype(np.int32), baseline.astype(np.int32))
    before = rows.margins
    move = np.array([-1.0, 1.0]) if harmful else np.array([1.0, -1.0])
    hits = before.hits + losses * (np.array([-1.0, 0.0]) if harmful else np.array([0.0, -1.0]))
    after = replace(before, predicted=before.predicted + losses * move, hits=hits)
    return float(metric(after) - metric(before))


def test_rare_harm_to_the_ranking_seldom_passes() -> None:
    """Positive rows falling to the bottom would be missed, as DeLong's interval misses 27 % of them."""
    rng = np.random.default_rng(6)
    truth = labels(600, 0.12)
    base = 2.0 * truth + rng.normal(size=600)
    positives = np.flatnonzero(truth == 1)
    passed = 0.0
    for lost in range(8):
        candidate = base.copy()
        candidate[rng.choice(positives, lost, replace=False)] = -9 - rng.random(lost)
        found = of(_scored(truth, candidate), _scored(truth, base))["roc_auc"]
        assert found.lower is not None
        assert found.baseline is not None
        true = -2.5 / positives.size * found.baseline
        passed += float(stats.poisson.pmf(lost, 2.5)) * (found.lower > true)
    assert passed <= 0.025


def _scored(truth: np.ndarray, score: np.ndarray) -> Classified:
    p = 1 / (1 + np.exp(-score))
    return Classified(("0", "1"), truth, (p > 0.5).astype(np.int32), np.column_stack([1 - p, p]))


@pytest.mark.parametrize("name", ["accuracy", "f1", "roc_auc", "pr_auc", "brier", "log_loss"])
def test_equal_models_are_seldom_called_worse(name: str) -> None:
    """Good candidates would be blocked: at most 2.5 % a side, and the interval holds 0 in 95 %."""
    rng = np.random.default_rng(11)
    truth = labels(600, 0.15)
    common = 1.5 * truth - 0.7 + rng.normal(size=(120, 600))
    missed = 0
    for score in common:
        one, other = (_scored(truth, score + 0.4 * rng.normal(size=600)) for _ in range(2))
        pair = ClassifiedPair(ClassifiedSample(one, 0.95), ClassifiedSample(other, 0.95))
        compare = paired.dirichlet(counts.f1) if name == "f1" else getattr(paired, name)
        found = compare(pair)
        assert found.lower is not None
        assert found.upper is not None
        missed += not found.lower <= 0 <= found.upper
    assert missed <= 0.05 * 120 + 2 * np.sqrt(120 * 0.05 * 0.95)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 60), unknown=st.sampled_from([0.0, 0.3]))
def test_any_pair_of_models_can_be_compared(seed: int, rows: int, unknown: float) -> None:
    """A degenerate holdout would end the stage with a traceback instead of a note."""
    for found in of(multiclass(rows, 4, seed, unknown=unknown), multiclass(rows, 4, seed + 1)).values():
        if found.difference is None or found.lower is None or found.upper is None:
            assert found.note
        else:
            assert found.lower <= found.difference + 1e-12
            assert found.difference <= found.upper + 1e-12


def test_a_comparison_with_an_undefined_side_says_which() -> None:
    """The reader would not know whether the candidate or the baseline has no number."""
    rows = binary(200)
    found = of(rows, replace(rows, probabilities=None))["roc_auc"]
    assert found.difference is None
    assert found.note.startswith("baseline: ")
