"""What is computed batch by batch is what the whole table gives, however it is cut."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_stages.data.fold import Distinct, Repeats, RowHashes, RowSample, are_among, chosen_rows
from ml_stages.data.known import Hashes
from ml_stages.data.marks import Whole
from ml_stages.data.moments import Merged, Moments, mean_of_large, numbers_of_batch
from tests.data.job import folder

numbers = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), max_size=40)
cuts = st.lists(st.integers(0, 40), max_size=5)


def _cut(values: list[float], at: list[int]) -> list[list[float]]:
    places = [0, *sorted(min(place, len(values)) for place in at), len(values)]
    return [values[start:end] for start, end in itertools.pairwise(places)]


@settings(max_examples=60, deadline=None)
@given(numbers, cuts)
def test_moments_do_not_depend_on_batches(values: list[float], at: list[int]) -> None:
    """If this fails, mean and deviation of a large file are wrong, and drift with them."""
    moments = Moments()
    for part in _cut(values, at):
        std = float(np.std(part, ddof=1)) if len(part) > 1 else None
        moments.add(len(part), float(np.mean(part)) if part else None, std)
    if values:
        assert moments.mean == pytest.approx(np.mean(values), rel=1e-9, abs=1e-6)
    if len(values) > 1:
        assert moments.std == pytest.approx(np.std(values, ddof=1), rel=1e-6, abs=1e-3)
    else:
        assert moments.std is None


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 20_000),
    st.sampled_from([0.0, 1.0, -3.0, 10.0, 1e4, 1e6]),
    st.sampled_from([1e-3, 1.0, 1e9]),
)
def test_the_deviation_of_a_batch_is_exact_wherever_its_mean_lies(
    rows: int, mean: float, spread: float
) -> None:
    """If this fails, the deviation of numbers far from zero is what is left after digits cancelled."""
    values = mean + spread * np.random.default_rng(rows).normal(size=rows)
    middle = math.fsum(values) / rows
    expected = math.sqrt(math.fsum((values - middle) ** 2) / (rows - 1))
    error = 1e-14 + 1e-15 * abs(mean) / spread
    assert numbers_of_batch(pl.Series(values))["std"] == pytest.approx(expected, rel=error, abs=0)


@pytest.mark.parametrize("values", [[1e300, -1e300, 1e300], [math.inf, 1.0], [math.nan, 1.0], [5e-324, 0.0]])
def test_deviations_beyond_what_squares_hold(values: list[float]) -> None:
    """If this fails, a warning of numpy ends the validation of a table of huge numbers."""
    expected = pl.Series(values).std()
    assert numbers_of_batch(pl.Series(values))["std"] == pytest.approx(expected, rel=0, abs=0, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(min_value=-1.79e308, max_value=1.79e308), min_size=1, max_size=9),
    st.integers(1, 5),
)
def test_the_mean_of_numbers_near_the_greatest_is_theirs(values: list[float], part: int) -> None:
    """If this fails, a few sentinels such as 1.7e308 make the mean of a column infinite."""
    expected = float(sum(map(Fraction, values)) / len(values))
    moments = Moments()
    for start in range(0, len(values), part):
        batch = pl.Series(values[start : start + part], dtype=pl.Float64)
        moments.add(len(batch), pl.select(mean_of_large(pl.lit(batch))).item(), None)
    most = max(map(abs, values))
    assert moments.mean == pytest.approx(expected, rel=0, abs=1e-14 * most)


def test_a_column_whose_sum_is_beyond_all_numbers_has_a_mean(tmp_path: Path) -> None:
    """If this fails, the report says that the mean of finite numbers is infinite."""
    numbers = [1.7e308, 1.6e308, -3e307, 1.5e308]
    for infinite in ([], [float("inf")]):
        table = pl.DataFrame({"x": numbers + infinite, "y": ["a"] * (4 + len(infinite))})
        column = folder(tmp_path, table).profile().column("x")
        assert column is not None
        assert column.mean == pytest.approx(1.125e308)
        assert (column.infinite, column.std) == (len(infinite), None)


@settings(max_examples=60, deadline=None)
@given(cuts, st.integers(1, 60))
def test_sample_does_not_depend_on_batches(at: list[int], size: int) -> None:
    """If this fails, the same data gives another profile on a machine with other row groups."""
    whole = pl.DataFrame({"x": range(50)})
    sample, expected = RowSample(size), RowSample(size)
    expected.add(whole)
    places = [0, *sorted(at), 50]
    for start, end in itertools.pairwise(places):
        sample.add(whole[start:end])
    assert sample.take().equals(expected.take())
    assert sample.take().height == min(size, 50)


@pytest.mark.parametrize("rows", [None, 200_000])
def test_sample_is_uniform(rows: int | None) -> None:
    """If this fails, quantiles come from the head or the tail of a file."""
    sample = RowSample(10_000, chosen=None if rows is None else lambda: chosen_rows(10_000, rows))
    for start in range(0, 200_000, 7_000):
        sample.add(pl.DataFrame({"x": range(start, min(start + 7_000, 200_000))}))
    chosen = sample.take()["x"].to_numpy()
    tenths = np.bincount(chosen // 20_000, minlength=10)
    assert len(chosen) == len(set(chosen.tolist())) == 10_000
    assert ((tenths - 1_000) ** 2 / 900).sum() < 27.9  # chi-squared, 9 degrees, one in a thousand


@pytest.mark.parametrize("rows", [10_001, 15_000, 100_000, 1_000_000])
def test_rows_chosen_beforehand_are_uniform(rows: int) -> None:
    """If this fails, a sample is too small, or prefers some rows of a table that is not much larger."""
    drawn = [chosen_rows(10_000, rows, seed) for seed in range(20)]
    assert all(len(chosen) == 10_000 and (np.diff(chosen) > 0).all() for chosen in drawn)
    expected = 20 * np.bincount(np.arange(rows) * 10 // rows) * (10_000 / rows)
    tenths = np.bincount(np.concatenate(drawn) * 10 // rows, minlength=10)
    spread = expected * max(1 - 10_000 / rows, 1e-3)
    assert ((tenths - expected) ** 2 / spread).sum() < 27.9  # chi-squared, 9 degrees, one in a thousand


@pytest.mark.parametrize("count", [0, 1, 3, 4_095, 4_096, 20_000, 300_000])
def test_distinct_values_within_the_stated_error(count: int) -> None:
    """If this fails, a column's number of different values is further off than the report says."""
    hashes = pl.Series(range(count), dtype=pl.Int64).hash(0).to_numpy()
    distinct = Distinct()
    for part in np.array_split(np.concatenate([hashes, hashes[::-1]]), 7):
        distinct.add(part)
    if count < 4_096:
        assert (distinct.count, distinct.error) == (count, 0.0)
    else:
        assert distinct.error == pytest.approx(0.0156, abs=1e-4)
        assert abs(distinct.count / count - 1) < 4 * distinct.error


