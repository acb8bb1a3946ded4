"""Rows in groups: the contributions of rows, the interval by groups, and how often it errs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from ml_stages.config.sections import OwnMetric
from ml_stages.evaluation import counts
from ml_stages.evaluation.between_groups import Reach, freedom_of, skewness_of_losses, spread_over
from ml_stages.evaluation.catalogue import Task, names
from ml_stages.evaluation.clustered import UNKNOWN, share
from ml_stages.evaluation.contributions import influenced
from ml_stages.evaluation.influence import Groups, half_widths
from ml_stages.evaluation.losses import mean
from ml_stages.evaluation.lost_groups import lost_by_count, lost_of_classes, of_a_group
from ml_stages.evaluation.metrics import judge
from ml_stages.evaluation.own import ProjectCode, own_numbers
from ml_stages.evaluation.rows import Classified, Floats, Measured
from ml_stages.evaluation.sample import ClassifiedSample, MeasuredSample
from ml_stages.evaluation.shares import clopper_pearson
from ml_stages.evaluation.unit_metrics import UnitMetric, judge_units
from tests.evaluation.models import binary, measured, multiclass


def _leave_out(name: str, sample: ClassifiedSample | MeasuredSample, row: int) -> float:
    """The metric without one row."""
    rows = sample.rows.take(np.delete(np.arange(len(sample.rows)), row))
    return judge(rows, None, 0.95, None, [name]).metrics[0].value or 0.0


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS, Task.REGRESSION])
def test_contributions_are_what_leaving_a_row_out_changes(task: Task) -> None:
    """Intervals by group would be those of another metric: compared with the jackknife."""
    samples: dict[Task, ClassifiedSample | MeasuredSample] = {
        Task.BINARY: ClassifiedSample(binary(400), 0.95),
        Task.MULTICLASS: ClassifiedSample(multiclass(400, unknown=0.05), 0.95),
        Task.REGRESSION: MeasuredSample(measured(400), 0.95),
    }
    sample = samples[task]
    for name in [name for name in names(task) if name not in UNKNOWN]:
        number = influenced(name, sample)
        assert abs(number.influence.sum()) < 0.01
        for row in (0, 1, 2, 17):
            change = number.value - _leave_out(name, sample, row)
            largest = np.abs(number.influence).max()
            assert number.influence[row] == pytest.approx(change, abs=0.05 * largest), name


def test_a_mean_by_groups_is_that_of_a_cluster_robust_regression() -> None:
    """Intervals would follow a formula of our own: statsmodels' cluster-robust variance is the oracle."""
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 200, 4000)
    truth = rng.normal(size=4000)
    rows = Measured(truth, truth + rng.normal(size=4000) + rng.normal(size=200)[groups])
    found = judge(rows, None, 0.95, groups).metrics[0]
    errors = np.abs(rows.truth - rows.predicted)
    fit = sm.OLS(errors, np.ones(4000)).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    low, high = fit.conf_int()[0]
    assert found.name == "mae"
    assert found.method == "cluster t over 200 groups"
    assert (found.lower, found.upper) == pytest.approx((low, high), abs=0.1 * (high - low))


def test_the_variance_and_freedom_of_uneven_groups_are_those_of_bell_and_mccaffrey() -> None:
    """One hospital with most patients would count like any other: by the matrices of the paper."""
    sizes = np.array([120, 30, 8, 5, 5, 3, 1])
    groups = np.repeat(np.arange(sizes.size), sizes)
    values = np.random.default_rng(5).normal(size=groups.size)
    hat = np.full((groups.size, groups.size), 1 / groups.size)
    residuals = np.eye(groups.size) - hat
    columns, variance = [], 0.0
    for group in range(sizes.size):
        rows = groups == group
        vectors = np.linalg.eigh(residuals[np.ix_(rows, rows)])
        root = vectors[1] @ np.diag(vectors[0] ** -0.5) @ vectors[1].T
        weights = root.sum(axis=1) / groups.size
        variance += float(weights @ (residuals @ values)[rows]) ** 2
        columns.append(residuals[:, rows] @ weights)
    spectrum = np.linalg.eigvalsh(np.array(columns) @ np.array(columns).T)
    found = spread_over(mean(values).influence * np.sqrt(1 - 1 / groups.size), groups, Reach(0.0))
    assert found.variance == pytest.approx(variance)
    assert found.freedom == int(spectrum.sum() ** 2 / np.sum(spectrum**2))
    assert found.freedom < 3
    assert [freedom_of(np.full(count, 1 / count)) for count in (2, 5, 10, 57, 1000)] == [1, 4, 9, 56, 999]


