"""Tables that cannot be read end in one clear line; those that can are read as what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_stages.data.csv_text import look_at
from ml_stages.data.profile import Profile
from ml_stages.data.read import Table
from ml_stages.errors import DataError
from tests.data.job import DataFolder, folder
from tests.data.test_measure import profile_of

BROKEN = {
    "empty": (b"", r"t\.csv is empty"),
    "blank": (b"\n\n", r"t\.csv is empty"),
    "two names": (b"x,x,y\n1,2,a\n", r"t\.csv, line 1: two columns are called 'x'"),
    "a name that is a pattern": (b"*,y\n1,a\n", r"t\.csv: a column is called '\*'; rename it"),
    "short": (b"x,y\n1,a\n2\n3,b\n", r"t\.csv, line 3: has 1 field, expected 2"),
    "short after quoted newlines": (b'x,y\n"1\n,,\n",a\n2\n', r"t\.csv, line 5: has 1 field, expected 2"),
    "short at the end": (b"x,y\n1,a\n2", r"t\.csv, line 3: has 1 field, expected 2"),
    "long": (b"x,y\n1,a\n2,b,c\n", r"t\.csv, line 3: has 3 fields, expected 2"),
    "blank line": (b"x,y\n1,a\n\n3,b\n", r"t\.csv, line 3: is blank, expected 2 fields"),
    "not UTF-8": (
        "x,y\n1,a\n2,é\n".encode("latin-1"),
        r"t\.csv, line 3: byte 0xe9 at position 3 is not UTF-8",
    ),
    "not UTF-8 in the header": (b"x,\xff\n1,a\n", r"t\.csv, line 1: byte 0xff"),
    "UTF-16": ("x,y\n1,a\n".encode("utf-16"), r"t\.csv is UTF-16; expected UTF-8"),
    "open quote": (b'x,y\n1,a\n1,"a\n2,b\n', r"t\.csv, line 3: a quote is not closed"),
    "stray quote": (b'x,y\n1,a\n5",b\n', r"t\.csv, line 3: a quote is not closed"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=list(BROKEN))
def test_broken_csv_is_told_with_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    """If this fails, a broken file is read in silence as something else, or ends in a traceback."""
    data = folder(tmp_path, content)
    finding = data.finding("readable")
    with pytest.raises(DataError, match=message) as caught:
        data.split()
    assert "\n" not in str(caught.value)
    assert finding.message == str(caught.value)


def test_a_text_after_its_closing_quote_is_told_by_its_line_alone(tmp_path: Path) -> None:
    """If this fails, a value stands in the report, sensitive as it may be, and its line does not."""
    data = folder(tmp_path, 'x,y\nu,a\n"Smith"s,b\n', columns={"x": {"sensitive": True}})
    (found,) = data.validate().findings
    assert found.message == "t.csv, line 3: a quote is not closed, or not doubled within quotes"


def test_nulls_at_the_end_of_lines_are_no_fault(tmp_path: Path) -> None:
    """If this fails, a table whose last column has nulls is refused."""
    content = 'x,y,z\n1,a,\n2,"b,\n",\n,b,"q""uo"\n'
    profile = folder(tmp_path, content).profile()
    assert profile.rows == 3
    assert [column.nulls for column in profile.columns] == [1, 0, 2]


@pytest.mark.parametrize("path", ["missing.csv", "*.txt", "../t.csv", "/t.csv", ""])
def test_no_such_file_names_what_is_there(tmp_path: Path, path: str) -> None:
    """If this fails, a wrong data.path is a riddle."""
    data = folder(tmp_path, "x,y\n1,a\n")
    wrong = DataFolder(data.root, data.config | {"path": path})
    assert "data.path" in wrong.finding("readable").message
    with pytest.raises(DataError, match=r"data\.path"):
        wrong.split()


def test_unknown_and_mixed_formats_are_refused(tmp_path: Path) -> None:
    """If this fails, a spreadsheet is read as CSV."""
    data = folder(tmp_path, "x,y\n1,a\n")
    (tmp_path / "data/t.xlsx").write_bytes(b"PK")
    for path, message in (("*.xlsx", "matches .xlsx files"), ("t.*", "matches .csv, .xlsx files")):
        wrong = DataFolder(data.root, data.config | {"path": path})
        assert message in wrong.finding("readable").message


def test_a_file_that_is_not_what_its_name_says(tmp_path: Path) -> None:
    """If this fails, a truncated download ends in a traceback."""
    data = folder(tmp_path, "x,y\n1,a\n")
    for name in ("t.parquet", "t.arrow", "t.jsonl"):
        (tmp_path / "data" / name).write_bytes(b"{nothing of the kind")
        wrong = DataFolder(data.root, data.config | {"path": name})
        assert wrong.finding("readable").message.startswith(name)
        with pytest.raises(DataError, match=name):
            wrong.split()


def test_files_with_other_columns_are_refused(tmp_path: Path) -> None:
    """If this fails, the columns of a second file are taken by position for others."""
    data = folder(tmp_path, "x,y\n1,a\n")
    (tmp_path / "data/u.csv").write_text("y,x\nb,2\n", encoding="utf-8")
    both = DataFolder(data.root, data.config | {"path": "*.csv"})
    said = both.finding("readable").message
    assert said.startswith("u.csv, line 1: the columns are y, x; t.csv has x, y: write")


def test_a_fault_in_a_second_file_is_told_there(tmp_path: Path) -> None:
    """If this fails, the fault is looked for in the wrong file."""
    data = folder(tmp_path, "x,y\n1,a\n")
    (tmp_path / "data/u.csv").write_text("x,y\n2,b\n3\n", encoding="utf-8")
    both = DataFolder(data.root, data.config | {"path": "*.csv"})
    assert both.finding("readable").message.startswith("u.csv, line 3")


TABLE = pl.DataFrame({"id": range(40), "x": [1.5, None] * 20, "s": ["a", "é"] * 20, "y": ["no", "yes"] * 20})


@pytest.mark.parametrize("form", ["csv", "parquet", "arrow", "feather", "jsonl"])
def test_every_format_gives_the_same_profile(tmp_path: Path, form: str) -> None:
    """If this fails, the format of the file changes what is validated, or how the rows are split."""
    reference = folder(tmp_path / "reference", TABLE, key=["id"])
    data = tmp_path / "data"
    data.mkdir()
    write: dict[str, Any] = {
        "csv": TABLE.write_csv,
        "parquet": TABLE.write_parquet,
        "jsonl": TABLE.write_ndjson,
    }
    write.get(form, TABLE.write_ipc)(data / f"t.{form}")
    same = DataFolder(tmp_path, reference.config | {"path": f"t.{form}"})
    assert same.profile() == reference.profile()
    assert same.split().holdout_digest == reference.split().holdout_digest
    assert same.labels().cast(pl.String).equals(reference.labels().cast(pl.String))
    suffix = {"feather": "arrow"}.get(form, form)
    assert (tmp_path / f"train-set/train.{suffix}").is_file()


def test_a_partitioned_folder_has_its_column(tmp_path: Path) -> None:
    """If this fails, the column that partitions a Parquet folder is lost."""
    for name, part in TABLE.partition_by("s", as_dict=True).items():
        into = tmp_path / "data/loans" / f"s={name[0]}"
        into.mkdir(parents=True)
        part.drop("s").write_parquet(into / "0.parquet")
    data = DataFolder(tmp_path, {"path": "loans", "label": "y", "key": ["id"], "min_rows": 0})
    profile = data.profile()
    assert profile.rows == 40
    assert {column.name for column in profile.columns} == {"id", "x", "s", "y"}
    assert data.split().train_rows < 40


NUMBERS = st.sampled_from(
    [
        "1",
        "1.0",
        "1.00",
        "01",
        "+1",
        "-0",
        "1e2",
        "",
        '""',
        '"7"',
        " 7",
        '" 7"',
        "7 ",
        "nan",
        "inf",
        "x",
        "NA",
        "\t5",
    ]
) | st.text('0123456789+-.eE_ \t"naif', max_size=6).map(lambda text: '"' + text.replace('"', '""') + '"')
TRUTHS = st.sampled_from(["true", "false", "True", "FALSE", "", '""', '"true"', " true", "1", "t", "NA"])


@given(
    st.lists(st.tuples(NUMBERS, TRUTHS), min_size=1, max_size=8),
    st.sampled_from(["int", "float", None]),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_numbers_read_at_once_like_texts_that_are_cast(
    rows: list[tuple[str, str]], kind: str | None, nulls: bool
) -> None:
    """If this fails, what a CSV file's text means depends on the other texts in the file."""
    content = "x,b,y\n" + "".join(f"{number},{truth},a\n" for number, truth in rows)
    rules = {"x": {"type": kind, "min": 0, "max": 50} if kind else {"min": 0}, "b": {"type": "bool"}}
    config = {"columns": rules, "null_values": ["NA"] if nulls else []}
    at_once = profile_of(content, **config)
    with mock.patch.object(Table, "as_types", return_value=None):
        cast = profile_of(content, **config)
    assert _without_examples(at_once) == _without_examples(cast)


