"""Notes on classes that the holdout, the model or the baseline lacks."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ml_stages.evaluation.evaluate import EvaluateConfig
from ml_stages.evaluation.files import evaluate_files

CONFIG = EvaluateConfig.model_validate(
    {"task": "classification", "data": {"path": "-", "label": "label"}, "evaluation": {}}
)


def _notes(folder: Path, labels: str, predicted: str, baseline: str | None = None) -> list[str]:
    """The notes on rows whose label and predictions are a letter each."""
    keys = [f"row {number}" for number in range(len(labels))]
    new = pl.DataFrame({"key": keys, "label": list(labels), "prediction": list(predicted)})
    new.write_csv(folder / "new.csv")
    if baseline is None:
        return evaluate_files(folder / "new.csv", None, CONFIG).notes
    pl.DataFrame({"key": keys, "prediction": list(baseline)}).write_csv(folder / "old.csv")
    return evaluate_files(folder / "new.csv", folder / "old.csv", CONFIG).notes


def test_a_class_that_is_never_predicted_is_named(tmp_path: Path) -> None:
    """A model that cannot predict one class of three passed gates on averages without a word."""
    (note,) = _notes(tmp_path, "aabbc" * 20, "aabba" * 20)
    assert note.startswith("no row is predicted as 'c', the label of 20 of 100 rows; ")
    assert "class-collapse" in note


@pytest.mark.parametrize("predicted", ["a" * 100, "ab" * 50])
def test_a_holdout_of_one_class_is_said_to_be(tmp_path: Path, predicted: str) -> None:
    """A model that always says the same has an accuracy of 1 there, and passed without a word."""
    (note,) = _notes(tmp_path, "a" * 100, predicted)
    assert note.startswith("every row of the holdout has the label 'a': ")


def test_a_class_that_came_after_the_baseline_is_said_to_count_against_it(tmp_path: Path) -> None:
    """Rows of a new class made a gain of a model that had become worse on all others."""
    (note,) = _notes(tmp_path, "aabbc" * 20, "aabac" * 20, "aabbb" * 20)
    assert note.startswith("the baseline predicts no row as 'c', the label of 20 of 100 rows, ")


@pytest.mark.parametrize(
    ("labels", "predicted", "baseline"),
    [
        ("aabbc" * 20, "aabac" * 20, None),
        ("ab" * 45 + "c" * 10, "ab" * 45 + "c" * 10, "ab" * 50),
        ("aabbc" * 20, "aabac" * 20, "aabbc" * 20),
    ],
    ids=["without a baseline", "a few rows", "known to both"],
)
def test_classes_that_all_know_are_not_noted(
    tmp_path: Path, labels: str, predicted: str, baseline: str | None
) -> None:
    """Notes on every run would be read by nobody."""
    assert _notes(tmp_path, labels, predicted, baseline) == []


def _note_on(folder: Path, predicted: list[str], columns: dict[str, list[float]]) -> list[str]:
    """The notes on predictions, all right, with these probabilities."""
    keys = list(range(len(predicted)))
    table = pl.DataFrame({"key": keys, "label": predicted, "prediction": predicted, **columns})
    table.write_csv(folder / "new.csv")
    return evaluate_files(folder / "new.csv", None, CONFIG).notes


def test_probabilities_in_another_order_than_the_classes_are_told(tmp_path: Path) -> None:
    """A model with `classes_` the wrong way round went out: its probabilities were those of other classes."""
    of_three = {
        "probability_a": [0.1, 0.2, 0.7] * 20,
        "probability_b": [0.2, 0.7, 0.2] * 20,
        "probability_c": [0.7, 0.1, 0.1] * 20,
    }
    (note,) = _note_on(tmp_path, ["a", "b", "c"] * 20, of_three)
    assert note.startswith("rows that are predicted as 'a', 'c' have a lower probability of that class ")
    (note,) = _note_on(tmp_path, ["n", "y"] * 30, {"probability": [0.9, 0.2] * 30})
    assert note.startswith("rows that are predicted as 'n', 'y' have ")


@pytest.mark.parametrize(
    ("predicted", "columns"),
    [
        (["n", "y"] * 30, {"probability": [0.1, 0.8] * 30}),
        (["n", "n", "y"] * 20, {"probability": [0.1, 0.8, 0.95] * 20}),
        (["n", "y", "y"] * 20, {"probability": [0.01, 0.1, 0.2] * 20}),
        (
            ["a", "b", "c", "c"] * 15,
            {
                "probability_a": [0.34, 0.45, 0.45, 0.45] * 15,
                "probability_b": [0.33, 0.46, 0.05, 0.05] * 15,
                "probability_c": [0.33, 0.09, 0.5, 0.5] * 15,
            },
        ),
    ],
    ids=["at a half", "a high threshold", "a low threshold", "a narrow majority"],
)
def test_other_thresholds_contradict_no_probability(
    tmp_path: Path, predicted: list[str], columns: dict[str, list[float]]
) -> None:
    """Who decides at 0.9, or at 0.05 because a miss is dear, is no suspect."""
    assert _note_on(tmp_path, predicted, columns) == []