def test_a_share_by_groups_covers_it_where_one_by_rows_does_not() -> None:
    """`churn` would promise on 50 patients what only 2,000 independent rows could."""
    rng = np.random.default_rng(8)
    numbers = np.repeat(np.arange(50), 40)
    missed = {"rows": 0, "groups": 0}
    runs = 400
    for _ in range(runs):
        hits = rng.random(numbers.size) < rng.beta(1, 9, 50)[numbers]
        found = share(hits, numbers, 0.95)
        exact = clopper_pearson(int(hits.sum()), hits.size, 0.95)
        missed["rows"] += not exact[0] <= 0.1 <= exact[1]
        missed["groups"] += not (found.lower or 0) <= 0.1 <= (found.upper or 1)
    assert missed["rows"] / runs > 0.3
    assert missed["groups"] / runs < 0.06


@pytest.mark.parametrize("groups", [10, 50])
def test_equal_models_on_grouped_rows_are_seldom_called_worse(groups: int) -> None:
    """By rows, equal models are blocked in 17 to 32 % of runs."""
    rng = np.random.default_rng(3)
    numbers = np.repeat(np.arange(groups), 20)
    wrong_side = by_rows = 0
    for _ in range(150):
        truth = (rng.random(numbers.size) < 0.5).astype(np.int32)
        predictions = []
        for _model in range(2):
            right = rng.random(numbers.size) < np.repeat(rng.beta(2, 0.7, groups), 20)
            predictions.append(
                Classified(("0", "1"), truth, np.where(right, truth, 1 - truth).astype(np.int32))
            )
        grouped = judge(predictions[0], predictions[1], 0.95, numbers, ["accuracy"]).comparisons[0]
        plain = judge(predictions[0], predictions[1], 0.95, None, ["accuracy"]).comparisons[0]
        assert grouped.lower is not None
        assert grouped.upper is not None
        wrong_side += not grouped.lower <= 0 <= grouped.upper
        by_rows += not (plain.lower or 0) <= 0 <= (plain.upper or 0)
    assert wrong_side <= 0.05 * 150 + 2 * np.sqrt(150 * 0.05 * 0.95)
    assert by_rows > 0.15 * 150


def _loss_of_skewed_groups(groups: int, skewed: float, rng: np.random.Generator) -> Classified:
    """Predictions on five rows a group, exponential log losses whose mean is lognormal by group."""
    losses = np.repeat(np.exp(skewed * rng.normal(size=groups)), 5) * rng.exponential(size=5 * groups)
    truth = (rng.random(losses.size) < 0.5).astype(np.int32)
    own = np.exp(-losses)
    positive = np.where(truth == 1, own, 1 - own)
    return Classified(("0", "1"), truth, (positive > 0.5).astype(np.int32), positive[:, None])


@pytest.mark.parametrize("groups", [10, 20])
def test_losses_of_skewed_groups_are_seldom_above_their_interval(groups: int) -> None:
    """A limit of log loss would be passed wrongly in 7 to 9 %: few patients are far worse than others."""
    rng = np.random.default_rng(12)
    numbers = np.repeat(np.arange(groups), 5)
    runs, too_low, flagged = 500, 0, 0
    for _ in range(runs):
        found = judge(_loss_of_skewed_groups(groups, 1.0, rng), None, 0.95, numbers, ["log_loss"]).metrics[0]
        assert found.upper is not None
        too_low += found.upper < np.exp(0.5)
        flagged += found.note.startswith("heavy tail")
    assert too_low / runs < 0.04
    assert flagged / runs > 0.3


