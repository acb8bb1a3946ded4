"""Values of the metrics against scikit-learn, and what every interval must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_stages.evaluation import metrics
from ml_stages.evaluation.catalogue import CATALOGUE, SPECS, Task, names, nearest
from ml_stages.evaluation.metrics import BINARY, MULTICLASS, REGRESSION, judge
from ml_stages.evaluation.metrics_report import Metric
from ml_stages.evaluation.rows import Classified, Rows
from tests.evaluation.models import binary, measured, multiclass


def of(rows: Rows) -> dict[str, Metric]:
    return {metric.name: metric for metric in judge(rows, None, 0.95).metrics}


def brute_calibration(predicted: Any, residuals: Any) -> float:
    """Over all pairs of different rows of a bin: what they have in common is no noise."""
    total = 0.0
    edges = np.quantile(predicted, np.arange(1, 15) / 15)
    for inside in range(15):
        found = residuals[
            (predicted >= (edges[inside - 1] if inside else -1))
            & (predicted < (edges[inside] if inside < 14 else 2))
        ]
        products = np.outer(found, found)
        pairs = products.sum() - np.trace(products)
        total += found.size / predicted.size * pairs / (found.size * (found.size - 1))
    return float(np.sqrt(max(total, 0)))


BINARY_ORACLES: dict[str, Callable[[Any, Any, Any], float]] = {
    "accuracy": lambda t, p, s: sk.accuracy_score(t, p),
    "balanced_accuracy": lambda t, p, s: sk.balanced_accuracy_score(t, p),
    "precision": lambda t, p, s: sk.precision_score(t, p),
    "recall": lambda t, p, s: sk.recall_score(t, p),
    "specificity": lambda t, p, s: sk.recall_score(t, p, pos_label=0),
    "f1": lambda t, p, s: sk.f1_score(t, p),
    "f1_macro": lambda t, p, s: sk.f1_score(t, p, average="macro"),
    "f1_micro": lambda t, p, s: sk.f1_score(t, p, average="micro"),
    "f1_weighted": lambda t, p, s: sk.f1_score(t, p, average="weighted"),
    "mcc": lambda t, p, s: sk.matthews_corrcoef(t, p),
    "selection_rate": lambda t, p, s: np.mean(p),
    "roc_auc": lambda t, p, s: sk.roc_auc_score(t, s[:, 1]),
    "pr_auc": lambda t, p, s: sk.average_precision_score(t, s[:, 1]),
    "log_loss": lambda t, p, s: sk.log_loss(t, s),
    "brier": lambda t, p, s: sk.brier_score_loss(t, s[:, 1]),
    "calibration_error": lambda t, p, s: brute_calibration(s[:, 1], t - s[:, 1]),
}

MULTICLASS_ORACLES: dict[str, Callable[[Any, Any, Any], float]] = {
    "accuracy": lambda t, p, s: sk.accuracy_score(t, p),
    "balanced_accuracy": lambda t, p, s: sk.recall_score(t, p, average="macro", labels=np.unique(t)),
    "precision": lambda t, p, s: sk.precision_score(t, p, average="macro", labels=np.unique(t)),
    "recall": lambda t, p, s: sk.recall_score(t, p, average="macro", labels=np.unique(t)),
    "f1": lambda t, p, s: sk.f1_score(t, p, average="macro", labels=np.unique(t)),
    "f1_macro": lambda t, p, s: sk.f1_score(t, p, average="macro", labels=np.unique(t)),
    "f1_micro": lambda t, p, s: sk.f1_score(t, p, average="micro"),
    "f1_weighted": lambda t, p, s: sk.f1_score(t, p, average="weighted", labels=np.unique(t)),
    "mcc": lambda t, p, s: sk.matthews_corrcoef(t, p),
    "roc_auc": lambda t, p, s: sk.roc_auc_score(t, s, multi_class="ovr"),
    "pr_auc": lambda t, p, s: sk.average_precision_score(np.eye(s.shape[1])[t], s, average="macro"),
    "log_loss": lambda t, p, s: sk.log_loss(t, s),
    "brier": lambda t, p, s: np.mean(np.sum((s - np.eye(s.shape[1])[t]) ** 2, axis=1)),
    "calibration_error": lambda t, p, s: brute_calibration(
        s.max(axis=1), (s.argmax(axis=1) == t) - s.max(axis=1)
    ),
}


@pytest.mark.parametrize("name", names(Task.BINARY))
@pytest.mark.parametrize("seed", [0, 1])
def test_binary_values_are_those_of_scikit_learn(name: str, seed: int) -> None:
    """A user could not reconcile the report with the numbers from the notebook."""
    rows = binary(400, seed=seed)
    expected = BINARY_ORACLES[name](rows.truth, rows.predicted, rows.probabilities)
    assert of(rows)[name].value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", names(Task.MULTICLASS))
@pytest.mark.parametrize("unknown", [0.0, 0.1])
def test_multiclass_values_are_those_of_scikit_learn(name: str, unknown: float) -> None:
    """A class that the labels do not have must count as a mistake, and change nothing else."""
    rows = multiclass(500, unknown=unknown)
    expected = MULTICLASS_ORACLES[name](rows.truth, rows.predicted, rows.probabilities)
    assert of(rows)[name].value == pytest.approx(expected, abs=1e-12)


def test_regression_values_are_those_of_scikit_learn() -> None:
    """A user could not reconcile the report with the numbers from the notebook."""
    rows = measured(300)
    found = of(rows)
    assert found["mae"].value == pytest.approx(sk.mean_absolute_error(rows.truth, rows.predicted))
    assert found["rmse"].value == pytest.approx(sk.root_mean_squared_error(rows.truth, rows.predicted))
    assert found["r2"].value == pytest.approx(sk.r2_score(rows.truth, rows.predicted))


def test_tied_scores_count_half() -> None:
    """A model with few distinct scores would get a wrong AUC."""
    rows = binary(300, seed=3)
    assert rows.probabilities is not None
    coarse = np.round(rows.probabilities, 1)
    found = of(replace(rows, probabilities=coarse))
    assert found["roc_auc"].value == pytest.approx(sk.roc_auc_score(rows.truth, coarse[:, 1]))
    assert found["pr_auc"].value == pytest.approx(sk.average_precision_score(rows.truth, coarse[:, 1]))


def test_the_catalogue_and_the_methods_name_the_same_metrics() -> None:
    """A metric that the configuration accepts would be missing from every report."""
    assert set(names(Task.BINARY)) == set(BINARY)
    assert set(names(Task.MULTICLASS)) == set(MULTICLASS)
    assert set(names(Task.REGRESSION)) == set(REGRESSION)
    assert len(SPECS) == len(CATALOGUE)


def test_a_misspelt_metric_gets_a_hint() -> None:
    """A typing mistake would cost a search through the documentation."""
    assert "roc_auc" in nearest("rocauc", names(Task.BINARY))
    assert "known:" in nearest("zzz", ["f1"])


@settings(max_examples=60, deadline=None)
@given(
    truth=st.lists(st.integers(0, 1), min_size=1, max_size=60),
    seed=st.integers(0, 1000),
    skill=st.floats(0, 3),
)
def test_every_interval_holds_its_value_within_the_range(truth: list[int], seed: int, skill: float) -> None:
    """A report would show an interval beside the number that it belongs to."""
    codes = np.array(truth, dtype=np.int32)
    score = 1 / (1 + np.exp(-skill * (codes - 0.5) - np.random.default_rng(seed).normal(size=codes.size)))
    rows = Classified(("0", "1"), codes, (score > 0.5).astype(np.int32), np.column_stack([1 - score, score]))
    for metric in of(rows).values():
        _check_interval(metric)


def _check_interval(metric: Metric) -> None:
    spec = SPECS[metric.name]
    if metric.value is None or metric.lower is None or metric.upper is None:
        assert metric.note
        return
    assert metric.lower - 1e-9 <= metric.value <= metric.upper + 1e-9, metric
    assert metric.method
    assert spec.lowest is None or metric.lower >= spec.lowest - 1e-9, metric
    assert spec.highest is None or metric.upper <= spec.highest + 1e-9, metric


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 80), classes=st.integers(3, 6))
def test_multiclass_intervals_hold_their_value(seed: int, rows: int, classes: int) -> None:
    """The same for several classes, of which some may not occur."""
    for metric in of(multiclass(rows, classes, seed, unknown=0.05)).values():
        _check_interval(metric)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 60))
def test_the_order_of_the_rows_does_not_matter(seed: int, rows: int) -> None:
    """Sorting a file would change the verdict."""
    sample = binary(rows, seed=seed)
    shuffled = sample.take(np.random.default_rng(seed).permutation(rows))
    for name, metric in of(sample).items():
        other = of(shuffled)[name]
        assert other.value == pytest.approx(metric.value, abs=1e-12)
        assert other.lower == pytest.approx(metric.lower, abs=1e-9)


def test_the_same_rows_give_the_same_interval() -> None:
    """A gate near its limit would flicker between runs of the same commit."""
    assert judge(multiclass(200), multiclass(200, seed=1), 0.95) == judge(
        multiclass(200), multiclass(200, seed=1), 0.95
    )


@pytest.mark.parametrize("rows", [binary(5000), multiclass(3000)], ids=["binary", "multiclass"])
def test_threads_change_no_number(rows: Classified, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file would be judged otherwise than a small one, or otherwise from run to run."""
    here = judge(rows, rows, 0.95)
    monkeypatch.setattr(metrics, "MANY", 1)
    assert all(judge(replace(rows), replace(rows), 0.95) == here for _ in range(3))


