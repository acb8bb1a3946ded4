"""The profile of a CSV says the same whatever the order of its rows: none is special for being first."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_stages.data import columns, stream
from tests.data.job import folder

TEXTS = {
    "int": ["1", "2", "-3", "007", "+4", "9", "9223372036854775808"],
    "float": ["1.5", "2", "-0.25", "1e3", "nan", "inf", "-0.0"],
    "bool": ["true", "false", "True"],
    "date": ["2024-01-31", "2024-02-29"],
    "datetime": ["2024-01-31T10:00:00", "2024-01-31 10:00", "2024-01-31"],
    "datetime-utc": ["2024-01-31T10:00:00Z", "2024-01-31T10:00:00+01:00"],
    "string": ["a", "b", "é", "x y", "1x"],
}
RULES: list[dict[str, Any]] = [
    {},
    {"unique": True},
    {"pattern": "[0-9]+"},
    {"min": 0, "max": 5},
    {"allowed": ["a", "1", 1.5]},
    *({"type": kind} for kind in ("int", "float", "bool", "date", "datetime", "string")),
]


PART = st.sampled_from(sorted(TEXTS)).flatmap(
    lambda kind: st.lists(st.sampled_from(["", *TEXTS[kind]]), max_size=20)
)
COLUMN = st.tuples(st.lists(st.just(""), max_size=20), PART, PART).map(
    lambda parts: [*itertools.chain(*parts)]
)
"""A column that holds nothing at first, then texts of one kind, then of another one."""


@pytest.fixture(autouse=True, scope="module")
def _few_rows_at_a_time() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_SAMPLE_ROWS", 5)
        patch.setattr(stream, "_CELLS", 1)
        patch.setattr(stream, "_LEAST_ROWS", 7)
        yield


@given(COLUMN, st.sampled_from(RULES), st.booleans(), st.data())
def test_the_order_of_the_rows_does_not_matter(
    values: list[str], rule: dict[str, Any], is_key: bool, data: st.DataObject
) -> None:
    """If this fails, a column has another type, or other numbers, by what stands in its first rows."""
    config = {"columns": {"x": rule}, "key": ["x"] if is_key else []}
    found = _near(_profile(values, config))
    assert _profile(data.draw(st.permutations(values)), config) == found


def _profile(values: list[str], config: dict[str, Any]) -> Any:
    with tempfile.TemporaryDirectory() as root:
        content = "x,y\n" + "".join(f"{value},a\n" for value in values)
        return _anywhere(folder(Path(root), content, **config).profile().model_dump(mode="json"))


def _anywhere(found: Any) -> Any:
    """Without examples and places, which are those of the first rows."""
    if isinstance(found, dict):
        return {name: _anywhere(value) for name, value in found.items() if name not in {"examples", "first"}}
    return [_anywhere(value) for value in found] if isinstance(found, list) else found


def _near(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _near(value) for name, value in found.items()}
    if isinstance(found, list):
        return [_near(value) for value in found]
    return pytest.approx(found, rel=1e-9, abs=1e-12) if isinstance(found, float) else found