def test_squared_errors_of_skewed_groups_reach_less_far_than_losses_without_limit() -> None:
    """Brier's score of few groups would be as wide as if one could be wrong by any amount."""
    rng = np.random.default_rng(17)
    numbers = np.repeat(np.arange(10), 8)
    values = rng.beta(0.9, 8.1, 10)[numbers]
    influence, size = mean(values).influence, float(values.mean())
    most = float(np.abs(np.bincount(numbers, weights=influence)).max())
    seen, bounded, free = (
        half_widths(spread_over(influence, numbers, reach), 0.95)[1]
        for reach in (Reach(most), Reach(most, size, 1.0), Reach(most, size))
    )
    assert seen < bounded < free
    gamma, lognormal = 2 * 0.8, 3 * 0.8 + 0.8**3
    rare, any_amount = skewness_of_losses(0.8, 0.0, 1e-9), skewness_of_losses(0.8, 0.0)
    assert rare / any_amount == pytest.approx(gamma / lognormal)
    assert skewness_of_losses(0.8, 0.0, 0.5) == 0  # symmetrical


def test_a_model_that_is_wrong_everywhere_is_judged_over_groups() -> None:
    """All groups lose the most there is: the evaluation broke, and took every other number along."""
    truth = np.arange(60, dtype=np.int8) % 3
    said = (truth + 1) % 3
    rows = Classified(("a", "b", "c"), truth, said, np.asfortranarray(np.eye(3)[said]))
    found = {one.name: one for one in judge(rows, rows, 0.95, np.arange(60) // 4).metrics}
    assert found["brier"].value == 2
    assert found["brier"].upper == 2


def test_losses_of_groups_alike_keep_their_interval() -> None:
    """Groups that hardly differ would pay for those that do: gates on them would be inconclusive oftener."""
    rng = np.random.default_rng(13)
    numbers = np.repeat(np.arange(20), 50)
    truth = rng.normal(size=numbers.size)
    rows = Measured(truth, truth + rng.normal(size=numbers.size))
    found = judge(rows, None, 0.95, numbers, ["mae"]).metrics[0]
    number = influenced("mae", MeasuredSample(rows, 0.95))
    most = float(np.abs(np.bincount(numbers, weights=number.influence)).max())
    before = half_widths(spread_over(number.influence, numbers, Reach(most)), 0.95)
    assert found.upper is not None
    assert found.lower is not None
    assert found.upper - found.lower <= 1.02 * sum(before)
    assert found.note == ""


def _is_too_low(values: Floats, numbers: Groups) -> bool:
    """Whether the interval of their mean over groups lies below the truth, which is 0."""
    metric = {"cost": UnitMetric(mean(values), lowest=None, highest=None)}
    (found,) = judge_units(metric, None, 0.95, numbers, "rows").metrics
    assert found.upper is not None
    return found.upper < 0


def test_a_number_of_skewed_unequal_groups_is_seldom_above_its_interval() -> None:
    """One's own cost a row would be called low in 7 % of runs: the few large groups do not show the skewness
    that all groups together do.
    """
    rng = np.random.default_rng(14)
    runs, too_low = 600, 0
    for _ in range(runs):
        sizes = np.maximum(np.round(10 * np.exp(rng.normal(size=50))), 1).astype(int)
        numbers = np.repeat(np.arange(50), sizes)
        between = (np.exp(rng.normal(size=50)) - np.exp(0.5)) / 2.16
        values = 0.55 * between[numbers] + 0.84 * rng.normal(size=numbers.size)
        too_low += _is_too_low(values, numbers)
    assert too_low / runs < 0.055


def test_amounts_of_ones_own_reach_as_far_as_losses_do(tmp_path: Path) -> None:
    """A cost in money would be promised of patients of whom few cost most, though its errors would not."""
    (tmp_path / "costs.py").write_text("def cost(labels, predictions, _): return abs(labels - predictions)\n")
    rng = np.random.default_rng(16)
    numbers = np.repeat(np.arange(15), 5)
    errors = np.exp(rng.normal(size=15))[numbers] * rng.normal(size=numbers.size)
    rows = Measured(np.zeros(errors.size), errors)
    own = own_numbers(
        [OwnMetric(name="cost", call="costs:cost")], ProjectCode(tmp_path), (rows, None), numbers
    )
    (found,) = own.found[0].judged(0.95, numbers, len(rows)).metrics
    mae = judge(rows, None, 0.95, numbers, ["mae"]).metrics[0]
    assert found.value == pytest.approx(mae.value)
    assert found.upper is not None
    assert mae.upper is not None
    assert found.upper >= mae.upper - 1e-9


@pytest.mark.parametrize("groups", [10, 20])
def test_numbers_of_very_skewed_groups_are_seldom_above_their_interval(groups: int) -> None:
    """A limit of one's own saving a row would be called broken in 5 to 6 %: ten patients look harmless."""
    rng = np.random.default_rng(21)
    numbers = np.repeat(np.arange(groups), 5)
    runs, too_low = 1000, 0
    for _ in range(runs):
        between = np.exp(rng.normal(size=groups)) - np.exp(0.5)
        values = 0.55 * between[numbers] + 0.84 * rng.normal(size=numbers.size)
        too_low += _is_too_low(values, numbers)
    assert too_low / runs < 0.035


def test_losses_compared_over_groups_are_hardly_wider_than_their_groups_differ() -> None:
    """Gates on the MAE of fifty patients would always be inconclusive: six times as wide as a plain t, since
    every row of a group might be as bad as the worst of all.
    """
    rng = np.random.default_rng(22)
    numbers = np.repeat(np.arange(50), 10)
    truth = 2 * rng.normal(size=500)
    noise = rng.normal(size=500) + 0.5 * rng.normal(size=50)[numbers]
    one, other = (Measured(truth, truth + noise + 0.4 * rng.normal(size=500)) for _ in range(2))
    for found in judge(one, other, 0.95, numbers, ["mae", "rmse", "r2"]).comparisons:
        sides = [influenced(found.metric, MeasuredSample(rows, 0.95)).influence for rows in (one, other)]
        plain = half_widths(spread_over(sides[0] - sides[1], numbers, Reach(0.0)), 0.95)
        assert found.lower is not None
        assert found.upper is not None
        assert found.upper - found.lower < 3.5 * sum(plain), found.metric


def test_a_group_that_was_not_seen_may_be_lost_where_losses_are_compared() -> None:
    """A model that is wrong in whole groups would pass as long as none of them is in the holdout."""
    rng = np.random.default_rng(23)
    numbers = np.repeat(np.arange(40), 10)
    truth = (rng.random(400) < 0.5).astype(np.int32)
    right = np.where(rng.random(400) < 0.03, 0.1, 0.97)  # of these, one in 33 is wrong
    positive = np.where(truth == 1, right, 1 - right)
    rows = Classified(("0", "1"), truth, (positive > 0.5).astype(np.int32), positive[:, None])
    same = replace(rows, probabilities=positive[:, None] * 0.999)
    (found,) = judge(rows, same, 0.95, numbers, ["log_loss"]).comparisons
    assert found.upper is not None
    lost = 3 / 40 * (-np.log(0.1) + np.log(0.97))  # by as many groups as are all missed in 5 % of holdouts
    assert found.upper > lost


def test_a_far_better_model_is_not_held_to_the_skewness_of_its_baseline() -> None:
    """Its own loss is next to nothing, beside which the groups of the difference vary beyond all measure."""
    rng = np.random.default_rng(24)
    numbers = np.repeat(np.arange(20), 10)
    truth = rng.normal(size=200)
    poor = Measured(truth, truth + (1 + 0.2 * rng.normal(size=20)[numbers]) * rng.normal(size=200))
    good = Measured(truth, truth + 0.01 * rng.normal(size=200))
    (found,) = judge(good, poor, 0.95, numbers, ["mae"]).comparisons
    assert found.upper is not None
    assert found.upper < 0


def test_amounts_compared_are_taken_for_losses() -> None:
    """A cost of one's own would be compared by intervals of another width than the same cost as MAE."""
    rng = np.random.default_rng(25)
    numbers = np.repeat(np.arange(15), 6)
    costs = [np.exp(rng.normal(size=15))[numbers] * np.abs(rng.normal(size=90)) for _ in range(2)]
    one, other = ({"cost": UnitMetric(mean(of), False, None, None, amounts=True)} for of in costs)
    (found,) = judge_units(one, other, 0.95, numbers, "rows").comparisons
    better, worse = (Measured(np.zeros(90), of) for of in costs)
    (mae,) = judge(better, worse, 0.95, numbers, ["mae"]).comparisons
    assert (found.lower, found.upper) == pytest.approx((mae.lower, mae.upper))


def test_losses_that_lower_a_number_reach_downwards() -> None:
    """R2 of skewed groups would reach upwards, where it cannot go, and be called too high."""
    rng = np.random.default_rng(15)
    numbers = np.repeat(np.arange(12), 4)
    values = np.exp(rng.normal(size=12))[numbers]
    influence = mean(values).influence
    most = float(np.abs(np.bincount(numbers, weights=influence)).max())
    raised = spread_over(influence, numbers, Reach(most, losses=float(values.mean())))
    lowered = spread_over(-influence, numbers, Reach(most, losses=-float(values.mean())))
    assert (lowered.down, lowered.up) == pytest.approx((raised.up, raised.down))
    assert raised.up > spread_over(influence, numbers, Reach(most)).up


def test_too_few_groups_give_no_interval() -> None:
    """Three hospitals would prove something about all."""
    found = judge(binary(300), binary(300, seed=1), 0.95, np.repeat(np.arange(3), 100))
    assert all(metric.lower is None for metric in found.metrics)
    assert "3 groups of rows" in found.metrics[0].note
    assert "3 groups of rows" in found.comparisons[0].note


def test_identical_predictions_in_groups_leave_an_interval() -> None:
    """The same model judged again would prove that nothing can differ anywhere."""
    rows = binary(1000)
    for found in judge(rows, rows, 0.95, np.repeat(np.arange(100), 10)).comparisons:
        assert found.difference == 0
        if found.metric in UNKNOWN:
            continue
        assert found.lower is not None
        assert -0.5 < found.lower < 0, found.metric


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "recall", "f1", "mcc", "roc_auc"])
def test_a_perfect_model_on_few_groups_leaves_an_interval(metric: str) -> None:
    """Ten patients without an error would prove that there never is one: an interval from 1 to 1."""
    truth = np.tile(np.array([0, 0, 1, 1, 0], dtype=np.int32), 20)
    rows = Classified(("no", "yes"), truth, truth, np.where(truth == 1, 0.9, 0.1)[:, None])
    judged = judge(rows, rows, 0.95, np.repeat(np.arange(10), 10), [metric])
    assert judged.metrics[0].lower is not None
    assert judged.metrics[0].lower < 0.75
    assert judged.comparisons[0].lower is not None
    assert judged.comparisons[0].lower < -0.25