def test_without_probabilities_the_metrics_that_need_them_say_so() -> None:
    """A gate on the AUC of a predictor without predict_proba would find no explanation."""
    found = of(replace(binary(100), probabilities=None))
    assert found["roc_auc"].value is None
    assert "predict_proba" in found["roc_auc"].note
    assert found["f1"].value is not None


def test_undefined_metrics_say_why() -> None:
    """None without a reason sends the reader into the source."""
    nothing = Classified(
        ("0", "1"), np.zeros(20, np.int32), np.zeros(20, np.int32), np.tile([0.9, 0.1], (20, 1))
    )
    found = of(nothing)
    for name in ("precision", "recall", "f1", "mcc", "roc_auc", "pr_auc"):
        assert found[name].value is None, name
        assert found[name].note.startswith("undefined: "), name
    assert found["accuracy"].value == 1


def test_a_model_that_predicts_one_class_has_no_correlation() -> None:
    """A collapsed model would pass by having no number to fail on."""
    rows = replace(binary(100), predicted=np.zeros(100, np.int32))
    assert of(rows)["mcc"].value == 0
    assert of(rows)["f1"].value == 0
    assert of(rows)["precision"].value is None


def test_few_positives_get_no_interval_where_none_is_honest() -> None:
    """Three positive rows would decide a release with a narrow interval."""
    rows = binary(100)
    few = replace(rows, truth=np.r_[np.ones(3), np.zeros(97)].astype(np.int32))
    assert of(few)["roc_auc"].lower is None
    assert "3 rows" in of(few)["roc_auc"].note
    assert of(few)["recall"].lower is not None


def test_no_label_variance_leaves_r2_undefined() -> None:
    """Division by zero would end the stage with a traceback."""
    rows = measured(50)
    assert of(replace(rows, truth=np.ones(50)))["r2"].value is None