def _without_examples(profile: Profile) -> Profile:
    """Examples are numbers where numbers were read, else texts."""
    plain = [
        column.model_copy(
            update={
                rule: broken.model_copy(update={"examples": []})
                for rule in ("below", "above")
                if (broken := getattr(column, rule)) is not None
            }
        )
        for column in profile.columns
    ]
    return profile.model_copy(update={"columns": plain})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"x,y\n1,a b\n2,c\td\n", True),
        (b'x,y\n"1","a"\n', True),
        (b"x,y\n1, a\n", False),
        (b"x,y\n 1,a\n", False),
        (b'x,y\n1,"\ta"\n', False),
        (b'x,y\n1,""\n', True),
        (b"x,y\n" + b"1234567,a\n" * 26_214 + b" 1,a\n", False),
    ],
)
def test_files_in_which_a_reader_is_more_lenient(tmp_path: Path, content: bytes, expected: bool) -> None:
    """If this fails, a number with a blank before it passes as a number in training, and not when served."""
    (tmp_path / "t.csv").write_bytes(content)
    assert look_at(tmp_path / "t.csv", ",").reads_alike is expected


def test_carriage_returns_that_say_nothing_else(tmp_path: Path) -> None:
    """If this fails, a file from Windows, or a text of two lines within quotes, is refused."""
    for i, content in enumerate([b"x,y\r\n1,a\r\n2,b\r\n", b'x,y\n1,"a\rb"\n2,b\n', b'x,y\r\n1,"a\r"\r\n']):
        assert "readable" not in [rule for rule, _ in folder(tmp_path / str(i), content).findings()]


