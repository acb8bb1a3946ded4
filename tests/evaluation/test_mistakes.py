"""Where a model errs, held to scikit-learn and scipy."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from scipy.stats import binomtest
from scipy.stats import t as student
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix

from ml_stages.evaluation.mistakes import confusions, reliability
from ml_stages.evaluation.rows import Classified
from tests.evaluation.models import binary, measured, multiclass


@pytest.mark.parametrize("rows", [binary(300), multiclass(500, 5, unknown=0.1)])
def test_confusions_are_scikit_learn_s(rows: Classified) -> None:
    """If this fails, a reviewer is shown mistakes that the model does not make."""
    size = len(rows.classes)
    table = confusion_matrix(rows.truth, rows.predicted, labels=range(size + 1))
    found = confusions(rows)
    assert [cell.rows for cell in found] == sorted(table[table > 0], reverse=True)
    names = (*rows.classes, None)
    for cell in found:
        assert cell.rows == table[rows.classes.index(cell.label), names.index(cell.predicted)]


def test_of_many_classes_the_most_frequent_cells_are_kept() -> None:
    """If this fails, the report of a thousand classes has a million numbers."""
    rows = multiclass(20_000, 60)
    table = confusion_matrix(rows.truth, rows.predicted)
    assert [cell.rows for cell in confusions(rows)] == np.sort(table, axis=None)[::-1][:400].tolist()


def test_shares_are_scikit_learn_s_and_their_intervals_scipy_s() -> None:
    """If this fails, the diagram shows another calibration than the model's."""
    rows = binary(900)
    assert rows.probabilities is not None
    share, said = calibration_curve(rows.truth, rows.probabilities[:, 1], n_bins=10)
    found = reliability(rows, 0.95, grouped=False)
    assert found is not None
    assert found.of == "the share of yes"
    assert [one.predicted for one in found.bins] == pytest.approx(said)
    assert [one.observed for one in found.bins] == pytest.approx(share)
    assert sum(one.rows for one in found.bins) == 900
    for one in found.bins:
        exact = binomtest(round(one.observed * one.rows), one.rows).proportion_ci(0.95)
        assert (one.lower, one.upper) == pytest.approx((exact.low, exact.high), abs=1e-4)


def test_of_several_classes_the_most_probable_one_is_right_so_often() -> None:
    """If this fails, a model that is too sure of itself looks calibrated."""
    rows = multiclass(2_000)
    assert rows.probabilities is not None
    right = rows.probabilities.argmax(axis=1) == rows.truth
    share, said = calibration_curve(right, rows.probabilities.max(axis=1), n_bins=10)
    found = reliability(rows, 0.95, grouped=False)
    assert found is not None
    assert [one.predicted for one in found.bins] == pytest.approx(said)
    assert [one.observed for one in found.bins] == pytest.approx(share)


def test_numbers_are_compared_in_bins_of_equally_many_rows() -> None:
    """If this fails, a regression that is off for large numbers shows it nowhere."""
    rows = measured(1_000)
    found = reliability(rows, 0.9, grouped=False)
    assert found is not None
    parts = np.array_split(np.argsort(rows.predicted), 10)
    for part, one in zip(parts, found.bins, strict=True):
        seen = rows.truth[part]
        assert (one.rows, one.predicted, one.observed) == pytest.approx(
            (100, rows.predicted[part].mean(), seen.mean())
        )
        exact = student.interval(0.9, 99, seen.mean(), seen.std(ddof=1) / 10)
        assert (one.lower, one.upper) == pytest.approx(exact)


def test_rows_in_groups_get_no_interval_of_independent_ones() -> None:
    """If this fails, a hundred visits of one patient look like a hundred patients."""
    found = reliability(binary(300), 0.95, grouped=True)
    assert found is not None
    assert {(one.lower, one.upper) for one in found.bins} == {(None, None)}


def test_of_very_many_rows_some_are_looked_at_and_it_is_said() -> None:
    """If this fails, the diagram takes as long as the metrics, or hides what it left out."""
    rows = binary(1_001)
    with mock.patch("ml_stages.evaluation.mistakes._ROWS", 100):
        found = reliability(rows, 0.95, grouped=False)
    assert found is not None
    assert (found.every, sum(one.rows for one in found.bins)) == (11, 91)


def test_classes_without_probabilities_have_no_reliability() -> None:
    """If this fails, a model that says no probabilities is shown as wrong about them."""
    rows = binary(100)
    bare = Classified(rows.classes, rows.truth, rows.predicted)
    assert reliability(bare, 0.95, grouped=False) is None
