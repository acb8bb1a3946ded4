"""CSV with other marks than commas between its fields: read alike, or told which line to add."""

from __future__ import annotations

import csv
import io
import tomllib
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ml_stages.adopt.initial import write_initial
from ml_stages.behaviour.perturb import run as perturb
from ml_stages.config.data import DataConfig
from ml_stages.config.drift import Severity
from ml_stages.config.load import load_config
from ml_stages.data.csv_lines import (
    SeparatorError,
    check_complete,
    check_quotes,
    likely_separator,
    lines_of_records,
)
from ml_stages.data.read import read_verbatim
from ml_stages.data.schema import FeatureSchema, LabelSchema, Schema
from ml_stages.drift.files import Reading, drift_of_files
from ml_stages.job import Job
from tests.data.job import DataFolder, folder

MARKS = [";", "\t", "|", ":", "\x01"]
N = 240
ROWS = [
    [str(i), f"{i % 7}.5", 'says "no, never; | \t: "\nor so' if i == 3 else "x", "ab"[i % 2]]
    for i in range(N)
]
NAMES = ["n", "size", "text", "y"]


def _text(rows: list[list[str]], mark: str, names: list[str] = NAMES) -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=mark, lineterminator="\n").writerows([names, *rows])
    return stream.getvalue()


def _folder(root: Path, mark: str, **config: Any) -> DataFolder:
    return folder(root, _text(ROWS, mark), **{"separator": mark, "key": ["n"], **config})


@pytest.mark.parametrize("mark", MARKS)
def test_the_same_table_whatever_separates_its_fields(tmp_path: Path, mark: str) -> None:
    """If this fails, a file saved by a German Excel is read as another table, or not at all."""
    data, plain = _folder(tmp_path / "marked", mark), _folder(tmp_path / "plain", ",")
    assert data.validate().findings == plain.validate().findings
    assert data.validated_profile() == plain.validated_profile()
    assert data.schema() == plain.schema()
    assert data.split() == plain.split()
    for name in ("holdout-features/features.csv", "holdout-features/keys.csv"):
        assert (data.root / name).read_bytes() == (plain.root / name).read_bytes()
    assert data.labels().equals(plain.labels())


@pytest.mark.parametrize("mark", MARKS)
def test_the_train_set_is_written_as_the_data_is(tmp_path: Path, mark: str) -> None:
    """If this fails, the project's own `read_csv(path, sep=";")` reads one column, and trains on nothing."""
    data = _folder(tmp_path, mark)
    data.split()
    with (tmp_path / "train-set" / "train.csv").open(newline="") as stream:
        found = list(csv.reader(stream, delimiter=mark))
    assert found[0] == NAMES
    assert 0 < len(found) - 1 < N
    assert all(row in ROWS for row in found[1:])


def test_tsv_stays_tsv(tmp_path: Path) -> None:
    """If this fails, a script that tells tabs from commas by the file's name reads the train set wrongly."""
    data = DataFolder(tmp_path, {"path": "t.tsv", "label": "y", "separator": "\t", "key": ["n"]})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "t.tsv").write_text(_text(ROWS, "\t"))
    assert data.validate().rows == N
    data.split()
    assert [file.name for file in (tmp_path / "train-set").iterdir()] == ["train.tsv"]


FIELD = st.text(st.sampled_from(list('ab1.;|,\t "\n')), max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(FIELD, FIELD, FIELD), min_size=1, max_size=20),
    mark=st.sampled_from([",", *MARKS]),
)
def test_every_text_survives_every_separator(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], mark: str
) -> None:
    """If this fails, a text that holds another file's separator moves the fields after it."""
    root = tmp_path_factory.mktemp("texts")
    file = root / "t.csv"
    text = _text([list(row) for row in rows], mark, ["u", "v", "w"])
    file.write_text(text, newline="")
    found, table = read_verbatim(root, DataConfig(path="t.csv", label="w", separator=mark))
    assert [tuple(text or "" for text in row) for row in found.rows()] == rows
    check_quotes(file, 3, mark)
    check_complete(file, 3, mark)
    lines = list(lines_of_records(file, 1, mark))
    counted = [2 + sum(field.count("\n") for row in rows[:i] for field in row) + i for i in range(len(rows))]
    assert lines == counted
    assert table.header == ["u", "v", "w"]


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_a_file_with_another_separator_says_which_line_to_add(tmp_path: Path, mark: str) -> None:
    """If this fails, a newcomer with such a file learns that a column is missing, and not why."""
    toml = {";": '";"', "\t": r'"\t"', "|": '"|"'}[mark]
    finding = _folder(tmp_path, mark, separator=",").finding("readable")
    assert finding.message == (
        f"t.csv, line 1: one column, {mark.join(NAMES)!r}: its fields look separated by {mark!r}."
        f" Add the line separator = {toml} to [tool.ml-pipeline.data]"
    )
    assert tomllib.loads(finding.message.split("Add the line ")[1].split(" to [")[0]) == {"separator": mark}
    back = _folder(tmp_path / "back", ",", separator=mark).finding("readable")
    assert 'Add the line separator = "," to' in back.message


