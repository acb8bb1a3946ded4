"""Every number of the profile against a brute-force version."""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_stages.data import stream
from ml_stages.data.profile import ColumnProfile, Profile
from tests.data.job import folder

NUMBERS = st.none() | st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, -math.inf]) | st.floats(-1e6, 1e6)


def profile_of(content: bytes | str | pl.DataFrame, **config: Any) -> Profile:
    with tempfile.TemporaryDirectory() as root:
        return folder(Path(root), content, **config).profile()


def column_of(content: bytes | str | pl.DataFrame, name: str = "x", **config: Any) -> ColumnProfile:
    found = profile_of(content, **config).column(name)
    assert found is not None
    return found


def csv(values: list[Any], more: str = "y\n") -> str:
    """A column x of texts, beside a label."""
    return "x," + more + "".join(f"{'' if value is None else value},a\n" for value in values)


@given(st.lists(NUMBERS, max_size=30), st.sampled_from(["csv", "parquet"]))
@settings(max_examples=60, deadline=None)
def test_numbers_of_a_float_column(values: list[float | None], form: str) -> None:
    """If this fails, a range, null or NaN is missed, or drift is judged on wrong moments."""
    table = pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64), "y": ["a"] * len(values)})
    rule = {"type": "float", "min": -10, "max": 10}
    content = csv([value if value is None else repr(value) for value in values]) if form == "csv" else table
    found = column_of(content, columns={"x": rule})
    real = [value for value in values if value is not None and not math.isnan(value)]
    finite = [value for value in real if math.isfinite(value)]
    assert found.nulls == values.count(None)
    assert found.nan == len(values) - found.nulls - len(real)
    assert found.infinite == len(real) - len(finite)
    assert (found.min, found.max) == ((min(real), max(real)) if real else (None, None))
    assert found.mean == (pytest.approx(statistics.fmean(finite), abs=1e-6) if finite else None)
    assert found.std == (pytest.approx(statistics.stdev(finite), abs=1e-4) if len(finite) > 1 else None)
    assert (found.below.count if found.below else 0) == sum(value < -10 for value in real)
    assert (found.above.count if found.above else 0) == sum(value > 10 for value in real)


ROWS = st.lists(st.tuples(st.sampled_from(["a", "b", "", None]), st.sampled_from([1, 2, None])), max_size=25)


@given(ROWS, st.booleans())
@settings(max_examples=40, deadline=None)
def test_repeated_rows_keys_and_classes(rows: list[tuple[str | None, int | None]], parquet: bool) -> None:
    """If this fails, duplicates are missed or invented."""
    table = pl.DataFrame(rows, schema={"y": pl.String, "k": pl.Int64}, orient="row")
    if parquet:
        found = profile_of(table, key=["k"])
    else:
        table = table.with_columns(pl.col("y").replace("", None))
        found = profile_of(table.write_csv(), key=["k"])
    assert found.rows == len(rows)
    assert found.duplicates == len(rows) - len(set(table.rows()))
    assert found.key_duplicates == len(rows) - len(set(table["k"]))
    assert found.label_counts == Counter(table["y"].drop_nulls())


