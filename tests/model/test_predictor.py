"""Loading the project's own predictor."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ml_stages.model.predictor import PredictorError, load_predictor

MODULE = """
class Model:
    classes_ = ["no", "yes"]
    def predict(self, table):
        return ["yes" if value > 1 else "no" for value in table["x"]]
    def predict_proba(self, table):
        return [[0.25, 0.75]] * len(table)

class Number:
    def predict(self, table):
        return table["x"] * 2

def load(folder):
    return Model()

class Dropping(Model):
    def predict(self, table):
        answers = super().predict(table)
        table.__init__({'x': []})
        return answers
    def predict_proba(self, table):
        return [[0.25, 0.75]] * 3

def dropping(folder):
    return Dropping()

def number(folder):
    return Number()

def nothing(folder):
    return None

setting = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "oranges", raising=False)
    (tmp_path / "oranges.py").write_text(MODULE)
    (tmp_path / "sour.py").write_text("import no_such_library\n")
    return tmp_path


def test_classifier_answers_with_probabilities(folder: Path) -> None:
    """If this fails, probabilities are lost between the model and its users."""
    answers = load_predictor("oranges:load", folder).answer(pd.DataFrame({"x": [1.0, 2.0]}))
    assert answers.predictions == ["no", "yes"]
    assert answers.probabilities == [[0.25, 0.75]] * 2
    assert answers.classes == ["no", "yes"]


def test_regressor_answers_without(folder: Path) -> None:
    """If this fails, models that predict numbers cannot be used."""
    answers = load_predictor("oranges:number", folder).answer(pd.DataFrame({"x": [1.0, 2.0]}))
    assert answers.predictions == [2.0, 4.0]
    assert answers.probabilities is None


@pytest.mark.parametrize(
    ("entry_point", "wording"),
    [
        ("lemons:load", "no module 'lemons'"),
        ("oranges.juice:load", "no module 'oranges.juice'"),
        ("oranges:peel", "no function 'peel'"),
        ("oranges:setting", "no function 'setting'"),
        ("oranges:nothing", "no method predict"),
    ],
)
def test_wrong_entry_points_say_what_is_wrong(folder: Path, entry_point: str, wording: str) -> None:
    """If this fails, a typing error in the configuration ends in a traceback of ours."""
    with pytest.raises(PredictorError, match=wording):
        load_predictor(entry_point, folder)


def test_a_missing_library_of_the_project_keeps_its_own_words(folder: Path) -> None:
    """If this fails, a project that forgot a dependency is told that its entry point is wrong."""
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        load_predictor("sour:load", folder)


def test_a_predictor_that_changes_its_input_is_held_to_the_rows_that_it_was_given(folder: Path) -> None:
    """A predictor that drops rows in place would be told that it answered too many."""
    predictor = load_predictor("oranges:dropping", folder)
    answers = predictor.answer(pd.DataFrame({"x": [1.0, 2.0, 3.0]}))
    assert answers.predictions == ["no", "yes", "yes"]