def test_files_of_one_table_separate_alike(tmp_path: Path) -> None:
    """If this fails, a month that Excel saved is read with a line that breaks the others."""
    data = _folder(tmp_path, ",", path="*.csv")
    (tmp_path / "data" / "u.csv").write_text(_text(ROWS, ";"))
    assert data.finding("readable").message == (
        f"u.csv, line 1: one column, {';'.join(NAMES)!r}: its fields look separated by ';';"
        " t.csv has ',': separate the fields of all files alike"
    )


def test_a_header_with_a_comma_says_it_too(tmp_path: Path) -> None:
    """If this fails, `price, EUR;y` is two columns, neither of them the label, and nobody says why."""
    data = folder(tmp_path, "price, EUR;y\n" + "1,5;a\n" * 40)
    finding = data.finding("missing-column")
    assert "' EUR;y': are fields separated by ';'? Add the line separator = \";\" to" in finding.message
    told = folder(tmp_path, "price, EUR;y\n" + "1,5;a\n1,7;b\n" * 20, separator=";").validate()
    assert [(one.rule, one.column) for one in told.findings] == [("decimal-commas", "price, EUR")]


def test_a_single_column_is_no_wrong_separator(tmp_path: Path) -> None:
    """If this fails, a list of identifiers that another table refers to cannot be read."""
    root = folder(tmp_path, "y\na;b\nc;d\ne\n").root
    table, _ = read_verbatim(root / "data", DataConfig(path="t.csv", label="y"))
    assert table["y"].to_list() == ["a;b", "c;d", "e"]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_faults_name_the_line(tmp_path: Path, mark: str) -> None:
    """If this fails, what is wrong in such a file is told without its place, or passed over."""
    lines = _text(ROWS[:3], mark).splitlines()
    short = folder(tmp_path / "short", "\n".join([*lines, mark.join("123")]) + "\n", separator=mark)
    assert short.finding("readable").message == "t.csv, line 5: has 3 fields, expected 4 fields"
    text = "\n".join([lines[0], lines[1].replace("x", r'"a\"b"'), *lines[2:]])
    quote = folder(tmp_path / "quote", text + "\n" + lines[1].replace("x", r'"c\"d"') + "\n", separator=mark)
    told = quote.finding("readable").message
    assert told.startswith("t.csv, line 2: a quote is not closed, or not doubled"), told
    rule = _folder(tmp_path / "rule", mark, columns={"size": {"type": "float", "max": 6}})
    finding = rule.finding("range")
    assert (finding.file, finding.line) == ("t.csv", 9), "after a row of two lines"


def test_references_have_a_separator_of_their_own(tmp_path: Path) -> None:
    """If this fails, a table refers to a file that cannot be read beside it."""
    refers = {"column": "n", "file": "known.csv", "to": "id"}
    data = _folder(tmp_path, ";", references=[refers])
    known = tmp_path / "data" / "known.csv"
    known.write_text("id;x\n" + "".join(f"{i};a\n" for i in range(N)))
    assert data.findings() == []
    known.write_text(known.read_text().replace(";", "|"))
    (told,) = data.validate().findings
    assert 'Add the line separator = "|" to its [[tool.ml-pipeline.data.references]]' in told.message
    assert _folder(tmp_path, ";", references=[{**refers, "separator": "|"}]).findings() == []
    (told,) = _folder(tmp_path, ";", references=[{**refers, "file": "data.path.csv"}]).validate().findings
    assert "no file matches data.references.file = 'data.path.csv'" in told.message


