"""Intervals under wrong labels: the linear relations by brute force, and the error by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

from ml_stages.evaluation.estimate import Judged
from ml_stages.evaluation.metrics import judge
from ml_stages.evaluation.noise import _line, widened
from ml_stages.evaluation.proportions import tango
from ml_stages.evaluation.rows import Classified, Floats
from tests.evaluation.models import binary, multiclass

ROWS = 200_000
SHARE = 0.08


def _flipped(rows: Classified, seed: int) -> Classified:
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(rows)) < SHARE
    shift = rng.integers(1, len(rows.classes), len(rows))
    truth = np.where(wrong, (rows.truth + shift) % len(rows.classes), rows.truth).astype(np.int32)
    return Classified(rows.classes, truth, rows.predicted, rows.probabilities)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_wrong_labels_move_each_metric_along_its_line(share: float) -> None:
    """The interval would be widened by a wrong factor."""
    true = binary(ROWS, share)
    noisy = _flipped(true, 1)
    assert true.probabilities is not None
    score = true.probabilities[:, 1]
    for name in ("accuracy", "balanced_accuracy", "roc_auc"):
        line = _line(name, noisy, SHARE)
        assert line is not None
        kept, fixed = line
        expected = fixed + kept * (_number(name, true, score) - fixed)
        assert expected == pytest.approx(_number(name, noisy, score), abs=0.006)


def _number(name: str, rows: Classified, score: Floats) -> float:
    if name == "roc_auc":
        return float(roc_auc_score(rows.truth, score))
    metric = accuracy_score if name == "accuracy" else balanced_accuracy_score
    return float(metric(rows.truth, rows.predicted))


def test_several_classes_keep_their_own_share_of_a_difference() -> None:
    """With four classes a wrong label hides less than with two."""
    one, other = multiclass(ROWS, seed=1), multiclass(ROWS, seed=2)
    other = Classified(other.classes, one.truth, other.predicted, None)
    noisy = _flipped(one, 3).truth
    true = float(np.mean(one.truth == one.predicted) - np.mean(one.truth == other.predicted))
    seen = float(np.mean(noisy == one.predicted) - np.mean(noisy == other.predicted))
    line = _line("accuracy", one, SHARE)
    assert line is not None
    assert line[0] * true == pytest.approx(seen, abs=0.004)


def test_metrics_that_are_not_known_get_no_interval() -> None:
    """An F1 on wrong labels would be judged as if they were right."""
    found: Judged = widened(judge(binary(500), binary(500, seed=2), 0.95), binary(500), 0.05)
    metrics = {metric.name: metric for metric in found.metrics}
    assert metrics["f1"].lower is None
    assert "5.0% wrong labels hide from f1" in metrics["f1"].note
    assert "widened for up to 5.0% wrong labels" in metrics["accuracy"].method
    compared = {comparison.metric: comparison for comparison in found.comparisons}
    assert compared["log_loss"].lower is None
    assert compared["accuracy"].lower is not None


def test_a_class_rarer_than_the_noise_decides_nothing() -> None:
    """All positives may be wrong labels: an interval of their AUC would be an invention."""
    rare = binary(2000, 0.03)
    found = {metric.name: metric for metric in widened(judge(rare, None, 0.95), rare, 0.05).metrics}
    assert found["roc_auc"].lower is None
    assert found["accuracy"].lower is not None


def test_harm_behind_wrong_labels_seldom_passes() -> None:
    """A candidate that is worse by the margin would pass in 6 % of runs at a nominal 2.5 %."""
    rng = np.random.default_rng(0)
    rows, gained, lost, wrong = 500, 0.005, 0.025, 0.1
    tables = rng.multinomial(rows, [gained, lost, 1 - gained - lost], size=20_000)
    away, back = rng.binomial(tables[:, 0], wrong), rng.binomial(tables[:, 1], wrong)
    lower, _ = tango(tables[:, 0] - away + back, tables[:, 1] - back + away, rows, 0.95)
    plain = np.mean(lower > gained - lost)
    honest = np.mean(np.minimum(lower, lower / (1 - 2 * wrong)) > gained - lost)
    assert plain > 0.05
    assert honest < 0.025 + 3 * (0.025 / 20_000) ** 0.5