def test_equal_numbers_are_equal_rows_whatever_else_is_wrong(tmp_path: Path) -> None:
    """If this fails, a wrong text in one row hides that others repeat."""
    rows = ["1,true,a", "1.0,TRUE,a", "2,false,b"]
    whole = folder(tmp_path / "whole", "x,b,y\n" + "\n".join(rows)).profile()
    worse = "x,b,y\n" + "\n".join([*rows, "z,true,b"])
    broken = folder(tmp_path / "broken", worse, columns={"x": {"type": "float"}}).profile()
    assert whole.duplicates == broken.duplicates == 1
    distincts = [p.columns[0].distribution.distinct for p in (whole, broken) if p.columns[0].distribution]
    assert distincts == [2, 3]


def test_lines_longer_than_the_pieces_a_file_is_read_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a table with one long text is cut, or waits for a piece that is never read."""
    long = ["x" * 9_999, '"' + "x,\n" * 3_333 + '"']
    read = folder(tmp_path, "id,s,y\n" + "".join(f"{i},{long[i % 2]},{'ab'[i % 2]}\n" for i in range(40)))
    at_once = read.profile()
    monkeypatch.setenv("POLARS_CSV_CHUNK_SIZE", "1000")
    monkeypatch.setenv("POLARS_CSV_CHUNK_PREFETCH_LIMIT", "1")
    assert read.profile() == at_once
    assert at_once.rows == 40
