"""The frame that a predictor is given is the same from a file as from a request."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_stages.data.frame import FrameError, frame_from_columns, read_features


def schema(*, nulls: tuple[str, ...] = (), **columns: dict[str, Any]) -> dict[str, Any]:
    features = [{"name": name, "nullable": True, **column} for name, column in columns.items()]
    return {"features": features, "null_values": list(nulls)}


def column(kind: str, values: list[Any], *, nullable: bool = True, **more: Any) -> pd.Series[Any]:
    return frame_from_columns({"x": values}, schema(x={"type": kind, "nullable": nullable, **more}))["x"]


TEXTS = {
    "int": st.integers(-(2**63), 2**63 - 1).map(str),
    "float": st.floats(allow_nan=False).map(repr),
    "bool": st.sampled_from(["true", "False", "TRUE", "1", "0"]),
    "string": st.text(),
    "date": st.dates().map(str),
    "datetime": st.datetimes(min_value=dt.datetime(1700, 1, 1), max_value=dt.datetime(2200, 1, 1)).map(str),  # noqa: DTZ001
}


@given(data=st.data(), kind=st.sampled_from(sorted(TEXTS)), nullable=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_row_alone_looks_as_among_others(data: st.DataObject, kind: str, nullable: bool) -> None:
    """If this fails, the server hands the model another type or value than the offline prediction did."""
    if kind == "date":
        texts = st.dates(min_value=dt.date(1700, 1, 1), max_value=dt.date(2200, 1, 1)).map(str)
    else:
        texts = TEXTS[kind]
    values = data.draw(st.lists(st.none() | texts if nullable else texts, min_size=1, max_size=20))
    together = column(kind, values, nullable=nullable)
    alone = [column(kind, [value], nullable=nullable) for value in values]
    assert {one.dtype for one in alone} == {together.dtype}
    pd.testing.assert_series_equal(pd.concat(alone, ignore_index=True), together, check_freq=False)


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.lists(st.floats()))
@settings(max_examples=50, deadline=None)
def test_texts_and_numbers_mean_the_same(whole: list[int], real: list[float]) -> None:
    """If this fails, a CSV file and a JSON request with the same numbers get different answers."""
    assert column("int", whole, nullable=False).tolist() == whole
    assert column("int", [str(number) for number in whole], nullable=False).tolist() == whole
    numbers = column("float", real)
    pd.testing.assert_series_equal(numbers, column("float", [repr(number) for number in real]))
    pd.testing.assert_series_equal(numbers, pd.Series(real, dtype="float64", name="x"))


@pytest.mark.parametrize("rows", [1, 100])
@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        ("int", "1.5"),
        ("int", 1.5),
        ("int", True),
        ("int", "1_000"),
        ("int", " 1"),
        ("int", str(2**63)),
        ("int", -(2**63) - 1),
        ("float", "1,5"),
        ("float", "1_0"),
        ("float", "٣"),
        ("float", True),
        ("bool", "yes"),
        ("bool", 2),
        ("string", 5),
        ("date", "31.12.2024"),
        ("date", "2024-02-30"),
        ("datetime", "2024-01-01T25:00"),
        ("datetime", 20240101),
        ("datetime", "2024-01-01T00:00:00Z"),
        ("datetime", "yesterday"),
    ],
)
def test_a_value_that_does_not_fit_is_named(kind: str, bad: Any, rows: int) -> None:
    """If this fails, a wrong request gets a traceback, or an answer for another value than was sent."""
    with pytest.raises(FrameError, match=r"column 'x' expects") as caught:
        column(kind, [*[None] * (rows - 1), bad])
    assert (caught.value.column, caught.value.row) == ("x", rows - 1)


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NaT])
@pytest.mark.parametrize("kind", sorted(TEXTS))
def test_nulls_only_where_they_may_occur(kind: str, missing: Any) -> None:
    """If this fails, a null reaches a model that never saw one."""
    assert column(kind, [missing]).isna().tolist() == [True]
    with pytest.raises(FrameError, match="must not be null") as caught:
        column(kind, [missing], nullable=False)
    assert caught.value.row == 0


def test_nan_as_text_is_null() -> None:
    """If this fails, a NaN gets into a column that must not be null by spelling it out."""
    assert column("float", ["nan", "1"]).isna().tolist() == [True, False]
    with pytest.raises(FrameError, match="must not be null"):
        column("float", ["NaN"], nullable=False)


def test_missing_column_is_named() -> None:
    """If this fails, a request without a column gets a KeyError."""
    with pytest.raises(FrameError, match="column 'x' is missing"):
        frame_from_columns({}, schema(x={"type": "int"}))


def test_times_with_an_offset_are_one_moment() -> None:
    """If this fails, the same moment reaches the model as different hours, by who sent it."""
    moments = ["2024-06-01T12:00:00+02:00", "2024-06-01T10:00:00Z", "2024-06-01 10:00"]
    times = column("datetime", moments, utc=True)
    assert times.dtype == "datetime64[us, UTC]"
    assert len(set(times)) == 1


def test_no_rows_keep_their_types() -> None:
    """If this fails, an empty request or file gives columns of another type."""
    for kind in TEXTS:
        assert column(kind, []).dtype == column(kind, [None]).dtype


CSV = """\
n,x,flag,text,day,when
1,0.5,true,hello,2024-01-31,2024-01-31T12:00:00.5
,,,,,
-7,inf,0,"a, ""b""
c",1999-12-31,1999-12-31 00:00
NA,nan,False,NA,NA,NA
"""
CSV_SCHEMA = schema(
    nulls=("NA",),
    n={"type": "int"},
    x={"type": "float"},
    flag={"type": "bool"},
    text={"type": "string"},
    day={"type": "date"},
    when={"type": "datetime"},
)


def test_csv_and_request_give_the_same_frame(tmp_path: Path) -> None:
    """If this fails, offline predictions and the server's differ on the same rows."""
    file = tmp_path / "features.csv"
    file.write_text("\ufeff" + CSV, encoding="utf-8")
    frame = read_features(file, CSV_SCHEMA)
    columns: dict[str, list[Any]] = {
        "n": [1, None, -7, None],
        "x": [0.5, None, float("inf"), None],
        "flag": [True, None, False, False],
        "text": ["hello", None, 'a, "b"\nc', None],
        "day": ["2024-01-31", None, "1999-12-31", None],
        "when": ["2024-01-31 12:00:00.500", None, "1999-12-31", None],
    }
    pd.testing.assert_frame_equal(frame, frame_from_columns(columns, CSV_SCHEMA))
    assert frame["n"].dtype == "float64"
    assert str(frame["when"].dtype) == "datetime64[us]"


