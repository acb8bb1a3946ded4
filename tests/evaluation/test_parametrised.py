"""Metrics with a parameter, beside scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk

from ml_stages.evaluation.catalogue import CLASSIFICATION, Task, fault
from ml_stages.evaluation.metrics import judge
from ml_stages.evaluation.rows import Measured
from tests.evaluation.models import binary, measured, multiclass

NAMES = ["top_k@2", "recall[c1]", "precision[c1]", "f1[c1]"]


def test_values_are_scikit_learns() -> None:
    """A gate on one class, or on the first k, would judge another number than its name says."""
    rows = multiclass(2000)
    found = {
        metric.name: metric for metric in judge(rows, multiclass(2000, seed=1), 0.95, None, NAMES).metrics
    }
    assert rows.probabilities is not None
    assert found["top_k@2"].value == pytest.approx(
        sk.top_k_accuracy_score(rows.truth, rows.probabilities, k=2)
    )
    expected = sk.precision_recall_fscore_support(rows.truth, rows.predicted, labels=[1])
    for name, value in zip(("precision[c1]", "recall[c1]", "f1[c1]"), expected, strict=False):
        assert found[name].value == pytest.approx(value[0])
        assert found[name].lower < found[name].value < found[name].upper  # type: ignore[operator]


def test_two_models_are_compared_on_the_same_rows() -> None:
    """A difference in one class would have no interval, or one for independent rows."""
    one, other = multiclass(3000, seed=1), multiclass(3000, seed=2)
    same = {found.metric: found for found in judge(one, one, 0.95, None, NAMES).comparisons}
    found = {found.metric: found for found in judge(one, other, 0.95, None, NAMES).comparisons}
    for name in NAMES:
        assert same[name].difference == 0
        comparison = found[name]
        assert comparison.candidate is not None
        assert comparison.baseline is not None
        assert comparison.difference == pytest.approx(comparison.candidate - comparison.baseline)
        assert comparison.lower < comparison.difference < comparison.upper  # type: ignore[operator]


@pytest.mark.parametrize("groups", [None, np.arange(1000) // 10])
def test_the_class_is_always_among_all_of_them(groups: np.ndarray | None) -> None:
    """`top_k@4` of four classes is 1 for every model, and would pass any limit."""
    names = ["top_k@3", "top_k@4"]
    judged = judge(multiclass(1000, 4), multiclass(1000, 4, 1), 0.95, groups, names)
    (three, four), (_, compared) = judged.metrics, judged.comparisons
    assert three.value is not None
    assert (four.value, compared.difference) == (None, None)
    assert "there are 4 classes" in four.note


def test_quantile_loss_and_mape() -> None:
    """A model of the 90 % quantile would be judged as one of the median."""
    rows = measured(3000)
    names = ["quantile_loss@0.9", "mape", "mae"]
    found = {metric.name: metric for metric in judge(rows, measured(3000, 1), 0.95, None, names).metrics}
    assert found["quantile_loss@0.9"].value == pytest.approx(
        sk.mean_pinball_loss(rows.truth, rows.predicted, alpha=0.9)
    )
    assert found["mape"].value == pytest.approx(sk.mean_absolute_percentage_error(rows.truth, rows.predicted))
    assert not found["mape"].greater_is_better
    zero = Measured(np.r_[0.0, rows.truth], np.r_[1.0, rows.predicted])
    assert judge(zero, None, 0.95, None, ["mape"]).metrics[0].value is None


def test_a_label_next_to_nothing_has_no_share() -> None:
    """One label of 1e-300 took the whole evaluation of a regression along, in an overflow."""
    rows = measured(300)
    tiny = Measured(np.where(np.arange(300) == 7, 1e-300, rows.truth), rows.predicted)
    found = {metric.name: metric for metric in judge(tiny, tiny, 0.95, None, ["mape", "mae"]).metrics}
    assert found["mape"].value is None
    assert "next to it" in found["mape"].note
    assert found["mae"].value == pytest.approx(sk.mean_absolute_error(tiny.truth, tiny.predicted))


@pytest.mark.parametrize("groups", [None, np.arange(30) // 2])
def test_rows_without_any_error_prove_no_limit(groups: np.ndarray | None) -> None:
    """Thirty rows of nothing, each predicted right, would prove any limit kept."""
    nothing = Measured(np.zeros(30), np.zeros(30))
    for found in judge(nothing, None, 0.95, groups, ["mae", "quantile_loss@0.9"]).metrics:
        assert (found.value, found.lower, found.upper) == (0, None, None)
        assert found.note.startswith("no interval: no row has any error")


@pytest.mark.parametrize("names", [NAMES, ["recall[c2]"]])
def test_rows_in_groups_count_groups(names: list[str]) -> None:
    """A metric with a parameter would ignore that rows belong together."""
    groups = np.arange(2000) // 20
    judged = judge(multiclass(2000), multiclass(2000, seed=3), 0.95, groups, names)
    assert all("cluster t" in metric.method for metric in judged.metrics)
    assert all("cluster t" in comparison.method for comparison in judged.comparisons)


def test_a_class_that_does_not_occur_is_undefined() -> None:
    """A misspelt class would end the stage with a traceback, or count as 0."""
    metric = judge(binary(200), binary(200, seed=2), 0.95, None, ["recall[maybe]"]).metrics[0]
    assert metric.value is None
    assert "no class 'maybe'" in metric.note


@pytest.mark.parametrize(
    ("name", "tasks", "known"),
    [
        ("top_k@3", CLASSIFICATION, True),
        ("top_k@0", CLASSIFICATION, False),
        ("top_k@1.5", CLASSIFICATION, False),
        ("recall[any thing]", CLASSIFICATION, True),
        ("mae[x]", (Task.REGRESSION,), False),
        ("quantile_loss@0.9", (Task.REGRESSION,), True),
        ("quantile_loss@9", (Task.REGRESSION,), False),
        ("quantile_loss@0.9", CLASSIFICATION, False),
        ("acuracy", CLASSIFICATION, False),
    ],
)
def test_names_are_checked(name: str, tasks: tuple[Task, ...], *, known: bool) -> None:
    """A metric that means nothing would be found out after the training."""
    assert (fault(name, tasks) is None) == known


def test_a_misspelt_name_gets_the_nearest() -> None:
    """A user would look the names up instead of reading the message."""
    assert "did you mean 'accuracy'?" in str(fault("acuracy", CLASSIFICATION))
    assert "top_k@K" in str(fault("topk@3", CLASSIFICATION))