@pytest.mark.parametrize("metric", ["log_loss", "brier"])
def test_two_models_without_a_loss_on_few_groups_prove_no_more_than_a_loss_has_bounds(metric: str) -> None:
    """Probabilities of just 0 and 1, all right, in both models: no log loss could ever differ."""
    truth = np.tile(np.array([0, 1], dtype=np.int32), 30)
    rows = Classified(("no", "yes"), truth, truth, truth[:, None].astype(np.float64))
    found = judge(rows, rows, 0.95, np.repeat(np.arange(6), 10), [metric]).comparisons[0]
    if metric == "brier":
        assert found.lower is not None
        assert found.lower < 0
    else:
        assert found.lower is None
        assert found.note.startswith("no interval: no row has any error")


_RARE = ["recall", "precision", "f1", "balanced_accuracy", "recall[yes]", "roc_auc", "pr_auc"]


@pytest.mark.parametrize("metric", _RARE)
@pytest.mark.parametrize("together", [1, 4])
def test_groups_without_a_positive_make_nothing_surer(metric: str, together: int) -> None:
    """Twenty positives in 1,000 groups, all found: recall and AUC were proven to be 0.996, not 0.83."""
    truth, groups = np.zeros(10_000, dtype=np.int32), np.arange(10_000) // 10
    truth[np.arange(0, 10_000, 500 * together)[:, None] + np.arange(together)] = 1
    rows = Classified(("no", "yes"), truth, truth, np.where(truth == 1, 0.9, 0.1)[:, None])
    judged = judge(rows, rows, 0.95, groups, [metric])
    by_row = judge(rows, rows, 0.95, None, [metric])
    for found, independent in ((judged.metrics, by_row.metrics), (judged.comparisons, by_row.comparisons)):
        assert found[0].lower is not None
        assert independent[0].lower is not None
        assert found[0].lower <= independent[0].lower
    half = 1 if metric != "balanced_accuracy" else 2
    # Of as many groups as hold positives one side allows for a share of which none is drawn in 2.5 %.
    assert judged.metrics[0].lower <= 1 - (1 - 0.025 ** (together / 20)) / half + 0.02


