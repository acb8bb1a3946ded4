"""What predictors return, and what is made of it."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_stages.model.answers import NoNumberError, PredictorError, make_answers, spread


@pytest.mark.parametrize(
    ("given_labels", "expected"),
    [
        (["yes", "no"], ["yes", "no"]),
        (np.array(["yes", "no"]), ["yes", "no"]),
        (np.array([1, 0]), [1, 0]),
        (np.array([1.5, 0.25], dtype=np.float32), [1.5, 0.25]),
        (np.array([[1.5], [0.25]]), [1.5, 0.25]),
        (pd.Series([True, False]), [True, False]),
        (pd.Series(["yes", "no"], index=[7, 3]), ["yes", "no"]),
        (pd.DataFrame({"label": [1, 2]}), [1, 2]),
        ([np.int64(3), np.str_("x")], [3, "x"]),
        ((1, 2.5), [1, 2.5]),
        ((value for value in [1, 2]), [1, 2]),
    ],
)
def test_anything_array_like_becomes_plain_values(given_labels: Any, expected: list[Any]) -> None:
    """If this fails, a predictor that returns numpy or pandas cannot be served as JSON."""
    answers = make_answers(2, given_labels)
    assert answers.predictions == expected
    assert all(type(value) in {str, int, float, bool} for value in answers.predictions)
    json.dumps(answers.predictions)


@pytest.mark.parametrize(
    ("given_labels", "wording"),
    [
        (["yes"], "1 values for 2 rows"),
        (None, "None; expected one value a row"),
        ("no", "type str"),
        ({"a": 1}, "type dict"),
        ([[1, 2], [3, 4]], "2 values for row 0"),
        (np.ones((2, 3)), "3 values for row 0; expected a label or a number"),
        ([None, 1], "None for row 0"),
        ([1.0, math.nan], "nan for row 1"),
        ([1.0, math.inf], "inf for row 1"),
        (np.array([1, np.nan]), "nan for row 1"),
        ([1, b"x"], "type bytes for row 1"),
    ],
)
def test_unusable_predictions_say_what_is_wrong(given_labels: Any, wording: str) -> None:
    """If this fails, a broken predictor gives a traceback, or worse, a prediction."""
    with pytest.raises(PredictorError, match=wording):
        make_answers(2, given_labels)


@pytest.mark.parametrize(
    ("shares", "classes", "wording"),
    [
        ([[0.5, 0.5]], ["a", "b"], "1 rows for 2 rows"),
        ([[0.5, 0.5], [1.0]], ["a", "b"], "1 columns in row 1 for 2 classes"),
        ([0.5, 0.5], ["a", "b"], "type float; expected a list of 2 shares, one for each class"),
        ([[0.5, 0.5], [1.5, -0.5]], ["a", "b"], "1.5 for row 1"),
        ([[0.5, 0.5], [math.nan, 0.5]], ["a", "b"], "nan for row 1"),
        ([[0.5, 0.5], [0.5, math.nan]], ["a", "b"], "nan for row 1"),
        ([[0.5, 0.5], ["x", 0.5]], ["a", "b"], "'x' for row 1"),
        ([[0.5, 0.5], [0.5, 0.5]], None, "no classes_"),
    ],
)
def test_unusable_probabilities_say_what_is_wrong(shares: Any, classes: Any, wording: str) -> None:
    """If this fails, probabilities of the wrong classes or of no meaning are served."""
    with pytest.raises(PredictorError, match=wording):
        make_answers(2, ["a", "b"], shares, classes)


def test_a_number_that_is_none_names_its_row() -> None:
    """If this fails, a client cannot see which of its rows the model has no answer for."""
    with pytest.raises(NoNumberError) as caught:
        make_answers(3, [1.0, 2.0, math.nan])
    assert caught.value.row == 2


def test_float32_probabilities_pass() -> None:
    """If this fails, models whose softmax rounds to a hair above 1 cannot be served."""
    shares = np.array([[np.nextafter(np.float32(1), np.float32(2)), 0]], dtype=np.float32)
    answers = make_answers(1, ["a"], shares, np.array(["a", "b"]))
    assert answers.classes == ["a", "b"]
    assert answers.probabilities is not None
    assert answers.probabilities[0][0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("last", "wording"),
    [(1.5, "1.5 for row 99"), (-0.1, "-0.1 for row 99"), (math.nan, "nan for row 99"), (0.25, "")],
)
@pytest.mark.parametrize("table", [np.asarray, pd.DataFrame, np.ndarray.tolist, np.ma.asarray])
def test_many_rows_are_held_to_what_few_are(table: Any, last: float, wording: str) -> None:
    """If this fails, a large holdout is predicted with shares that no server would answer."""
    shares = np.tile([0.75, 0.25], (100, 1))
    shares[99, 1] = last
    if wording:
        with pytest.raises(NoNumberError, match=wording):
            make_answers(100, ["a"] * 100, table(shares), ["a", "b"])
        return
    answers = make_answers(100, ["a"] * 100, table(shares), ["a", "b"])
    assert answers.probabilities == shares.tolist()
    with pytest.raises(PredictorError, match="2 columns in row 0 for 3 classes"):
        make_answers(100, ["a"] * 100, table(shares), ["a", "b", "c"])
    with pytest.raises(PredictorError, match="100 rows for 101 rows"):
        make_answers(101, ["a"] * 101, table(shares), ["a", "b"])
    assert make_answers(100, ["a"] * 100, table(shares[:, :0]), []).probabilities == [[]] * 100


def test_a_share_that_an_array_hides_is_none() -> None:
    """If this fails, a masked share of many rows gets into the report as no number."""
    shares = np.ma.masked_greater(np.tile([0.75, 0.25], (100, 1)), 0.5)
    with pytest.raises(PredictorError):
        make_answers(100, ["a"] * 100, shares, ["a", "b"])


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_joined_answers_come_apart_as_they_were(sizes: list[int]) -> None:
    """If this fails, requests that were answered in one batch get each other's answers."""
    labels = list(range(sum(sizes)))
    shares = [[label / 100, 1 - label / 100] for label in labels]
    parts = spread(make_answers(len(labels), labels, shares, ["a", "b"]), sizes)
    assert [len(part.predictions) for part in parts] == sizes
    assert [label for part in parts for label in part.predictions] == labels
    assert [row for part in parts for row in part.probabilities or []] == shares
