"""JSON lines that Polars reads as something else than they say: refused with their line; no others."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_stages.data.json_fields import doubtful_lines
from ml_stages.data.json_lines import passed_over
from ml_stages.errors import DataError
from tests.data.job import DataFolder

GOOD = [f'{{"x": {i}, "text": "a\\"b: {i}", "y": "{"ab"[i % 2]}"}}' for i in range(50)]


def _folder(root: Path, lines: list[str]) -> DataFolder:
    (root / "data").mkdir(parents=True, exist_ok=True)
    (root / "data" / "t.jsonl").write_text("\n".join(lines) + "\n")
    return DataFolder(root, {"path": "t.jsonl", "label": "y", "min_rows": 0, "max_duplicates": 1.0})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"x": 1, "x": 2, "text": "a", "y": "b"}', "the field 'x' stands twice in one object"),
        ('{"x": null, "x": 2, "y": "b"}', "the field 'x' stands twice in one object"),
        ('{"x": 2, "x": null, "y": "b"}', "the field 'x' stands twice in one object"),
        ('{"x": 2, "\\u0078": 3, "y": "b"}', "the field 'x' stands twice in one object"),
        ('{"x" : 2, "text" : "a" , "text": "b", "y": "b"}', "the field 'text' stands twice in one object"),
        (
            '{"x": 1, "text": "\\ud800!", "y": "b"}',
            "\\ud800 at position 19 is half of a character; write texts as UTF-8",
        ),
        ('{"x": 1, "text": "\\uDC00", "y": "b"}', "\\udc00 at position 19 is half of a character"),
        ('{"x": 1, "text": "\\ud83d\\ude00\\ud83d", "y": "b"}', "\\ud83d at position 19 is half of a"),
    ],
)
@pytest.mark.parametrize("place", [0, 30, 50])
def test_what_polars_passes_over(tmp_path: Path, line: str, said: str, place: int) -> None:
    """If this fails, one of two values is chosen in silence, or a letter becomes a null byte."""
    data = _folder(tmp_path, [*GOOD[:place], line, *GOOD[place:]])
    finding = data.finding("readable")
    assert finding.message.startswith(f"t.jsonl, line {place + 1}: {said}"), finding.message
    with pytest.raises(DataError, match=re.escape(said)):
        data.split()


@pytest.mark.parametrize(
    "line",
    [
        '{"x": 1, "text": "\\ud83d\\ude00", "y": "b"}',
        '{"x": 1, "text": "\\\\ud800", "y": "b"}',
        '{"x": 1, "y": "b"}',
        '{"y": "b", "x": 1, "text": "\\"x\\": 1, \\"x\\": 2"}',
        '{"x" : 1 , "text" : "x" , "y" : "b"}',
        "",
    ],
)
def test_what_is_read_as_it_says(tmp_path: Path, line: str) -> None:
    """If this fails, emoji, missing fields or another order are called wrong."""
    data = _folder(tmp_path, [*GOOD, line, *GOOD])
    assert data.validate().rows == 100 + bool(line)
    assert passed_over(tmp_path / "data" / "t.jsonl") is None


@pytest.mark.parametrize("value", ["918700000000000000000000", "[1, 2]", '{"a": 1}'])
def test_what_no_predictor_is_given_is_told_by_its_type(tmp_path: Path, value: str) -> None:
    """An integer beyond 64 bits ended data-validate in a traceback, and so did a list to split by."""
    data = _folder(tmp_path, [f'{{"x": {value}, "n": {n}, "y": "{"ab"[n % 2]}"}}' for n in range(40)])
    for split in ({}, {"group": "x", "max_shared": 0}):
        told = replace(data, config={**data.config, "split": split}).finding("type").message
        assert "cannot be given to a predictor" in told


def test_lines_like_the_first_cost_nothing(tmp_path: Path) -> None:
    """If this fails, a million lines are parsed once more, one by one."""
    data = _folder(tmp_path, [*GOOD, '{"x": 1, "y": "b"}', *GOOD])
    assert [number for number, _ in doubtful_lines(data.root / "data" / "t.jsonl")] == [1, 51]


NAMES = ["a", "b", "a b", "a:", '"', "\\", "", "é", ":"]
OBJECTS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from([1, None, '":', "\\", "é", {"a": 1}])), max_size=4
)


def _written(pairs: list[tuple[str, object]], spaces: str) -> str:
    return "{" + ",".join(f"{json.dumps(name)}{spaces}:{json.dumps(value)}" for name, value in pairs) + "}"


@settings(max_examples=200, deadline=None)
@given(first=OBJECTS, lines=st.lists(st.tuples(OBJECTS, st.sampled_from(["", " "])), max_size=8))
def test_no_field_that_stands_twice_is_missed(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[tuple[str, object]],
    lines: list[tuple[list[tuple[str, object]], str]],
) -> None:
    """If this fails, the quick look at a file takes two fields for one."""
    file = tmp_path_factory.mktemp("fields") / "t.jsonl"
    rows = [first, *(pairs for pairs, _ in lines), first]
    spaces = ["", *(space for _, space in lines), ""]
    file.write_text("\n".join(map(_written, rows, spaces)))
    twice = [i for i, row in enumerate(rows, 1) if len({name for name, _ in row}) < len(row)]
    found = passed_over(file)
    assert (found is None) == (not twice), found
    assert found is None or found.startswith(f"t.jsonl, line {twice[0]}: the field ")
