"""What a key means is read out of the source when somebody asks."""

from __future__ import annotations

import pytest

from ml_stages.config.config import Config
from ml_stages.config.data import DataConfig
from ml_stages.config.docstrings import docstrings
from ml_stages.gates.no_regression import NoRegression
from ml_stages.gates.registry import GATES


def test_own_and_inherited_keys_are_found() -> None:
    """A fault would not say what the missing key is for."""
    assert docstrings(DataConfig)["label"] == "The column to predict."
    known = docstrings(NoRegression)
    assert known["margin"].startswith("Largest loss that is acceptable")
    assert known["metric"].startswith("Name of the metric")
    assert known["required"].startswith("Whether a result other than a pass blocks")
    assert docstrings(Config)["task"].startswith("What the label is: a class, a number, a set of labels")


@pytest.mark.parametrize("kind", sorted(GATES))
def test_every_setting_of_a_gate_says_what_it_means(kind: str) -> None:
    """A page would have an empty cell where a user looks for the meaning."""
    gate = GATES[kind]
    assert set(gate.model_fields) - {"kind"} <= set(docstrings(gate))
