"""Whether what a server answers is what was predicted offline."""

from __future__ import annotations

from typing import Any

import pytest

from ml_stages.serving.probing.golden import Golden, difference


@pytest.mark.parametrize(
    ("offline", "served", "same"),
    [
        ("0.5", 0.5000001, True),
        ("0.5", 0.6, False),
        ("yes", "yes", True),
        ("True", True, True),
        ("[0.5, 1]", [0.5000001, 1], True),
        ("[0.5, 1]", [0.5], False),
        ('{"label": "a", "score": 0.5}', {"label": "a", "score": 0.5000001}, True),
        ('{"label": "a", "score": 0.5}', {"label": "b", "score": 0.5}, False),
        ("yes", ["yes"], False),
        ("yes", {"label": "yes"}, False),
        ("yes", None, False),
    ],
)
def test_predictions_of_any_form_are_compared(offline: str, served: Any, same: bool) -> None:
    """If this fails, a stranger's server that answers objects is told that equal answers differ."""
    found = difference(Golden({}, offline, {}), {"predictions": [served]}, 0, 1e-5)
    assert (found is None) == same