def test_a_recall_that_few_groups_decide_is_seldom_below_its_interval() -> None:
    """A model that finds nine in ten passed a recall of 0.95 in 15 % of samples with twenty such groups."""
    rng, groups, high = np.random.default_rng(4), np.arange(5000) // 10, 0
    for _ in range(200):
        truth = np.zeros((500, 10), dtype=bool)
        truth[rng.random(500) < 0.04, 0] = True
        found = np.where(truth, rng.random((500, 10)) < 0.9, False)
        rows = Classified(("no", "yes"), truth.ravel().astype(np.int32), found.ravel().astype(np.int32))
        recall = judge(rows, None, 0.95, groups, ["recall"]).metrics[0]
        high += recall.lower is not None and recall.lower > 0.9
    assert high <= 0.025 * 200 + 2 * np.sqrt(0.025 * 0.975 * 200)


def test_equal_recalls_that_few_groups_decide_are_seldom_called_unequal() -> None:
    """Of two models that find all positives of a group or none, one was better in 9 % of samples."""
    rng, groups, wrong = np.random.default_rng(6), np.arange(5000) // 10, 0
    for _ in range(300):
        truth = np.zeros((500, 10), dtype=np.int32)
        truth[rng.random(500) < 0.02, :4] = 1
        models = (truth * (rng.random((500, 1)) < 0.8) for _ in range(2))
        one, other = (
            Classified(("no", "yes"), truth.ravel(), found.ravel().astype(np.int32)) for found in models
        )
        recall = judge(one, other, 0.95, groups, ["recall"]).comparisons[0]
        wrong += recall.lower is not None and recall.upper is not None and recall.lower * recall.upper > 0
    assert wrong <= 0.05 * 300 + np.sqrt(0.05 * 0.95 * 300)


