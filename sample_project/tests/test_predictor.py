"""The stored model answers as the trained one, whatever applications come in."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from loans.features import FEATURES, Preprocessing
from loans.model import Ensemble, Network, Settings
from loans.predictor import Predictor, load


@pytest.fixture(scope="module")
def predictor(applications: pd.DataFrame) -> Predictor:
    torch.manual_seed(0)
    preprocessing, settings = Preprocessing.fit(applications), Settings()
    members = [Network(preprocessing.width, settings) for _ in range(3)]
    return Predictor(preprocessing, settings, Ensemble(members).eval(), threshold=0.5)


def test_probabilities(predictor: Predictor, applications: pd.DataFrame) -> None:
    probabilities = predictor.predict_proba(applications)
    assert probabilities.shape == (len(applications), len(predictor.classes_))
    assert ((probabilities > 0) & (probabilities < 1)).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_recommendations_follow_the_threshold(predictor: Predictor, applications: pd.DataFrame) -> None:
    approved = predictor.predict_proba(applications)[:, list(predictor.classes_).index("yes")]
    strict = Predictor(
        predictor.preprocessing, predictor.settings, predictor.ensemble, float(np.quantile(approved, 0.9))
    )
    expected = np.where(approved >= strict.threshold, "yes", "no")
    np.testing.assert_array_equal(strict.predict(applications), expected)
    assert set(expected) == {"no", "yes"}


def test_a_row_alone_is_answered_as_in_a_batch(predictor: Predictor, applications: pd.DataFrame) -> None:
    batch = predictor.predict_proba(applications)
    alone = [predictor.predict_proba(applications.iloc[[row]])[0] for row in range(20)]
    np.testing.assert_allclose(alone, batch[:20], rtol=0, atol=1e-12)


def test_no_rows(predictor: Predictor, applications: pd.DataFrame) -> None:
    assert predictor.predict_proba(applications.head(0)).shape == (0, 2)
    assert predictor.predict(applications.head(0)).shape == (0,)


def test_race_marital_status_and_label_make_no_difference(
    predictor: Predictor, applications: pd.DataFrame
) -> None:
    flipped = applications.assign(
        **{
            name: applications[name].map({"yes": "no", "no": "yes"})
            for name in ("black", "single", "approved")
        }
    )
    expected = predictor.predict_proba(applications[list(FEATURES)])
    np.testing.assert_array_equal(predictor.predict_proba(flipped), expected)


def test_an_application_of_missing_values_is_answered(
    predictor: Predictor, applications: pd.DataFrame
) -> None:
    empty = pd.DataFrame([dict.fromkeys(FEATURES)])
    assert np.isfinite(predictor.predict_proba(empty)).all()
    holes = applications.mask(np.random.default_rng(0).random(applications.shape) < 0.3)
    assert np.isfinite(predictor.predict_proba(holes)).all()


def test_stored_and_loaded(predictor: Predictor, applications: pd.DataFrame, tmp_path: Path) -> None:
    predictor.save(tmp_path / "model")
    loaded = load(str(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(applications), predictor.predict_proba(applications))
    assert loaded.settings == predictor.settings
    assert loaded.threshold == predictor.threshold
