"""Findings that the value alone does not show: which rows, and where the first of them stands."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.data.job import folder

ROWS = 60


def _table(**columns: list[Any]) -> pl.DataFrame:
    rest = {"id": range(ROWS), "x": [i % 7 for i in range(ROWS)], "y": ["a", "b"] * 30}
    return pl.DataFrame(rest | columns)


def _as_csv(example: Any) -> Any:
    """CSV holds texts, and they are shown as they stand there."""
    return (
        {name: str(value) for name, value in example.items()} if isinstance(example, dict) else str(example)
    )


def _with(values: list[Any], *changes: tuple[int, Any]) -> list[Any]:
    return [dict(changes).get(place, value) for place, value in enumerate(values)]


NUMBERS = [float(i % 7) for i in range(ROWS)]
CASES: dict[str, tuple[pl.DataFrame, dict[str, Any], int, list[Any]]] = {
    # the table, its rules, the first row from 0, and the examples
    "nulls": (
        _table(x=_with(NUMBERS, (7, None), (9, None))),
        {"key": ["id"], "columns": {"x": {"max_null": 0}}},
        7,
        [7, 9],
    ),
    "unique": (_table(id=_with(list(range(ROWS)), (5, 3), (8, 3))), {"key": ["id"]}, 5, [3]),
    "order": (
        _table(t=_with(list(range(ROWS)), (11, 4))),
        {"columns": {"t": {"order": "ascending"}}},
        11,
        [4],
    ),
    "outliers": (
        _table(x=_with(NUMBERS, (20, 1e6), (30, -1e6))),
        {"columns": {"x": {"max_outliers": 0.01}}},
        20,
        [1e6, -1e6],
    ),
    "duplicates": (
        _table(id=_with(list(range(ROWS)), (9, 2)), x=_with(NUMBERS, (9, 2.0)), y=["a", "b", *"a" * 58]),
        {"max_duplicates": 0.0},
        9,
        [{"id": 2, "x": 2.0, "y": "a"}],
    ),
    "label-conflicts": (
        _table(id=list(range(ROWS)), x=_with(list(range(ROWS)), (40, 0)), y=_with(["a"] * ROWS, (40, "b"))),
        {"key": ["id"], "max_conflicts": 0.0},
        0,
        [{"id": 0, "x": 0, "y": "a"}, {"id": 40, "x": 0, "y": "b"}],
    ),
}


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("rule", CASES)
def test_rows_that_show_what_is_wrong(tmp_path: Path, rule: str, form: str) -> None:
    """If this fails, somebody searches ten million rows for the one that is meant."""
    table, rules, first, examples = CASES[rule]
    found = folder(tmp_path, table if form == "parquet" else table.write_csv(), **rules).finding(rule)
    assert found.examples == (examples if form == "parquet" else [_as_csv(example) for example in examples])
    assert found.file == f"t.{form}"
    assert found.line == (first + 2 if form == "csv" else None)
    where = f"line {first + 2}" if form == "csv" else f"row {first + 1}"
    assert found.message.endswith(f", first in t.{form}, {where}")
    assert found.share is not None or rule == "order"


def test_nulls_of_a_unique_column_are_no_example(tmp_path: Path) -> None:
    """If this fails, a missing value is shown as the one that repeats."""
    codes = _with(list(range(ROWS)), (1, None), (2, None), (9, 7))
    data = folder(tmp_path, _table(code=codes), columns={"code": {"unique": True, "max_null": 1}})
    assert data.finding("unique").examples == [7]
    assert data.finding("unique").message.endswith("row 10")


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_missing_numbers_of_a_unique_column_do_not_repeat(tmp_path: Path, form: str) -> None:
    """If this fails, a table with gaps is refused, or a gap stands for the value that does repeat."""
    nan = float("nan")
    table = _table(
        code=_with([n / 4 for n in range(ROWS)], (1, nan), (2, nan), (3, None), (4, None), (5, nan))
    )
    text = table.write_csv().replace("NaN", "nan", 1)  # two ways to write it, neither a word for null here
    rules: dict[str, Any] = {"columns": {"code": {"type": "float", "unique": True, "max_null": 1}}}
    data = folder(tmp_path, table if form == "parquet" else text, null_values=["NULL"], **rules)
    assert "unique" not in [rule for rule, _ in data.findings()]
    repeated = table.with_columns(code=pl.Series(_with(table["code"].to_list(), (9, 1.75), (11, 1.75))))
    text = repeated.write_csv().replace("NaN", "nan", 1)
    data = folder(tmp_path, repeated if form == "parquet" else text, null_values=["NULL"], **rules)
    expected = int(repeated["code"].to_pandas().dropna().duplicated().sum())
    found = data.finding("unique")
    assert (found.count, found.examples) == (expected, ["1.75"] if form == "csv" else [1.75])
    assert found.message.endswith("line 11" if form == "csv" else "row 10")


def test_sensitive_values_are_masked_in_rows(tmp_path: Path) -> None:
    """If this fails, a report shows whose row it was."""
    table, rules, _, _ = CASES["duplicates"]
    data = folder(tmp_path, table, columns={"x": {"sensitive": True}}, **rules)
    assert data.finding("duplicates").examples == [{"id": 2, "x": "(masked)", "y": "a"}]


@pytest.mark.parametrize(
    ("rows", "rules", "count", "line"),
    [
        (["2024-01-01", "2024-01-01T00:00:00", "2024-01-02", "2024-01-02"], {"type": "datetime"}, 1, 5),
        (["7", "007", "8", "8"], {"min_slice": 1}, 1, 5),
        (["7", "7.0", "x", "y", "x"], {"type": "float"}, 2, 3),
    ],
)
def test_a_row_that_does_not_count_is_no_example(
    tmp_path: Path, rows: list[str], rules: dict[str, Any], count: int, line: int
) -> None:
    """Where a text counts as it stands, a row was shown as the repeat of one that means the same."""
    content = "x,y\n" + "".join(f"{x},a\n" for x in rows)
    found = folder(tmp_path, content, max_duplicates=0.0, columns={"x": rules}).finding("duplicates")
    assert (found.count, found.line) == (count, line)


def test_rows_of_a_wide_table_stay_short(tmp_path: Path) -> None:
    """If this fails, one finding fills the report of a table of two thousand columns."""
    wide = pl.DataFrame({f"c{i}": [1] * 10 for i in range(40)} | {"y": ["a", "b"] * 5})
    (example, *_) = folder(tmp_path, wide, max_duplicates=0.0).finding("duplicates").examples
    assert len(example) == 6


def test_lists_repeat_like_other_values(tmp_path: Path) -> None:
    """If this fails, a repeated row with a list in it ends in a traceback."""
    table = _table(x=[[i, i] for i in range(ROWS)], id=list(range(ROWS)))
    data = folder(tmp_path, pl.concat([table, table.tail(1)]), max_duplicates=0.0)
    assert data.finding("duplicates").examples == [{"id": 59, "x": "[59, 59]", "y": "b"}]


FAR = st.none() | st.sampled_from([math.nan, math.inf, -math.inf]) | st.integers(-12, 12).map(float)


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), max_size=12), st.lists(FAR, max_size=6))
@example([0.0, 1.0, 1.0, 1.0], [4.0, -3.0, math.nan])
@settings(max_examples=60, deadline=None)
def test_outliers_by_hand(near: list[float], far: list[float | None]) -> None:
    """If this fails, numbers at the limit, NaN or infinities beside infinite limits are called outliers."""
    values = [*far, *near]
    there = [value for value in values if value is not None and not math.isnan(value)]
    low, high = np.quantile(there, [0.25, 0.75], method="inverted_cdf") if there else (0.0, 0.0)
    bottom, top = low - 3 * (high - low), high + 3 * (high - low)
    wrong = [n for n, value in enumerate(values) if value in there and not bottom <= value <= top]
    wrong = wrong if top > bottom else []
    table = pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64), "y": ["a"] * len(values)})
    with tempfile.TemporaryDirectory() as root:
        data = folder(Path(root), table, columns={"x": {"max_outliers": 0, "max_null": 1}})
        found = [finding for finding in data.validate().findings if finding.rule == "outliers"]
    assert [finding.share for finding in found] == (
        [pytest.approx(len(wrong) / len(there), abs=1e-6)] if wrong else []
    )
    assert [finding.message.rpartition(" ")[2] for finding in found] == [str(n + 1) for n in wrong[:1]]