def _pair_of_few_groups(rng: np.random.Generator, lost: float) -> tuple[Classified, Classified]:
    """Twenty positives in 5 of 1,000 groups; the candidate loses those of a group together, with a chance."""
    truth = np.zeros((1000, 10), dtype=np.int32)
    truth[:5, :4] = 1
    hits = np.where(truth == 1, rng.random(truth.shape) < 0.9, rng.random(truth.shape) < 0.01)
    kept = hits & ((truth == 0) | (rng.random((1000, 1)) >= lost))
    one, other = (
        Classified(("no", "yes"), truth.ravel(), model.ravel().astype(np.int32)) for model in (kept, hits)
    )
    return one, other


@pytest.mark.parametrize("metric", ["recall", "f1", "mcc", "balanced_accuracy"])
def test_positives_that_are_lost_by_the_group_are_seldom_overlooked(metric: str) -> None:
    """In a third of the samples no group was lost, and a margin of recall passed that the model has not."""
    rng, groups = np.random.default_rng(6), np.arange(10_000) // 10
    pairs = [_pair_of_few_groups(rng, 0.2) for _ in range(120)]
    found = [judge(*pair, 0.95, groups, [metric]).comparisons[0] for pair in pairs]
    truth = float(np.mean([one.difference for one in found]))
    assert sum(one.lower is not None and one.lower > truth for one in found) <= 0.025 * 120 + 2


