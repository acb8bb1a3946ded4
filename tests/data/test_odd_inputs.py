"""Odd inputs, each taken through validation, split and drift: a finding or one clear line, never a traceback.

Broken CSV files are in ``test_read.py``, odd tables that end in findings in ``test_validate.py``.
"""

from __future__ import annotations

import gzip
import math
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from ml_stages.adopt.initial import initial_config
from ml_stages.drift.files import drift_of_files
from ml_stages.errors import DataError
from tests.data.job import DataFolder, folder

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935\nsize 12345\n"
N = 240
LABEL = ["a", "b"] * (N // 2)
ODD: dict[str, pl.DataFrame | str] = {
    "huge integers": pl.DataFrame({"x": [2**63 - 1 - i for i in range(N)], "y": LABEL}),
    "floats whose squares are too large": pl.DataFrame({"x": [i * 1e300 for i in range(N)]}),
    "times after the year 9999": pl.DataFrame({"x": pl.Series([10**7 + i for i in range(N)], dtype=pl.Date)}),
    "subnormal and greatest floats": pl.DataFrame({"x": [5e-324, -1.7e308, 1.7e308, 0.0] * (N // 4)}),
    "NaN beside nulls": pl.DataFrame({"x": [float("nan"), None, 0.5, 1.0] * (N // 4)}),
    "decimals": pl.DataFrame({"x": [Decimal(i) / 8 for i in range(N)]}),
    "all null": pl.DataFrame({"x": [None] * N}),
    "texts of one null byte": pl.DataFrame({"x": ["a\0b", "\0"] * (N // 2)}),
    "time zones": pl.DataFrame({"x": pl.Series(range(N), dtype=pl.Datetime("ns", "Asia/Kathmandu"))}),
    "dates before 1970": pl.DataFrame({"x": pl.Series([-(10**5) - i for i in range(N)], dtype=pl.Date)}),
    "booleans": pl.DataFrame({"x": [True, False, None, True] * (N // 4)}),
    "an enum": pl.DataFrame({"x": pl.Series(["u", "v"] * (N // 2), dtype=pl.Enum(["u", "v"]))}),
    "texts that say true": "n,x,y\n"
    + "".join(f"{i},{'TRUE' if i % 3 else 'false'},{LABEL[i]}\n" for i in range(N)),
    "times with offsets": "x,y\n"
    + "".join(f"2026-01-0{1 + i % 9}T10:00:00+0{i % 4}:00,{LABEL[i]}\n" for i in range(N)),
    "quoted newlines": "x,y\n" + "".join(f'"{i}\n,""z""",{LABEL[i]}\n' for i in range(N)),
    "Windows line ends and a BOM": "\ufeffx,y\r\n" + "".join(f"{i},{LABEL[i]}\r\n" for i in range(N)),
    "names with dots, quotes and spaces": pl.DataFrame({' a."b" ': range(N), "a.b": range(N)}),
}


@pytest.mark.parametrize(
    ("values", "kind"), [(2**100, pl.Int128), (2**64 - N, pl.UInt64), (2**65, pl.UInt128)]
)
def test_integers_that_no_predictor_gets(tmp_path: Path, values: int, kind: Any) -> None:
    """If this fails, the data passes and the prediction breaks."""
    x = pl.Series([values + i for i in range(N)], dtype=kind)
    table = pl.DataFrame({"n": range(N), "x": x, "y": LABEL})
    found = folder(tmp_path / "feature", table).finding("type")
    assert (found.column, found.severity) == ("x", "error")
    assert "feature = false" in found.message
    beside = folder(tmp_path / "beside", table, columns={"x": {"feature": False}})
    assert beside.findings() == []
    key = folder(tmp_path / "key", table, key=["x"])
    assert key.findings() == []
    assert key.split().holdout_rows > 0


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_infinities(tmp_path: Path, form: str) -> None:
    """If this fails, a model is trained for hours on what no request can hold, and its probe breaks."""
    table = pl.DataFrame({"n": range(N), "x": [1.0, math.nan, math.inf, -math.inf] * (N // 4), "y": LABEL})
    content = table.write_csv() if form == "csv" else table
    found = folder(tmp_path / "feature", content).finding("infinite")
    assert (found.column, found.severity, found.count, found.share) == ("x", "error", N // 2, 0.5)
    assert found.examples == (["inf", "-inf"] if form == "csv" else ["Infinity", "-Infinity"])
    assert (found.line, "row 3" in found.message) == ((4, False) if form == "csv" else (None, True))
    beside = folder(tmp_path / "beside", content, columns={"x": {"feature": False, "max_null": 1}})
    assert beside.findings() == []
    assert beside.split().holdout_rows > 0
    file = next((tmp_path / "beside" / "data").iterdir())
    assert drift_of_files(tmp_path / "beside" / "profile", file).severity == "none"


def test_columns_called_like_what_is_counted(tmp_path: Path) -> None:
    """If this fails, a column called `row` ends in a traceback as soon as one of its values is wrong."""
    rows = "".join(f"{'' if n == 3 else n / 2},{n % 5},{n % 3},{n % 7},{LABEL[n]}\n" for n in range(N))
    columns = {"row": {"max_null": 0}, "rows": {}, "labels": {}, "0": {}}
    rules = [{"name": "small", "expect": '"0" < 6'}, {"name": "sum", "expect": '"rows" + "labels" < 7'}]
    data = folder(tmp_path, f"row,rows,labels,0,y\n{rows}", columns=columns, rules=rules, max_conflicts=0)
    found = {finding.rule: (finding.line, finding.count) for finding in data.validate().findings}
    assert found["nulls"] == (5, 1)
    assert found["row-rule"] == (8, 34)
    assert "label-conflicts" not in found


@pytest.mark.parametrize("content", ODD.values(), ids=list(ODD))
def test_whole_way(tmp_path: Path, content: Any) -> None:
    """If this fails, a table that somebody has ends in a traceback."""
    if isinstance(content, pl.DataFrame) and "y" not in content.columns:
        content = content.with_columns(y=pl.Series(LABEL)).with_row_index("n")
    data = folder(tmp_path, content)
    report = data.validate()
    assert report.rows == N
    assert not [found for found in report.findings if found.severity == "error"]
    split = data.split()
    assert split.train_rows + split.holdout_rows == N
    file = next((tmp_path / "data").iterdir())
    severity = drift_of_files(tmp_path / "profile", file).severity
    assert severity == "none", drift_of_files(tmp_path / "profile", file)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.parquet", b"PAR1 and not much more", r"t\.parquet: not readable as parquet"),
        ("t.parquet", b"", r"t\.parquet is empty"),
        ("t.arrow", b"", r"t\.arrow is empty"),
        ("t.arrow", b"ARROW1", r"t\.arrow: not readable as arrow"),
        ("t.jsonl", b'{"x": 1, "y": "a"}\n{"x": 2, "y"', r"t\.jsonl, line 2: no JSON at position 13"),
        ("t.jsonl", b'{"x": 1, "y": "a"}\n\n[1]\n', r"t\.jsonl, line 3: expected one JSON object"),
        (
            "t.jsonl",
            b'{"y": "a"}\n{"y": "\xe9"}\n',
            r"t\.jsonl, line 2: byte 0xe9 at position 8 is not UTF-8",
        ),
        ("t.jsonl", b'\xef\xbb\xbf{"y": "a"}\n', r"t\.jsonl, line 1: .* byte order mark"),
        ("t.jsonl", b"", r"t\.jsonl is empty"),
        ("t.csv", gzip.compress(b"x,y\n1,a\n"), r"t\.csv is compressed \(gzip\).*unpack it"),
        ("t.csv", LFS, r"t\.csv is a pointer of Git LFS; .*`git lfs pull`"),
        ("t.jsonl", LFS, r"t\.jsonl is a pointer of Git LFS"),
        ("t.parquet", LFS, r"t\.parquet is a pointer of Git LFS"),
        ("t.csv", b"PK\x03\x04" + bytes(60), r"t\.csv is a ZIP archive or an Excel workbook"),
        ("t.csv", b"PAR1" + bytes(60), r"t\.csv is Parquet"),
        ("t.csv", "x,y\n1,a\n".encode("utf-16-le"), r"t\.csv looks like UTF-16"),
        ("t.csv", "x,y\n1,a\n".encode("utf-32"), r"t\.csv is UTF-32"),
        ("t.csv", b"x,y\r1,a\r2,b\r", r"t\.csv, line 1: .*carriage return alone"),
        ("t.csv", b"x,y\n1,a\n2,b\rc\n3,a\n", r"t\.csv, line 3: .*carriage return alone"),
        ("t.csv", b"x,y\r\n1,a\r\n2,b\r3,a\r\n", r"t\.csv, line 3: .*carriage return alone"),
        ("t.csv", b'x,y\n1,"a\r"\n2,b\rc\n3,a\n', r"t\.csv, line 3: .*carriage return alone"),
        (
            "t.csv",
            b'x,y\n1,a\n"a\\"b",a\n"c\\"d",b\n',
            r"t\.csv, line 3: a quote is not closed, or not doubled",
        ),
        (
            "t.csv",
            b"x;y\n1,5;a\n",
            r"t\.csv, line 1: one column, 'x;y': its fields look separated by ';'\. Add the line separator =",
        ),
        ("t.csv", b"# made by hand\nx,y\n1,a\n", r"line 1 is '# made by hand': it must name the columns"),
        ("t.csv", b"sep=,\nx,y,z\n1,a,2\n", r"t\.csv, line 1: 'sep=,' is a word to Excel .*; remove it"),
        ("t.csv", b"1,1,a\n2,3,b\n", r"t\.csv, line 1: two columns are called '1'; is '1,1,a' a header"),
        ("t.csv", b"x,y,,\n1,a,,\n", r"t\.csv, line 1: two columns have no name"),
        ("t.csv.gz", gzip.compress(b"x,y\n1,a\n"), r"matches \.gz files; expected one of .*: unpack it"),
        ("t.tsv", b"x\ty\n1\ta\n", r't\.tsv, line 1: .* Add the line separator = "\\t" to '),
        ("t.txt", b"x,y\n1,a\n", r"matches \.txt files; .*: call it \.csv, and say in data\.separator"),
        ("t.parquet", b"x,y\n1,a\n" * 20, r"t\.parquet is a text; expected Parquet"),
        ("t.arrow", b"\xff\xff\xff\xff" + bytes(60), r"t\.arrow is an Arrow stream; expected an Arrow file"),
        ("t.jsonl", b'{"y": "a"}\n{"y": NaN}\n', r"t\.jsonl, line 2: NaN is no JSON; write null"),
        ("t.jsonl", b'{"y": 1}\n{"y": -1e400}\n', r"t\.jsonl, line 2: the number -1e400 is too large"),
        (
            "t.jsonl",
            b'{"y": 1}\n\n{"y": true}\n',
            r"t\.jsonl, line 3: 'y' is a boolean, in line 1 a number; a column has one type",
        ),
        (
            "t.jsonl",
            b'{"y": 1}\n{"y": {"z": 1}}\n',
            r"t\.jsonl, line 2: 'y' is an object, in line 1 a number",
        ),
    ],
)
def test_broken_files_of_every_format(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    """If this fails, half a download ends in a traceback."""
    data = folder(tmp_path, "x,y\n1,a\n", path=name)
    (tmp_path / "data" / "t.csv").unlink()
    (tmp_path / "data" / name).write_bytes(content)
    finding = data.finding("readable")
    with pytest.raises(DataError, match=said) as caught:
        data.split()
    assert str(caught.value) == finding.message
    assert "\n" not in finding.message


@pytest.mark.parametrize("wanted", ["decimal", "names"])
def test_arrow_files_that_polars_cannot_read(tmp_path: Path, wanted: str) -> None:
    """If this fails, a file that breaks a thread of Polars is taken for one without rows, and passes."""
    texts = pa.array(LABEL)
    numbers = pa.array([Decimal(n) for n in range(N)], pa.decimal256(60, 2))
    columns, names = ([numbers, texts], ["x", "y"]) if wanted == "decimal" else ([texts] * 3, ["x", "x", "y"])
    data = folder(tmp_path, "x,y\n1,a\n", path="t.arrow")
    feather.write_feather(pa.Table.from_arrays(columns, names=names), str(tmp_path / "data/t.arrow"))
    assert "t.arrow: not readable as arrow" in data.finding("readable").message
    with pytest.raises(DataError, match="not readable as arrow"):
        drift_of_files(tmp_path / "data/t.arrow", tmp_path / "data/t.arrow")


def test_the_line_after_blank_ones(tmp_path: Path) -> None:
    """If this fails, the line that is told in a file of JSON lines is another one."""
    data = folder(tmp_path, "x,y\n1,a\n", path="t.jsonl", columns={"x": {"max": 1}})
    (tmp_path / "data/t.jsonl").write_bytes(b'{"x": 1, "y": "a"}\r\n\r\n\n{"x": 2, "y": "b"}\n')
    assert data.finding("range").line == 4


def test_quotes_within_texts_that_join_no_lines(tmp_path: Path) -> None:
    """If this fails, inches and quoted newlines are refused for what others get wrong."""
    content = 'x,y\n"a\n""b""",a\n5" and 6",b\n"c, ""d""\n",a\n"",b\n'
    assert folder(tmp_path, content).validate().rows == 4


def test_rules_over_rows_say_where(tmp_path: Path) -> None:
    """If this fails, somebody searches a million lines for the row that breaks a rule."""
    data = folder(
        tmp_path,
        'id,x,y\n1,5,a\n2,"6\n",b\n3,7,a\n4,8,b\n',
        rules=[{"expect": "id < 3"}],
        references=[{"column": "id", "file": "known.csv", "to": "id"}],
        split={"time": "id", "max_shared": 1},
        holdout=0.5,
    )
    (tmp_path / "data/known.csv").write_text("id\n1\n2\n3\n")
    found = {finding.rule: finding for finding in data.validate().findings}
    assert [(found[rule].file, found[rule].line) for rule in ("row-rule", "reference")] == [
        ("t.csv", 5),
        ("t.csv", 6),
    ]
    assert "first in t.csv, line 5" in found["row-rule"].message
    if "time-overlap" in found:
        assert found["time-overlap"].file == "t.csv"


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow", "jsonl"])
@pytest.mark.parametrize("name", ["[t]", "t*", "what?"])
def test_names_of_files_are_no_patterns(tmp_path: Path, name: str, suffix: str) -> None:
    """If this fails, `loans [1].csv`, as browsers call a second download, has no rows, or cannot be read."""
    data = folder(tmp_path, "x,y\n1,a\n", path=f"{name}.{suffix}")
    (tmp_path / "data" / "t.csv").unlink()
    file = tmp_path / "data" / f"{name}.{suffix}"
    table = pl.DataFrame({"x": range(N), "y": LABEL})
    getattr(table, {"arrow": "write_ipc", "jsonl": "write_ndjson"}.get(suffix, f"write_{suffix}"))(file)
    assert data.validate().rows == N
    assert drift_of_files(file, file).current_rows == N
    assert initial_config(tmp_path, file, "y").findings == []


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([[number, None] for number in range(N)]),
        pl.Series([{"a": number} for number in range(N)]),
        pl.Series([bytes([255, number]) for number in range(N)]),
        pl.Series([timedelta(seconds=number) for number in range(N)]),
    ],
    ids=["list", "struct", "bytes", "duration"],
)
def test_types_that_predictors_lack(tmp_path: Path, values: pl.Series) -> None:
    """If this fails, a column of lists or bytes ends in a traceback, in whatever part it plays."""
    table = pl.DataFrame({"n": range(N), "x": values, "y": LABEL})
    feature = folder(tmp_path / "feature", table)
    assert feature.findings() == [("type", "x")]
    assert feature.split().holdout_rows > 0
    file = tmp_path / "feature" / "data" / "t.parquet"
    assert drift_of_files(file, file).severity == "none"
    declared = folder(tmp_path / "declared", table, columns={"x": {"type": "string"}})
    assert {rule for rule, _ in declared.findings()} == {"type"}
    assert folder(tmp_path / "key", table, key=["x"]).split().holdout_rows > 0
    label = folder(tmp_path / "label", table, label="x")
    assert ("type", "x") in label.findings()
    assert initial_config(tmp_path, file, "y").findings == []


BROKEN = 'id,x,y\n1,1.5,a\n2,"2.5",b\n3,"\n",a\n4,many,b\n5,-7,a\n'


@pytest.mark.parametrize(
    ("rule", "name", "line", "said"),
    [
        ({"type": "float", "max_null": 1}, "type", 4, "first in t.csv, line 4"),
        ({"type": "string", "pattern": "[0-9.]+"}, "pattern", 4, "first in t.csv, line 4"),
        ({"type": "string", "max_length": 3}, "length", 6, "first in t.csv, line 6"),
        ({"type": "float", "min": 0, "max_null": 1}, "range", 7, "first in t.csv, line 7"),
        ({"type": "string", "allowed": ["1.5", "2.5", "-7", "\n"]}, "allowed-values", 6, "t.csv, line 6"),
    ],
)
def test_the_first_wrong_value_has_file_line_and_column(
    tmp_path: Path, rule: dict[str, Any], name: str, line: int, said: str
) -> None:
    """If this fails, somebody searches a million lines for the one that is wrong."""
    found = folder(tmp_path, BROKEN, columns={"x": rule}).finding(name)
    assert (found.file, found.line, found.column) == ("t.csv", line, "x")
    assert said in found.message


def test_rows_of_parquet_and_of_a_second_file_are_found(tmp_path: Path) -> None:
    """If this fails, the place that is told is in another file."""
    data = folder(tmp_path, pl.DataFrame({"x": [1, 2, 3], "y": list("aba")}), path="*.parquet")
    wrong = pl.DataFrame({"x": [4, 50, 60], "y": list("bab")})
    wrong.write_parquet(tmp_path / "data" / "u.parquet")
    limited = folder(tmp_path, wrong.head(0), path="*.parquet", columns={"x": {"max": 9}})
    pl.DataFrame({"x": [1, 2, 3], "y": list("aba")}).write_parquet(tmp_path / "data" / "t.parquet")
    found = limited.finding("range")
    assert (found.file, found.line) == ("u.parquet", None)
    assert "2 of 6 rows) above 9, up to 60, first in u.parquet, row 2" in found.message
    assert data.rules.path == "*.parquet"


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        ([0, 1], pa.timestamp("us", "+05:30"), "'+05:30', which is no name of a zone"),
        ([Decimal(1), Decimal(2)], pa.decimal256(50, 2), "a type that cannot be read here"),
    ],
)
def test_types_that_are_not_read_are_said_in_plain_words(
    tmp_path: Path, name: str, values: list[Any], kind: pa.DataType, said: str
) -> None:
    """Times with an offset, as pandas writes them, ended in words about `Result::unwrap()`."""
    (tmp_path / "data").mkdir()
    table = pa.table({"x": pa.array(values, type=kind), "y": [0, 1]})
    write = parquet.write_table if name == "t.parquet" else feather.write_feather
    write(table, tmp_path / "data" / name)
    (found,) = DataFolder(tmp_path, {"path": name, "label": "y", "min_rows": 0}).validate().findings
    assert (found.rule, said in found.message) == ("readable", True), found.message
    assert "unwrap" not in found.message