def _combined(columns: list[Hashes]) -> Hashes:
    rows = RowHashes()
    for number, hashes in enumerate(columns):
        rows.add(number, hashes)
    return rows.total


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30), cuts)
def test_repeated_rows_like_brute_force(rows: list[tuple[int, int]], at: list[int]) -> None:
    """If this fails, duplicates are missed or invented."""
    table = pl.DataFrame(rows, schema={"a": pl.Int64, "b": pl.Int64}, orient="row")
    hashes = _combined([table[name].hash(0).to_numpy() for name in ("a", "b")])
    repeats = Repeats()
    places = [0, *sorted(min(place, len(rows)) for place in at), len(rows)]
    for start, end in itertools.pairwise(places):
        repeats.add(hashes[start:end])
    found, again = repeats.repeated()
    assert again == len(rows) - len(set(rows))
    assert len(found) == sum(rows.count(row) > 1 for row in set(rows))


@given(st.lists(st.integers(0, 6), max_size=8), cuts)
@settings(max_examples=60, deadline=None)
def test_values_that_ascend_do_not_repeat(values: list[int], at: list[int]) -> None:
    """If this fails, a repeated key is missed because the keys around it ascend."""
    series = pl.Series(values, dtype=pl.Int64)
    repeats = Repeats()
    places = [0, *sorted(min(place, len(values)) for place in at), len(values)]
    for start, end in itertools.pairwise(places):
        part = series[start:end]
        repeats.add(part.hash(0).to_numpy(), Whole.of(part, part.min(), part.max()))  # type: ignore[arg-type]
    assert repeats.repeated()[1] == len(values) - len(set(values))


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9), min_size=1))
def test_what_is_among_others(some: list[int], others: list[int]) -> None:
    """If this fails, a row that repeats another one is not even suspected."""
    found = are_among(np.array(some, dtype=np.uint64), np.array(sorted(others), dtype=np.uint64))
    assert found.tolist() == [one in others for one in some]


def test_columns_that_swap_values_are_different_rows() -> None:
    """If this fails, (1, 2) and (2, 1) count as duplicates."""
    left, right = (pl.Series(values, dtype=pl.Int64).hash(0).to_numpy() for values in ([1, 2, 5], [2, 1, 5]))
    assert len(set(_combined([left, right]).tolist())) == 3


def test_batches_are_put_together() -> None:
    """If this fails, a rule broken in the second half of a file is not counted."""
    merged = Merged()
    for rows, low, mean in ((2, 1.0, 2.0), (0, None, None), (2, -1.0, 4.0)):
        merged.add(
            {"rows": rows, "0.min": low, "0.max": low, "0.below": rows}
            | {"0.finite": rows, "0.mean": mean, "0.std": 0.0 if rows else None}
        )
    found = merged.found
    assert (found["rows"], found["0.min"], found["0.max"], found["0.below"]) == (4, -1.0, 1.0, 4)
    assert found["0.mean"] == 3.0
    assert found["0.std"] == pytest.approx(math.sqrt(4 / 3))