@pytest.mark.parametrize("metric", ["roc_auc", "pr_auc", "f1_macro"])
def test_what_has_no_interval_by_rows_has_none_by_groups(metric: str) -> None:
    """Of three positives no interval is honest, and groups made one of a width of 0.004."""
    truth = (np.arange(5000) < 3).astype(np.int32)
    rows = Classified(("no", "yes"), truth, truth, np.where(truth == 1, 0.9, 0.1)[:, None])
    judged = judge(rows, rows, 0.95, np.arange(5000) // 5, [metric])
    assert judged.metrics[0].lower is None
    assert "3 rows" in judged.metrics[0].note


def test_groups_that_are_alike_but_for_rounding_leave_an_interval() -> None:
    """One probability of 0.3, and a class that the holdout lacks by chance: the Brier score was proven."""
    truth = np.zeros(99, dtype=np.int32)
    rows = Classified(("no", "yes"), truth, truth, np.full((99, 1), 0.3))
    found = judge(rows, None, 0.95, np.repeat(np.arange(33), 3), ["brier"]).metrics[0]
    assert found.value == pytest.approx(0.09)
    assert found.upper is not None
    assert found.upper > 0.15
    number = np.random.default_rng(1).normal(size=99)
    shifted = judge(Measured(number, number + 0.7), None, 0.95, np.repeat(np.arange(33), 3), ["mae"])
    assert shifted.metrics[0].upper is not None
    assert shifted.metrics[0].upper > 0.75


def _grouped_pair(
    groups: int, lost: float, rng: np.random.Generator
) -> tuple[Classified, Classified, NDArray[np.intp]]:
    """A baseline, and a candidate that is wrong in every row of so many groups of ten (expected)."""
    numbers = np.repeat(np.arange(groups), 10)
    truth = rng.random(numbers.size) < 0.2
    theirs = 2 * truth + rng.normal(size=numbers.size)
    gone = (rng.random(groups) < lost / groups)[numbers]
    models = [
        Classified(
            ("0", "1"),
            truth.astype(np.int32),
            (score > 1.2).astype(np.int32),
            1 / (1 + np.exp(-score[:, None])),
        )
        for score in (np.where(gone, 2.4 - theirs, theirs), theirs)
    ]
    return models[0], models[1], numbers


@pytest.mark.parametrize("name", ["recall", "f1", "roc_auc", "pr_auc"])
def test_groups_that_are_lost_seldom_pass(name: str) -> None:
    """A plain t over the groups passes a candidate that is lost in three of 50 in 6 to 15 % of samples."""
    rng = np.random.default_rng(21)
    one, other, _ = _grouped_pair(20_000, 1_200, rng)
    values = [judge(model, None, 0.95, None, [name]).metrics[0].value for model in (one, other)]
    assert values[0] is not None
    assert values[1] is not None
    passed = 0
    for _ in range(300):
        one, other, numbers = _grouped_pair(50, 3, rng)
        found = judge(one, other, 0.95, numbers, [name]).comparisons[0]
        assert found.lower is not None
        passed += found.lower > values[0] - values[1]
    assert passed / 300 < 0.045  # 0.025 and twice the simulation's error


@pytest.mark.parametrize(("name", "most"), [("recall", 0.16), ("roc_auc", 0.16)])
def test_a_group_that_is_lost_has_no_more_positives_than_groups_have(name: str, most: float) -> None:
    """Every comparison over 50 groups with few positives would be inconclusive, being ten times as wide."""
    one, other, numbers = _grouped_pair(50, 0, np.random.default_rng(22))
    found = judge(one, other, 0.95, numbers, [name]).comparisons[0]
    assert found.difference == 0
    assert found.lower is not None
    assert -most < found.lower < -0.01


@pytest.mark.parametrize("name", ["roc_auc", "pr_auc"])
def test_a_sample_without_a_group_that_ranks_beyond_all_others_does_not_pass(name: str) -> None:
    """A candidate that puts 6 % of patients on the wrong end of its ranking passed in 4.5 % of samples.

    One sample in 20 holds none of them, and then both models look the same.
    """
    _, baseline, _ = _grouped_pair(20_000, 0, np.random.default_rng(24))
    gone = np.repeat(np.random.default_rng(25).random(20_000) < 0.06, 10)
    assert baseline.probabilities is not None
    worst = np.where(baseline.truth == 1, 1e-9, 1 - 1e-9)[:, None]
    candidate = replace(baseline, probabilities=np.where(gone[:, None], worst, baseline.probabilities))
    values = [judge(model, None, 0.95, None, [name]).metrics[0].value for model in (candidate, baseline)]
    assert values[0] is not None
    assert values[1] is not None
    too_high, rng = 0, np.random.default_rng(26)
    for _ in range(100):
        one, other, numbers = _grouped_pair(50, 0, rng)
        found = judge(one, other, 0.95, numbers, [name]).comparisons[0]
        assert found.lower is not None
        too_high += found.lower > values[0] - values[1]
    assert too_high <= 25  # of the 4.5 % of samples without such a group


def test_groups_that_hold_all_the_positives_lose_more_of_them() -> None:
    """Where half of the hospitals have all the ill, three lost ones of 50 are 12 % of the ill, not 6."""
    groups = np.repeat(np.arange(40), 10)
    labels_by_group = lost_of_classes(groups < 10, groups, 0.06)
    assert labels_by_group[0] == pytest.approx((0.06, 0.06))
    assert labels_by_group[1] == pytest.approx((0.24, 0.0))
    assert labels_by_group[2] == pytest.approx((0.0, 0.08))
    spread_evenly = lost_of_classes(
        np.random.default_rng(27).random(400_000) < 0.2, np.arange(400_000) // 10, 0.06
    )
    assert np.ravel(spread_evenly) == pytest.approx(0.06, rel=0.02)
    assert lost_of_classes(np.arange(4) < 2, np.arange(4), 0.06) == [(0.06, 0.06)]


@pytest.mark.parametrize("metric", [counts.recall, counts.precision, counts.f1, counts.mcc])
def test_what_a_row_may_lose_is_what_its_worst_prediction_costs(metric: counts.CountMetric) -> None:
    """The allowance for a lost group would be that of another metric: compared with one row moved."""
    rng = np.random.default_rng(23)
    truth = (rng.random(4000) < 0.2).astype(np.int32)
    predicted = np.where(rng.random(4000) < 0.8, truth, 1 - truth)
    sample = ClassifiedSample(Classified(("0", "1"), truth, predicted), 0.95)
    lost = lost_by_count(metric, sample)
    for label in (0, 1):
        right = int(np.flatnonzero((truth == label) & (predicted == label))[0])
        moved = predicted.copy()
        moved[right] = 1 - label
        worse = ClassifiedSample(Classified(("0", "1"), truth, moved), 0.95)
        cost = float(metric(sample.margins)) - float(metric(worse.margins))
        assert lost[right] == pytest.approx(cost, rel=0.02, abs=1e-9)


def test_a_lost_group_is_made_up_as_those_that_have_most_to_lose() -> None:
    """Groups of positives alone would be taken for groups of average rows."""
    groups = np.repeat(np.arange(8), 5)
    lost = np.where(groups < 2, 1.0, 0.0)
    assert of_a_group(lost, groups) == pytest.approx(5.0)
    assert of_a_group(np.ones(40), groups) == pytest.approx(5.0)
    assert of_a_group(np.where(groups < 1, 1.0, 0.0), groups) == pytest.approx(2.5)
