"""Tables in many files: in folders that hold columns, typed differently, or called alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ml_stages.adopt.initial import initial_config
from ml_stages.config.data import DataConfig
from ml_stages.data.files import data_files, table_files
from ml_stages.drift.files import drift_of_files
from ml_stages.errors import DataError
from tests.data.job import DataFolder

N = 60
LABEL = ["a", "b"] * (N // 2)
ROWS = pl.DataFrame({"x": range(N), "y": LABEL})


def write(root: Path, files: dict[str, pl.DataFrame], path: str, **config: Any) -> DataFolder:
    """A data folder with some files, in the formats that their names say."""
    for name, rows in files.items():
        file = root / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        kinds = {".arrow": "write_ipc", ".jsonl": "write_ndjson"}
        getattr(rows, kinds.get(file.suffix, f"write_{file.suffix[1:]}"))(file)
    return DataFolder(
        root,
        {"path": path, "label": "y", "min_rows": 0, "max_duplicates": 1.0, "max_label_information": 1}
        | config,
    )


def partitioned(root: Path, suffix: str, values: list[str], **config: Any) -> DataFolder:
    return write(root, {f"t/region={value}/part-0.{suffix}": ROWS for value in values}, "t", **config)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow", "jsonl"])
@pytest.mark.parametrize("above", ["", "lr=0.1"])
def test_columns_that_folders_hold(tmp_path: Path, suffix: str, above: str) -> None:
    """If this fails, a column of a partitioned table is lost, or a folder above it becomes one."""
    data = partitioned(tmp_path / above, suffix, ["a%20b", "__HIVE_DEFAULT_PARTITION__", "c"])
    assert data.validate().columns == ["x", "y", "region"]
    region = data.profile().column("region")
    assert region is not None
    assert region.distribution is not None
    assert region.distribution.values is not None
    assert region.distribution.values.counts == {"a b": N, "c": N}
    assert (region.type, region.nulls) == ("string", N)
    split = data.split()
    assert split.train_rows + split.holdout_rows == 3 * N
    folder = data.root / "data/t"
    assert drift_of_files(folder, folder).current_rows == 3 * N


@pytest.mark.parametrize(
    ("values", "kind", "told"),
    [
        (["1", "-2"], "int", (-2.0, 1.0)),
        (["007", "12"], "string", (None, None)),
        (["2024-01-31", "2024-02-01"], "date", (None, None)),
        (["2024-1-31", "2024-02-01"], "string", (None, None)),
        ([str(2**63), "1"], "string", (None, None)),
    ],
)
def test_types_of_columns_that_folders_hold(tmp_path: Path, values: list[str], kind: str, told: Any) -> None:
    """If this fails, the code 007 of a folder becomes 7."""
    for suffix in ("csv", "parquet"):
        data = partitioned(tmp_path / suffix, suffix, values)
        split = data.split(slices=["region"])
        assert split.train_rows + split.holdout_rows == len(values) * N
        assert set(data.labels()["region"].cast(pl.String)) == set(values)
        region = data.profile().column("region")
        assert region is not None
        assert (region.type, (region.min, region.max)) == (kind, told)
        if kind == "string":
            strict = {"region": {"type": "float"}}
            declared = (
                partitioned(tmp_path / suffix, suffix, values, columns=strict).profile().column("region")
            )
            assert declared is not None
            wrong = N * sum("-" in value for value in values)
            assert (declared.broken_type.count if declared.broken_type else 0) == wrong


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ["t/region=a/p.parquet", "t/p.parquet"],
            "region=a/p.parquet: the columns that its folders hold are region",
        ),
        (["t/region=a/p.parquet", "t/region=a/year=3/p.parquet"], "those of p.parquet are region"),
        (["t/region=x=y/p.parquet"], "the folder 'region=x=y' holds two equals signs"),
    ],
)
def test_folders_that_do_not_agree(tmp_path: Path, names: list[str], said: str) -> None:
    """If this fails, the rows of a stray file lack a column in silence, or the message is a riddle."""
    data = write(tmp_path, dict.fromkeys(names, ROWS), "t")
    assert said in data.finding("readable").message
    with pytest.raises(DataError, match="folder"):
        data.split()


def test_files_that_are_called_alike_are_told_apart(tmp_path: Path) -> None:
    """If this fails, `part-0.parquet, row 25` may be in any of a hundred folders."""
    files = {"t/region=a/p.parquet": ROWS, "t/region=b/p.parquet": ROWS.with_columns(pl.col("x") * 10)}
    found = write(tmp_path, files, "t", columns={"x": {"max": N}}).finding("range")
    assert (found.file, found.message.split(", first in ")[1]) == (
        "region=b/p.parquet",
        "region=b/p.parquet, row 8",
    )
    (tmp_path / "csv/data/t/b").mkdir(parents=True)
    (tmp_path / "csv/data/t/b/p.csv").write_text("x,y\n1,a\n2\n")
    broken = write(tmp_path / "csv", {"t/a/p.csv": ROWS}, "t").finding("readable").message
    assert broken.startswith("b/p.csv, line 3: has 1 field")


NULLS = pl.DataFrame({"x": pl.Series([None] * N), "y": LABEL})
FLOATS = ROWS.with_columns(x=pl.col("x") / 2)
TEXTS = ROWS.with_columns(x=pl.lit("u"))
UNTOLD = ROWS.drop("x")


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "jsonl"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("other", "kind", "nulls"),
    [
        (NULLS, "int", N),
        (FLOATS, "float", 0),
        (ROWS.cast({"x": pl.Int16}), "int", 0),
        (ROWS.select("y", "x"), "int", 0),
        (ROWS.head(0), "int", 0),
    ],
    ids=["all null", "floats", "narrower integers", "another order", "no rows"],
)
def test_files_that_are_typed_differently(
    tmp_path: Path,
    suffix: str,
    turned: bool,
    other: pl.DataFrame,
    kind: str,
    nulls: int,
) -> None:
    """If this fails, a month in which a column is empty ends in `data type mismatch`."""
    files = {f"a.{suffix}": ROWS, f"b.{suffix}": other}
    data = write(
        tmp_path, dict(zip(files, [*files.values()][:: -1 if turned else 1], strict=True)), f"*.{suffix}"
    )
    profile = data.profile()
    x = profile.column("x")
    assert x is not None
    assert (x.type, x.nulls, profile.rows) == (kind, nulls, N + other.height)
    values = [value for rows in (ROWS, other) for value in rows["x"].drop_nulls().to_list()]
    assert x.mean == pytest.approx(sum(values) / len(values))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (TEXTS, "b.{0}: the column 'x' holds String; a.{0} holds Int64"),
        (UNTOLD, "b.{0} has no column 'x', which a.{0} has"),
        (ROWS.with_columns(z=1), "a.{0} has no column 'z', which b.{0} has"),
    ],
)
@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_files_of_different_tables(tmp_path: Path, suffix: str, other: pl.DataFrame, said: str) -> None:
    """If this fails, nobody knows which of a hundred files is of another kind, and in which column."""
    data = write(tmp_path, {f"a.{suffix}": ROWS, f"b.{suffix}": other}, f"*.{suffix}")
    assert said.format(suffix) in data.finding("readable").message


def test_fields_that_some_files_of_json_lines_lack(tmp_path: Path) -> None:
    """If this fails, only the columns of the first file of JSON lines are read."""
    files = {"a.jsonl": UNTOLD, "b.jsonl": TEXTS, "c.jsonl": ROWS}
    data = write(tmp_path, files, "*.jsonl")
    (tmp_path / "data/d.jsonl").write_bytes(b"")
    x = data.profile().column("x")
    assert x is not None
    assert (x.type, x.nulls) == ("string", N)
    assert x.distribution is not None
    assert x.distribution.distinct == N + 1


@pytest.mark.parametrize("path", ["*.csv", ".", "**/*"])
def test_hidden_files_are_no_part_of_a_table(tmp_path: Path, path: str) -> None:
    """If this fails, data that was copied from a Mac cannot be read."""
    (tmp_path / "t.csv").write_text("x,y\n1,a\n2,b\n")
    (tmp_path / "._t.csv").write_bytes(b"\0\5\x16\7\0\2")
    assert [file.name for file in table_files(tmp_path, DataConfig(path=path, label="y"))] == ["t.csv"]
    hidden = table_files(tmp_path, DataConfig(path="._t.csv", label="y"))
    assert [file.name for file in hidden] == ["._t.csv"]
    assert 'path = "t.csv"' in initial_config(tmp_path, tmp_path, "y").text


@pytest.mark.parametrize("path", ["part-*.csv", "part-1.csv", "."])
def test_a_link_with_nothing_behind_it_is_no_missing_part(tmp_path: Path, path: str) -> None:
    """If this fails, an engine, which gets links without what is outside, trains on a part of the data."""
    data = write(tmp_path, {"part-0.csv": ROWS}, path)
    (data.root / "data/part-1.csv").symlink_to(tmp_path / "store/1.csv")
    with pytest.raises(DataError, match=r"part-1\.csv is a link to .*1\.csv, where nothing is"):
        table_files(data.root / "data", DataConfig(path=path, label="y"))
    (tmp_path / "store").mkdir()
    ROWS.write_csv(tmp_path / "store/1.csv")
    assert data.root / "data/part-1.csv" in table_files(data.root / "data", DataConfig(path=path, label="y"))


@pytest.mark.parametrize("path", ["all", "all/**/*.csv", "**/*.csv"])
def test_a_folder_that_is_a_link_is_not_left_out_in_silence(tmp_path: Path, path: str) -> None:
    """If this fails, a model trains and is judged on a part of the table, since no search goes into links."""
    (tmp_path / "data" / "all" / "2023").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data" / "all" / "2024").symlink_to(tmp_path / "elsewhere")
    for folder in ("2023", "2024"):
        (tmp_path / "data" / "all" / folder / "t.csv").write_text("x\n1\n")
    with pytest.raises(DataError, match="all/2024 is a link to a folder, whose files would not be read"):
        data_files(tmp_path / "data", DataConfig(path=path, label="y"))
    assert len(data_files(tmp_path / "data", DataConfig(path="all/*/*.csv", label="y"))) == 2


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow", "jsonl"])
def test_a_file_that_contradicts_its_folder_is_named(tmp_path: Path, suffix: str) -> None:
    """If this fails, the labels of a file are those of the folder that it was put into by mistake."""
    right = {f"t/year={year}/p.{suffix}": ROWS.with_columns(year=pl.lit(year)) for year in (2023, 2024)}
    assert write(tmp_path / "right", right, "t").validate().rows == 2 * N
    wrong = right | {f"t/year=2024/p.{suffix}": ROWS.with_columns(year=pl.lit(2022))}
    (finding,) = write(tmp_path / "wrong", wrong, "t").validate().findings
    assert finding.message == (
        f"year=2024/p.{suffix}: its folder says year = 2024, and its own column 'year' 2022; "
        "correct one of them, or leave the column out of the file"
    )
