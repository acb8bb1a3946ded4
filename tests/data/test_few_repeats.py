"""Columns nearly all of whose values differ: what their sample tells."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from ml_stages.config.data import DataConfig
from ml_stages.data.few_repeats import may_differ, nearly_all, none_twice
from ml_stages.data.measure import measure
from ml_stages.data.profile import ColumnProfile
from ml_stages.data.read import open_table


@pytest.mark.parametrize("repeats", [0, 1, 3, 20, 100])
def test_error_is_of_the_exact_poisson_limit(repeats: int) -> None:
    """If this fails, a stated error of different values is smaller than it is."""
    rows, sampled = 10_000_000, 131_072
    exact = stats.chi2.ppf(0.975, 2 * repeats + 2) / 2 * (rows / sampled) ** 2 / rows / 1.96
    count, error = nearly_all(rows, sampled, repeats)
    assert count == rows - repeats
    assert error == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("group", [2, 3, 50, 2_000])
@pytest.mark.parametrize("share", [0.0005, 0.003, 0.01])
def test_no_less_differs_than_is_stated(group: int, share: float) -> None:
    """If this fails, repeats that are spread (or lie close together) are missed more often than stated."""
    rows, sampled, random = 200_000, 20_000, np.random.default_rng(group)
    groups = max(1, int(share * rows / (group - 1)))
    values = np.arange(rows)
    values[: groups * group] = np.repeat(np.arange(groups), group)
    truth = len(np.unique(values))
    missed = 0
    for _ in range(400):
        drawn = np.sort(values[random.choice(rows, sampled, replace=False, shuffle=False)])
        count, error = nearly_all(rows, sampled, int(np.count_nonzero(drawn[1:] == drawn[:-1])))
        missed += abs(count - truth) > 1.96 * error * rows
    # 2.5 % are allowed, and three standard errors of 400 draws.
    assert missed / 400 <= 0.025 + 3 * (0.025 * 0.975 / 400) ** 0.5


@pytest.mark.parametrize("group", [2, 3, 50, 2_000])
def test_what_may_differ_is_never_denied(group: int) -> None:
    """If this fails, a key some of whose values repeat is compared as if it were a measurement."""
    rows, sampled, random = 100_000, 10_000, np.random.default_rng(group)
    groups = int(0.05 * rows / (group - 1))
    values = np.arange(rows)
    values[: groups * group] = np.repeat(np.arange(groups), group)
    assert len(np.unique(values)) >= 0.95 * rows
    for _ in range(200):
        drawn = np.unique(values[random.choice(rows, sampled, replace=False, shuffle=False)])
        assert may_differ(0.95, sampled, sampled - len(drawn))
    assert not may_differ(0.95, sampled, 700)
    assert not may_differ(math.inf, sampled, 0)


def test_all_rows_sampled_is_exact() -> None:
    """If this fails, the count of a small table comes with an error that it does not have."""
    assert nearly_all(500, 500, 7) == (493, 0.0)
    assert nearly_all(0, 0, 0) == (0, 0.0)


def test_few_values_and_repeats_are_noticed_at_once() -> None:
    """If this fails, a column of few values is taken for one in which all differ."""
    many = pl.Series(range(100_000), dtype=pl.Float64)
    assert _none_twice(many)
    assert not _none_twice(many[:20_000])  # too few of them to say so
    assert not _none_twice(pl.concat([many, many[:50_000]]))
    assert not any(_none_twice(pl.Series([one] * 100_000)) for one in range(200))


@pytest.mark.parametrize("missing", [None, math.nan])
def test_missing_values_do_not_count_as_repeats(missing: float | None) -> None:
    """If this fails, a column of measurements is looked at twice since some of them are missing."""
    many = pl.Series(range(100_000), dtype=pl.Float64)
    some = pl.select(pl.when(many % 10 != 0).then(many).otherwise(missing)).to_series()
    small = pl.Series([missing], dtype=pl.Float64).hash()[0]
    # So shifted, the hash of what is missing is the smallest.
    hashes = (some.hash() - small).to_numpy()
    assert none_twice(hashes, some)
    assert not none_twice(hashes, some.fill_null(-1.0).fill_nan(-1.0))


def _none_twice(values: pl.Series) -> bool:
    return none_twice(values.hash().to_numpy(), values)


def _column(folder: Path, table: pl.DataFrame, file: str) -> ColumnProfile:
    (table.write_csv if file.endswith(".csv") else table.write_parquet)(folder / file)
    config = DataConfig(path=file, label="")
    return next(c for c in measure(open_table(folder, config), config, "regression").columns if c.name == "x")


@pytest.mark.parametrize("file", ["table.parquet", "table.csv"])
@pytest.mark.parametrize("kind", ["float", "text", "time", "wide int"])
def test_column_without_repeats(tmp_path: Path, kind: str, file: str) -> None:
    """If this fails, a column in which every row differs is said to repeat values."""
    rows = 400_000
    x = {
        "float": pl.Series(np.random.default_rng(1).normal(size=rows)),
        "text": "v" + pl.Series(range(rows)).cast(pl.String),
        "time": pl.datetime_range(
            pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 1) + pl.duration(seconds=rows - 1), "1s", eager=True
        ),
        "wide int": pl.Series(range(rows)) * 1_000_003,
    }[kind]
    x = pl.select(pl.when(pl.Series(range(rows)) % 100 != 7).then(x)).to_series().alias("x")
    found = _column(tmp_path, x.to_frame().with_columns(y=pl.lit(1)), file).distribution
    assert found is not None
    assert found.distinct == x.n_unique() - 1
    assert 0 < found.distinct_error < 0.001


@pytest.mark.parametrize("file", ["table.parquet", "table.csv"])
@pytest.mark.parametrize("kind", ["float", "text"])
def test_repeats_that_begin_late_are_counted(tmp_path: Path, kind: str, file: str) -> None:
    """If this fails, a table that was appended to itself seems to have twice as many values as it has."""
    once = 600_000
    values = np.random.default_rng(2).normal(size=once)
    x = pl.Series("x", np.concatenate([values, values]))
    x = "v" + x.cast(pl.String) if kind == "text" else x
    found = _column(tmp_path, x.alias("x").to_frame().with_columns(y=pl.lit(1)), file).distribution
    assert found is not None
    assert found.distinct_error == pytest.approx(0.0156, abs=1e-4)
    assert abs(found.distinct / once - 1) < 4 * found.distinct_error


_NUMBERED = pl.Series(range(40_000))


@pytest.mark.parametrize(
    ("x", "different"),
    [
        pytest.param(2**60 + _NUMBERED * 100, 40_000, id="int"),
        pytest.param(2**60 + _NUMBERED.clip(upper_bound=39_989) * 100, 39_990, id="int with repeats"),
        pytest.param(_NUMBERED.cast(pl.UInt64) * 3 + 2**63, 40_000, id="uint"),
        pytest.param((_NUMBERED + 1_700_000_000_000_000_000).cast(pl.Datetime("ns")), 40_000, id="time"),
        pytest.param((str(2**60) + _NUMBERED.cast(pl.String)).cast(pl.Decimal(38, 2)), 40_000, id="decimal"),
    ],
)
def test_values_that_are_equal_as_floats_differ(tmp_path: Path, x: pl.Series, different: int) -> None:
    """If this fails, numbers of accounts or fine times are said to be a few hundred, without any error."""
    found = _column(tmp_path, x.alias("x").to_frame(), "table.parquet").distribution
    assert found is not None
    assert abs(found.distinct - different) <= 4 * found.distinct_error * different