@pytest.mark.parametrize("text", ["", ";;", "a", "1", '"', "\n", " ", ".", "-", "§"])
def test_what_separates_nothing_is_refused(text: str) -> None:
    """If this fails, `separator = "a"` takes texts apart."""
    with pytest.raises(ValidationError, match=r'expected a mark such as ",", ";"'):
        DataConfig(path="t.csv", label="y", separator=text)


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_init_recognises_it(tmp_path: Path, mark: str) -> None:
    """If this fails, who adopts the pipeline with such a file reads documentation first."""
    root = _folder(tmp_path, mark).root
    file, initial = write_initial(tmp_path, root / "data", "y")
    assert load_config(tmp_path).config.data.separator == mark
    assert "# between the fields of the file, as its first lines show" in file.read_text()
    assert not [one for one in initial.findings if one.severity == "error"]


def test_init_takes_many_such_files_for_one_table(tmp_path: Path) -> None:
    """If this fails, monthly exports have to be merged by hand."""
    root = _folder(tmp_path, ";").root
    (root / "data" / "u.csv").write_text(_text(ROWS, ";"))
    write_initial(tmp_path, root / "data", "y")
    config = load_config(tmp_path).config.data
    assert (config.path, config.separator) == ("*.csv", ";")


def test_init_writes_no_separator_for_commas(tmp_path: Path) -> None:
    """If this fails, every configuration has a line that says what is so anyway."""
    root = _folder(tmp_path, ",").root
    file, _ = write_initial(tmp_path, root / "data", "y")
    assert "separator =" not in file.read_text()


@pytest.mark.parametrize(
    ("content", "mark"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2\n", ";"),
        ("a, b;y\n1,5;2\n", ";"),
        ("a,b\n1;2,3;4\n", ","),
        ("a,b;c\n1,2;3\n", ","),
        ("a b\n1 2\n", ","),
        ('"a;b"\n"c;d"\n', ","),
        ('"a,b";y\n"1,2";3\n', ";"),
        ("a;b\n", ";"),
        ("", ","),
        ("a|b;y\n1|2;3\n", ";"),
    ],
)
def test_what_the_first_lines_show(tmp_path: Path, content: str, mark: str) -> None:
    """If this fails, a column's texts are taken for fields."""
    (tmp_path / "t.csv").write_text(content)
    assert likely_separator(tmp_path / "t.csv", column="y") == mark


def test_drift_reads_either_side(tmp_path: Path) -> None:
    """If this fails, last year's export cannot be compared with this year's, which Excel wrote."""
    one, other = _folder(tmp_path / "one", ";").root, _folder(tmp_path / "other", "\t").root
    report = drift_of_files(one / "data" / "t.csv", other / "data" / "t.csv")
    assert (report.severity, len(report.columns)) == (Severity.NONE, 4)
    with pytest.raises(SeparatorError, match="its fields look separated by ';'") as told:
        drift_of_files(one / "data" / "t.csv", other / "data" / "t.csv", reading=Reading(separator=","))
    assert told.value.mark == ";"
    assert "Add the line" not in told.value.seen


COMMAS = [[str(i), f"{i % 7},5", f"1.{i + 100},25", "ab"[i % 2]] for i in range(N)]