@pytest.mark.parametrize("repeated", [0, 40, 6_000])
@pytest.mark.parametrize("parquet", [False, True], ids=["csv", "parquet"])
def test_rows_are_told_apart_by_few_columns(repeated: int, parquet: bool) -> None:
    """If this fails, rows alike in the columns that tell most rows apart are called duplicates, or missed."""
    rows, random = 60_000, np.random.default_rng(repeated)
    table = pl.DataFrame({"y": random.choice(["a", "b"], rows), "x": random.normal(size=rows).round(12)})
    table = table.with_columns((pl.col("x") * 3).round(9).alias("z"), pl.lit("same").alias("s"))
    other = table.head(repeated).with_columns(y=pl.lit("another class"))  # alike in all but one column
    table = pl.concat([table, table.head(repeated), other])
    found = profile_of(table if parquet else table.write_csv())
    assert found.duplicates == repeated == table.height - table.n_unique()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "-2", "+3"], "int"),
        (["1", "2.5"], "float"),
        (["1e3", "nan", "-Infinity"], "float"),
        (["1", str(2**63)], "float"),
        ([str(2**63 - 1), str(-(2**63))], "int"),
        (["1", " 2"], "string"),
        (["1_000"], "string"),
        (["true", "False"], "bool"),
        (["1", "true"], "bool"),
        (["yes", "no"], "string"),
        (["0", "1"], "int"),
        (["2024-01-31", "1999-02-28"], "date"),
        (["2024-01-31", "1999-02-28T10:00"], "datetime"),
        (["2024-01-31 10:00:05.123456"], "datetime"),
        (["2024-01-31T10:00:00Z", "2024-01-31T10:00:00+05:30"], "datetime"),
        (["2024-01-31T10:00:00Z", "2024-01-31T10:00:00"], "string"),
        (["2024-02-30"], "string"),
        (["31/01/2024"], "string"),
        ([None, None], "string"),
        ([None, "7"], "int"),
    ],
)
def test_type_that_every_text_reads_as(texts: list[str | None], expected: str) -> None:
    """If this fails, a column gets a type that the predictor's frame does not read."""
    assert column_of(csv(texts)).type == expected


LARGE = 2**53 + 1


@pytest.mark.parametrize("form", ["csv", "parquet"])
@given(whole=st.lists(st.integers(-(2**63), 2**63 - 1) | st.sampled_from([LARGE, -LARGE]), min_size=1))
@settings(max_examples=25, deadline=None)
def test_whole_numbers_keep_all_digits(form: str, whole: list[int]) -> None:
    """If this fails, the least and greatest identifier of a report are ones that do not occur."""
    content = csv(whole) if form == "csv" else pl.DataFrame({"x": whole, "y": ["a"] * len(whole)})
    found = column_of(content)
    assert (found.min, found.max) == (min(whole), max(whole))
    again = ColumnProfile.model_validate_json(found.model_dump_json())
    assert (again.min, again.max) == (min(whole), max(whole))
    exact = {"type": "int", "min": min(whole), "max": max(whole)}
    held = column_of(content, columns={"x": exact})
    assert (held.below, held.above) == (None, None)
    if max(whole) - min(whole) > 1:
        narrow = {"type": "int", "min": min(whole) + 1, "max": max(whole) - 1}
        broken = column_of(content, columns={"x": narrow})
        counts = [side.count for side in (broken.below, broken.above) if side]
        assert counts == [whole.count(min(whole)), whole.count(max(whole))]


def test_times_with_an_offset_are_told() -> None:
    """If this fails, the frame shifts or refuses times with an offset."""
    assert column_of(csv(["2024-01-31T10:00:00Z"])).utc
    assert column_of(csv(["2024-01-31T10:00:00+01:00"]), columns={"x": {"type": "datetime"}}).utc
    assert not column_of(csv(["2024-01-31T10:00:00"])).utc


@pytest.mark.parametrize(
    ("first", "later", "expected"),
    [("1", "x", "string"), ("1", "1.5", "float"), (None, "7", "int"), (None, "word", "string")],
)
def test_a_late_row_changes_the_type(first: str | None, later: str, expected: str) -> None:
    """If this fails, a value after the first rows becomes null in silence."""
    found = column_of(csv([first] * 10_500 + [later]))
    assert (found.type, found.broken_type) == (expected, None)
    assert found.nulls == (10_500 if first is None else 0)