def test_parquet_gives_the_same_frame_as_csv(tmp_path: Path) -> None:
    """If this fails, the format of the file changes what the model is given."""
    (tmp_path / "features.csv").write_text(CSV, encoding="utf-8")
    frame = read_features(tmp_path / "features.csv", CSV_SCHEMA)
    frame.astype({"flag": "boolean"}).to_parquet(tmp_path / "features.parquet")
    pd.testing.assert_frame_equal(read_features(tmp_path / "features.parquet", CSV_SCHEMA), frame)


def test_parquet_keeps_whole_numbers_exact(tmp_path: Path) -> None:
    """If this fails, large identifiers lose their last digits on the way to the model."""
    file = tmp_path / "features.parquet"
    pd.DataFrame({"n": [2**62 + 1, 2**53 + 1]}).to_parquet(file)
    assert read_features(file, schema(n={"type": "int", "nullable": False}))["n"].tolist() == [
        2**62 + 1,
        2**53 + 1,
    ]


@pytest.mark.parametrize("values", [[1.5, None], [float("inf"), 1.0], [1e19, None]])
def test_parquet_with_other_numbers_than_the_schema_says(tmp_path: Path, values: list[float | None]) -> None:
    """If this fails, the baseline's integers are truncated from the candidate's fractions in silence."""
    file = tmp_path / "features.parquet"
    pd.DataFrame({"n": values}).to_parquet(file)
    with pytest.raises(FrameError, match="column 'n' expects int"):
        read_features(file, schema(n={"type": "int"}))


def test_one_column_of_nulls_keeps_its_rows(tmp_path: Path) -> None:
    """If this fails, predictions move by a row against their keys."""
    (tmp_path / "features.csv").write_text("x\n1\n\n2\n\n", encoding="utf-8")
    frame = read_features(tmp_path / "features.csv", schema(x={"type": "int"}))
    assert frame["x"].isna().tolist() == [False, True, False, True]


def test_a_million_values_take_about_a_second() -> None:
    """If this fails, the offline prediction of a large holdout waits minutes for its frame."""
    values = {
        "n": [str(number) for number in range(200_000)],
        "x": [repr(number / 7) for number in range(200_000)],
        "text": [f"text {number}" for number in range(200_000)],
        "flag": ["true", "false"] * 100_000,
        "when": ["2024-01-01", "2024-01-02"] * 100_000,
    }
    start = time.process_time()
    frame_from_columns(values, CSV_SCHEMA | {"features": CSV_SCHEMA["features"][:4]})
    assert time.process_time() - start < 5


def test_one_row_is_quick() -> None:
    """If this fails, building the frame dominates the server's latency."""
    row: dict[str, list[Any]] = {"n": ["1"], "x": [0.5], "flag": [True], "text": ["hello"]}
    one = CSV_SCHEMA | {"features": CSV_SCHEMA["features"][:4]}
    times = []
    for _ in range(50):
        start = time.perf_counter()
        frame_from_columns(row, one)
        times.append(time.perf_counter() - start)
    assert sorted(times)[25] < 0.005
