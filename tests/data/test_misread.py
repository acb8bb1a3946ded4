"""Columns of CSV whose type is hardly meant: text for a stray word, floats for long identifiers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.data.job import DataFolder, folder

N = 1_000


def _numbers(root: Path, strays: dict[int, str], **config: Any) -> DataFolder:
    values = [strays.get(n, f"{n * 0.37:.2f}") for n in range(N)]
    content = "x,y\n" + "".join(f"{value},{'ab'[n % 2]}\n" for n, value in enumerate(values))
    return folder(root, content, max_label_information=1, **config)


def test_a_stray_word_among_numbers_is_named(tmp_path: Path) -> None:
    """One `unknown` made a column of numbers a category of 1,000 values, and nothing was said."""
    found = _numbers(tmp_path, {15: "unknown", 40: "n/a", 41: "unknown"}).finding("stray-words")
    assert (found.severity, found.column, found.count, found.line) == ("warning", "x", 3, 17)
    assert found.examples == ["unknown", "n/a"]
    assert found.message.startswith(
        "x: is text for 0.30 % (3 of 1,000 rows) that are no numbers, as all others are"
        " ('unknown' in t.csv, line 17; 'n/a' in t.csv, line 42); "
    )


def test_a_stray_text_among_numbers_of_json_is_named(tmp_path: Path) -> None:
    """One `"unknown"` among numbers made texts of them all, as in CSV, and nothing was said."""
    data = folder(tmp_path, "", path="t.jsonl", max_label_information=1)
    values = ['"unknown"' if n == 15 else str(n) for n in range(N)]
    lines = [f'{{"x": {value}, "y": "{"ab"[n % 2]}"}}\n' for n, value in enumerate(values)]
    (tmp_path / "data/t.jsonl").write_text("".join(lines))
    found = data.finding("stray-words")
    assert (found.count, found.line, found.examples) == (1, 16, ["unknown"])
    (tmp_path / "data/t.jsonl").write_text("".join(lines).replace('"unknown"', "1e300"))
    assert data.findings() == []


def test_quotes_around_nothing_are_no_value(tmp_path: Path) -> None:
    """Programs that put every field in quotes made texts of numbers with gaps; to pandas they are nulls."""
    rows = [f'"{"" if n % 4 == 0 else n * 0.37}","{"" if n % 5 == 0 else "b"}","{n % 2}"\n' for n in range(N)]
    data = folder(tmp_path, '"x","word","y"\n' + "".join(rows), columns={"word": {"allowed": ["b"]}})
    found = {column.name: (column.type, column.nulls) for column in data.profile().columns}
    assert found == {"x": ("float", N // 4), "word": ("string", N // 5), "y": ("int", 0)}
    assert data.finding("nulls").column == "word"
    assert data.finding("nulls").line == 2


@pytest.mark.parametrize("distributions", [True, False])
def test_empty_texts_among_numbers_of_json_are_named_however_many(
    tmp_path: Path, distributions: bool
) -> None:
    """If this fails, numbers in quotes with gaps are texts, and nothing is said."""
    lines = [f'{{"x": "{"" if n % 4 == 0 else n * 0.37}", "y": "{"ab"[n % 2]}"}}\n' for n in range(N)]
    data = folder(tmp_path, "", path="t.jsonl", distributions=distributions)
    (tmp_path / "data/t.jsonl").write_text("".join(lines))
    found = data.finding("stray-words")
    assert (found.severity, found.column, found.count, found.line) == ("warning", "x", N // 4, 1)
    assert "as null" in found.message


def test_empty_texts_among_words_of_json_are_left_alone(tmp_path: Path) -> None:
    """If this fails, every column of texts with an empty one is reported."""
    values = ["" if n % 4 == 0 else "1 Elm St" if n % 2 else str(n) for n in range(N)]
    lines = [f'{{"x": "{value}", "y": "{"ab"[n % 3 == 0]}"}}\n' for n, value in enumerate(values)]
    data = folder(tmp_path, "", path="t.jsonl")
    (tmp_path / "data/t.jsonl").write_text("".join(lines))
    assert data.findings() == []


def test_at_most_five_strays_are_named(tmp_path: Path) -> None:
    """A summary would be filled by the spellings of one column."""
    found = _numbers(tmp_path, {n: f"word {n}" for n in range(20, 30)}).finding("stray-words")
    assert (found.count, len(found.examples)) == (10, 5)


@pytest.mark.parametrize("declared", [{"type": "string"}, {"feature": False}])
def test_a_column_that_is_meant_as_text_is_left_alone(tmp_path: Path, declared: dict[str, Any]) -> None:
    """Whoever said that it is text could not get rid of the warning."""
    assert _numbers(tmp_path, {15: "unknown"}, columns={"x": declared}).findings() == []


def test_texts_that_are_numbers_only_often_are_texts(tmp_path: Path) -> None:
    """Codes of which many are digits alone would be called broken numbers."""
    data = _numbers(tmp_path, {n: f"A{n}" for n in range(0, N, 15)})
    assert data.findings() == []


@pytest.mark.parametrize("config", [{"distributions": False}, {"columns": {"x": {"sensitive": True}}}])
def test_strays_are_found_where_the_profile_keeps_no_values(tmp_path: Path, config: dict[str, Any]) -> None:
    """Who turned distributions off would lose the warning; a sensitive value must not be printed for it."""
    found = _numbers(tmp_path, {15: "unknown"}, **config).finding("stray-words")
    assert found.examples == (["(masked)"] if "columns" in config else ["unknown"])


def test_a_frequent_stray_among_rare_numbers_is_found(tmp_path: Path) -> None:
    """`?` for what is missing, as in many public tables, is more frequent than any number."""
    rows = 20_000
    content = "x,y\n" + "".join(f"{'?' if n % 25 == 0 else n * 0.37:},{'ab'[n % 2]}\n" for n in range(rows))
    assert folder(tmp_path, content, max_label_information=1).finding("stray-words").count == rows // 25


LONG = 12345678901234567890123


def test_identifiers_beyond_64_bits_are_found(tmp_path: Path) -> None:
    """Identifiers that differ in their last digits became one number, and nothing was said."""
    content = "x,y\n7,a\n" + "".join(f"{LONG + n},{'ab'[n % 2]}\n" for n in range(9))
    found = folder(tmp_path, content, max_label_information=1).finding("type")
    assert (found.severity, found.column, found.count, found.line) == ("error", "x", 9, 3)
    assert found.examples == [str(LONG + n) for n in range(5)]
    assert f"e.g. '{LONG}', first in t.csv, line 3; read as floats they lose digits" in found.message
    for declared in ({"type": "string"}, {"type": "float"}, {"feature": False}):
        assert folder(tmp_path, content, max_label_information=1, columns={"x": declared}).findings() == []


@pytest.mark.parametrize("last", ["1.5", "1e300", "1e19"])
def test_large_floats_are_floats(tmp_path: Path, last: str) -> None:
    """A measured quantity that is merely large would stop a model."""
    content = f"x,y\n1,a\n2,b\n{2**64},a\n{last},b\n"
    assert folder(tmp_path, content, max_label_information=1).findings() == []
