"""Calibration error: no bias, and intervals that hold."""

from __future__ import annotations

import numpy as np
import pytest

from ml_stages.evaluation.calibration import calibration_error, squared_error
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
        found.append(squared_error(said, sample.rows.truth - said)[0])
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(300)


@pytest.mark.parametrize("digits", [1, 2, 8])
def test_bins_of_sorted_rows_are_bins(digits: int) -> None:
    """Tied probabilities would fall into another bin when rows are sorted than when they are looked up."""
    sample = _sample(np.random.default_rng(digits), 20_000, 0.1)
    said = np.round(sample.probabilities[:, 1], digits)
    rows = Classified(("0", "1"), sample.rows.truth, sample.rows.predicted, said[:, None])
    squared, _ = squared_error(said, sample.rows.truth - said)
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