def test_a_column_that_begins_late_is_typed_by_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers from row 100,000 of a million on were texts: a later batch was taken for the first rows."""
    monkeypatch.setattr(stream, "_CELLS", 1)
    found = column_of(csv([None] * 12_000 + [*range(6_000)]))
    assert (found.type, found.nulls, found.max) == ("int", 12_000, 5_999)


def test_keys_stay_texts_where_a_late_row_changes_their_type() -> None:
    """Row 10,001 made numbers of the texts: `007` and `7` were one key, and classes `0` were called `0.0`."""
    late = csv([*range(10_500), "2.5", "7.0", "007"])
    assert profile_of(late, key=["x"]).key_duplicates == 0
    nulls_first = csv([None] * 10_500 + ["007", "7", "7"])
    assert column_of(nulls_first, columns={"x": {"unique": True}}).repeated == 1
    classes = profile_of(csv([0, 1] * 6_000 + ["0.5"]), label="x").label_counts
    assert classes == {"0": 6_000, "1": 6_000, "0.5": 1}


BROKEN = {
    "int": ("1", ["1.5", "x", str(2**63)]),
    "float": ("1.5", ["x", "1,5", " 1"]),
    "bool": ("true", ["yes", "2"]),
    "date": ("2024-01-01", ["2024-02-30", "2024-1-1", "2024-01-01T10:00"]),
    "datetime": ("2024-01-01 10:00", ["noon", "2024-01-01T10:00:00Z"]),
}


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_values_of_another_type_are_counted_and_shown(kind: str) -> None:
    """If this fails, text in a number column counts as null."""
    good, bad = BROKEN[kind]
    content = csv([good, *(f'"{value}"' for value in bad), None, good, bad[0] if "," not in bad[0] else good])
    found = column_of(content, columns={"x": {"type": kind}})
    assert found.broken_type is not None
    assert found.broken_type.examples == bad
    assert found.broken_type.count == len(bad) + 1
    assert found.nulls == 1


@pytest.mark.parametrize(
    ("values", "allowed", "wrong"),
    [
        (["a", "b", None], ["a"], ["b"]),
        (["1", "2", None], [1.0], [2]),
        (["1.5", "2"], [1.5], [2.0]),
        (["true", "false"], [True], [False]),
        (["01", "1"], [1, 2], []),
        (["2024-01-01", "2024-01-02"], ["2024-01-01"], ["2024-01-02"]),
    ],
)
def test_values_that_are_not_allowed(values: list[str | None], allowed: list[Any], wrong: list[Any]) -> None:
    """If this fails, an unknown category reaches training unseen."""
    for content in (csv(values), pl.read_csv(csv(values).encode(), try_parse_dates=True)):
        found = column_of(content, columns={"x": {"allowed": allowed}})
        texts = [str(value).lower() for value in wrong]
        assert [
            str(value).lower() for value in (found.not_allowed.examples if found.not_allowed else [])
        ] in (
            texts,
            [text.removesuffix(".0") for text in texts],
        )


def test_null_texts_are_nulls() -> None:
    """If this fails, a column of numbers with NA becomes text."""
    found = column_of(csv(["NA", "1", "-", ""]), null_values=["NA", "-"])
    assert (found.type, found.nulls) == ("int", 3)


def test_sensitive_values_are_masked() -> None:
    """If this fails, personal data is printed in a public CI log."""
    found = column_of(csv(["secret", "1"]), columns={"x": {"type": "int", "sensitive": True}})
    assert found.broken_type is not None
    assert found.broken_type.examples == ["(masked)"]


def test_other_types_of_parquet() -> None:
    """If this fails, a Parquet type ends in a traceback, or in a frame that cannot be built."""
    table = pl.DataFrame(
        {
            "decimal": [Decimal("1.50"), None],
            "category": pl.Series(["a", "b"], dtype=pl.Categorical),
            "time": pl.Series([0, 1], dtype=pl.Datetime("ms", "Europe/Berlin")),
            "small": pl.Series([1, 2], dtype=pl.UInt8),
            "nothing": [None, None],
            "list": [[1], [2]],
            "bytes": [b"a", b"b"],
            "wait": pl.Series([1, 2], dtype=pl.Duration),
            "y": ["a", "b"],
        }
    )
    profile = profile_of(table)
    assert profile.duplicates == 0
    kinds = {column.name: column.type for column in profile.columns if not column.unsupported}
    assert kinds == {
        "decimal": "float",
        "category": "string",
        "time": "datetime",
        "small": "int",
        "nothing": "string",
        "y": "string",
    }
    assert (profile.columns[0].mean, profile.columns[0].nulls) == (1.5, 1)


def test_declared_types_against_those_of_parquet() -> None:
    """If this fails, integers with a null (floats, as pandas writes them) are refused, or others pass."""
    table = pl.DataFrame(
        {"x": [1.0, None, math.nan], "z": [1.5, 2.0, math.inf], "s": [1, 2, 3], "y": ["a"] * 3}
    )
    kinds = {"x": "int", "z": "int", "s": "string"}
    profile = profile_of(table, columns={name: {"type": kind} for name, kind in kinds.items()})
    x, z, s, _ = profile.columns
    assert x.broken_type is None
    assert z.broken_type is not None
    assert z.broken_type.count == 2
    assert s.broken_type is not None
    assert s.broken_type.count == 3


def test_two_thousand_columns() -> None:
    """If this fails, a wide table takes minutes."""
    table = pl.DataFrame({f"c{i}": [float(i), None, 2.0] for i in range(2_000)} | {"y": ["a", "b", "a"]})
    profile = profile_of(table.write_csv())
    assert len(profile.columns) == 2_001
    assert profile.columns[7].nulls == 1


def test_bom_is_no_part_of_a_name() -> None:
    """If this fails, the first column of a file saved by a spreadsheet program is missing."""
    assert column_of("\ufeffx,y\n1,a\n").type == "int"


def test_unhashable_columns_still_count_duplicates() -> None:
    """If this fails, a table with lists cannot be validated at all."""
    table = pl.DataFrame({"list": [[1], [1], [2]], "bytes": [b"a", b"a", b"a"], "y": ["a", "a", "a"]})
    assert profile_of(table).duplicates == 1


def test_two_thousand_columns_take_no_longer_than_their_values() -> None:
    """If this fails, a wide table takes minutes: something asks the whole table once a column."""
    wide = pl.DataFrame({f"c{i}": [row * i % 97 / 3 for row in range(200)] for i in range(2_000)})
    content = wide.with_columns(y=pl.lit("a")).write_csv()
    started = time.process_time()
    profile = profile_of(content)
    assert time.process_time() - started < 15
    assert {column.type for column in profile.columns[1:-1]} == {"float"}


@pytest.mark.parametrize("key", [[], ["n"], ["f", "s"]])
def test_columns_side_by_side_give_the_same_profile(tmp_path: Path, key: list[str]) -> None:
    """If this fails, what is said of a file differs from run to run, or rows that repeat are missed."""
    rng = np.random.default_rng(3)
    drawn = pl.DataFrame(
        {
            "n": rng.integers(0, 50, 5_000),
            "f": rng.normal(size=5_000),
            "s": pl.Series(rng.integers(0, 30, 5_000)).cast(pl.String),
            "y": pl.Series(rng.integers(0, 2, 5_000)).cast(pl.String),
        }
    )
    twice = pl.DataFrame({"n": [1, 1], "f": [0.5, 0.5], "s": ["x", "x"], "y": ["0", "0"]})
    columns = {"s": {"allowed": [str(n) for n in range(29)]}, "n": {"max": 40, "unique": True}}
    data = folder(tmp_path, drawn.vstack(twice), columns=columns, key=key)
    with mock.patch.multiple("ml_stages.data.stream", _CELLS=2_800, _LEAST_ROWS=1):  # 700 rows a batch
        beside = data.profile()
        for parts in (1, 3, 9):
            with mock.patch("ml_stages.data.stream._PARTS", parts):
                assert data.profile() == beside
    assert beside.duplicates == 1
    assert beside.key_duplicates == {0: 0, 1: 4_952, 2: 1}[len(key)]