@pytest.mark.parametrize("sensitive", [False, True])
def test_decimal_commas_are_told(tmp_path: Path, sensitive: bool) -> None:
    """If this fails, prices are texts to the model, and nobody notices."""
    columns = {"size": {"sensitive": True}} if sensitive else {}
    report = folder(tmp_path, _text(COMMAS, ";"), separator=";", key=["n"], columns=columns).validate()
    found = [one for one in report.findings if one.rule == "decimal-commas"]
    assert [(one.column, one.severity, one.count, one.line) for one in found] == [
        ("size", "warning", N, 2),
        ("text", "warning", N, 2),
    ]
    assert ("0,5" in found[0].message) is not sensitive
    assert "write numbers with a point" in found[0].message
    declared = {"size": {"type": "string"}, "text": {"type": "string"}}
    assert folder(tmp_path, _text(COMMAS, ";"), separator=";", key=["n"], columns=declared).findings() == []


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (["1,234", "999", "12,345,678.5"], "thousands-separators"),
        (["1 234", "1\u202f234.50", "1'234"], "thousands-separators"),
        (["1,234", "0,125", "2,5"], "decimal-commas"),
        (["12 %", "7.5%", "100%"], "percent-signs"),
        (["$1,200.50", "€ 5", "7 €"], "currency-signs"),
        (["$a", "b%", "1-2"], None),
        (["12%", "low", "high"], None),
    ],
)
def test_numbers_as_people_write_them_are_told(tmp_path: Path, values: list[str], rule: str | None) -> None:
    """If this fails, an income of `$1,200.50` is a class to the model, and nobody notices."""
    rows = [[str(i), values[i % 3], "x", "ab"[i % 2]] for i in range(N)]
    data = folder(tmp_path, _text(rows, "\t"), separator="\t", key=["n"])
    found = [one.rule for one in data.validate().findings if one.column == "size"]
    assert found == [rule] * (rule is not None)
    _, initial = write_initial(tmp_path, data.root / "data", "y")
    assert [one.rule for one in initial.findings if one.column == "size"] == found


def test_init_tells_decimal_commas(tmp_path: Path) -> None:
    """If this fails, `init` writes `type = "string"` for a price, and nobody is told any more."""
    root = folder(tmp_path, _text(COMMAS, ";")).root
    file, initial = write_initial(tmp_path, root / "data", "size")
    assert {one.column for one in initial.findings if one.rule == "decimal-commas"} == {"size", "text"}
    assert 'text = { type = "string" }  # text for its decimal commas' in file.read_text()


@pytest.mark.parametrize("values", [["1,2,3", "2,3"], ["a,5", "b,6"], ["1;5", "2;5"], ["1,5", "word"]])
def test_lists_and_words_have_no_decimal_commas(tmp_path: Path, values: list[str]) -> None:
    """If this fails, lists of numbers are called wrong."""
    rows = [[str(i), values[i % 2], "x", "ab"[i // 2 % 2]] for i in range(N)]
    data = folder(tmp_path, _text(rows, "\t"), separator="\t", key=["n"])
    assert not [one for one in data.validate().findings if one.rule == "decimal-commas"]


@pytest.mark.parametrize("form", [";", "tsv", "arrow", "jsonl", "parquet"])
def test_rows_of_any_train_set_are_asked_for(tmp_path: Path, form: str) -> None:
    """If this fails, the gap to the train set ends in a traceback for data in this format."""
    train = tmp_path / "train-set"
    train.mkdir()
    table = pl.DataFrame({"size": [1.5, None, 3.0], "text": ["a", "b;c", ""], "y": ["a", "b", "a"]})
    if form == ";":
        table.write_csv(train / "train.csv", separator=";")
    elif form == "tsv":
        table.write_csv(train / "train.tsv", separator="\t")
    else:
        getattr(table, {"arrow": "write_ipc", "jsonl": "write_ndjson"}.get(form, "write_parquet"))(
            train / f"train.{form}"
        )
    features = [FeatureSchema(name=name, type=kind, nullable=True) for name, kind in KINDS]
    label = LabelSchema(name="y", type="string", classes=["a", "b"])
    for name in ("schema", "rows"):
        (tmp_path / name).mkdir()
    Schema(features=features, label=label, key=[]).write(tmp_path / "schema")
    separator = {";": ";", "tsv": "\t"}.get(form, ",")
    gate = {"kind": "overfit-gap", "metric": "f1", "max": 0.1}
    inputs = {"schema": tmp_path / "schema", "train-set": train, "holdout-features": tmp_path}
    config = {"gates": [gate], "data": {"path": "t", "label": "y", "separator": separator}}
    outputs = {"perturbed-rows": tmp_path / "rows"}
    perturb(
        Job(stage="perturb", config=config, inputs=inputs, outputs=outputs, report=tmp_path / "report.json")
    )
    part = tmp_path / "rows" / "0000"
    assert pl.read_parquet(part / "labels.parquet")["label"].to_list() == ["a", "b", "a"]
    (file,) = part.glob("features.*")
    found = pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file)
    assert found["size"].cast(pl.Float64, strict=False).to_list() == [1.5, None, 3.0]
    assert found["text"][1] == "b;c"


KINDS = (("size", "float"), ("text", "string"))
