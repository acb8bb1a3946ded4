"""The union of gates and the files beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter

import ml_stages.gates
from ml_stages.gates.registry import GATES, STANDING_GATES, Gate

FOLDER = Path(ml_stages.gates.__file__).parent
SHARED = {
    "__init__",
    "behaviour",
    "findings",
    "gate",
    "limits",
    "model_metric",
    "multiple",
    "paired_metric",
    "rates",
    "registry",
}


def test_every_file_is_registered() -> None:
    """If this fails, a gate exists that no configuration can name."""
    registered = {gate.__module__.rpartition(".")[2] for gate in GATES.values()}
    assert registered == {path.stem for path in FOLDER.glob("*.py")} - SHARED


@pytest.mark.parametrize("kind", sorted(GATES))
def test_every_kind_explains_itself_and_what_it_reads(kind: str) -> None:
    """If this fails, a gate is documented nowhere."""
    assert GATES[kind].__doc__


@pytest.mark.parametrize("kind", STANDING_GATES)
def test_standing_gates_need_no_settings(kind: str) -> None:
    """If this fails, a gate that stands by itself cannot be made."""
    gate = TypeAdapter(Gate).validate_python({"kind": kind})
    assert gate.required
    assert gate.label == kind
