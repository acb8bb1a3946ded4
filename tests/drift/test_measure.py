"""Drift: effect sizes and tests against scipy, and what is and is not an alarm."""

from __future__ import annotations

import math
from typing import Any
from unittest import mock

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from ml_stages.config.drift import DriftConfig, Limits, Severity
from ml_stages.data.distribution import Distribution, Numbers, Values
from ml_stages.data.profile import ColumnProfile, Profile
from ml_stages.data.sample import numbers_of, values_of
from ml_stages.drift.effects import (
    Cells,
    bins_of,
    cells_of,
    cramers_v,
    jensen_shannon,
    population_stability,
    wasserstein,
)
from ml_stages.drift.empirical import Steps
from ml_stages.drift.measure import drift
from ml_stages.drift.significance import (
    chi_squared,
    chi_squared_tail,
    kolmogorov_smirnov,
    only_in_current,
    two_shares,
)

samples = st.lists(st.integers(-20, 20).map(float), min_size=5, max_size=50)


def _numbers(values: Any) -> Numbers:
    found = numbers_of(np.sort(np.asarray(values, dtype=float)))
    assert found is not None
    return found


def _steps(values: Any) -> Steps:
    return Steps.of(_numbers(values))


def _values(texts: list[str]) -> Values:
    found = values_of(pl.Series(texts), sensitive=False)
    assert found is not None
    return found


def _column(name: str, values: pl.Series) -> ColumnProfile:
    there = values.drop_nulls()
    text = values.dtype == pl.String
    found = Distribution(
        distinct=there.n_unique(),
        distinct_error=0,
        numbers=None if text or there.is_empty() else _numbers(there.to_numpy()),
        values=_values(there.to_list()) if text and len(there) else None,
    )
    return ColumnProfile(
        name=name,
        type="string" if text else "float",
        nulls=values.null_count(),
        std=None if text or len(there) < 2 else float(there.std()),  # type: ignore[arg-type]
        distribution=found,
    )


def _profile(**columns: Any) -> Profile:
    series = [pl.Series(name, values) for name, values in columns.items()]
    rows = len(series[0])
    return Profile(rows=rows, columns=[_column(s.name, s) for s in series], duplicates=0, key_duplicates=0)


@settings(max_examples=60, deadline=None)
@given(samples, samples)
def test_kolmogorov_smirnov_like_scipy(before: list[float], after: list[float]) -> None:
    """If this fails, drift of numbers is proven where it is not, or the other way round."""
    statistic, p_value = kolmogorov_smirnov(_steps(before), _steps(after))
    expected = stats.ks_2samp(before, after, method="asymp")
    assert statistic == pytest.approx(expected.statistic)
    rows = len(before) * len(after) / (len(before) + len(after))
    limit = stats.kstwobign.sf(statistic * math.sqrt(rows))
    assert p_value == pytest.approx(limit, abs=1e-9)


def test_kolmogorov_smirnov_of_thinned_distributions_is_conservative() -> None:
    """If this fails, storing less than every value makes false alarms."""
    random = np.random.default_rng(1)
    before, after = random.normal(size=20_000), random.normal(0.02, size=30_000)
    statistic, p_value = kolmogorov_smirnov(_steps(before), _steps(after))
    exact = stats.ks_2samp(before, after)
    assert exact.statistic - 0.004 < statistic <= exact.statistic + 1e-7
    assert p_value >= exact.pvalue * 0.999


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(5, 90), st.integers(5, 90)), min_size=2, max_size=8))
def test_chi_squared_like_scipy(pairs: list[tuple[int, int]]) -> None:
    """If this fails, drift of categories is proven where it is not."""
    cells = Cells(tuple(float(a) for a, _ in pairs), tuple(float(b) for _, b in pairs))
    statistic, p_value = chi_squared(cells)
    expected = stats.chi2_contingency(np.array(pairs).T, correction=False)
    assert (statistic, p_value) == pytest.approx((expected.statistic, expected.pvalue), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 50), st.integers(50, 90), st.integers(0, 50), st.integers(50, 90))
def test_two_shares_like_scipy(had: int, rows: int, has: int, others: int) -> None:
    """If this fails, more missing values are noticed too early or too late."""
    table = [[had, rows - had], [has, others - has]]
    found = two_shares((had, rows), (has, others))
    if 0 in np.sum(table, axis=0):
        assert found == 1.0
    else:
        # scipy corrects by at most the difference itself, as Yates did not for differences below 1/2.
        assert found == pytest.approx(stats.chi2_contingency(table, correction=True).pvalue, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(samples, samples)
def test_wasserstein_like_scipy(before: list[float], after: list[float]) -> None:
    """If this fails, "moved by half a standard deviation" is not what happened."""
    found = wasserstein(_steps(before), _steps(after), 2.0)
    assert found == pytest.approx(stats.wasserstein_distance(before, after) / 2)
    assert wasserstein(_steps(before), _steps(after), 0.0) is None
    assert wasserstein(_steps([*before, math.inf]), _steps(after), 1.0) is None


def test_effects_of_large_samples_are_the_textbook_s() -> None:
    """If this fails, an effect size means something else than its name says."""
    p, q = np.array([0.2, 0.3, 0.5]), np.array([0.3, 0.3, 0.4])
    cells = Cells(tuple(p * 1e9), tuple(q * 1e9))
    assert population_stability(cells) == pytest.approx(float(((q - p) * np.log(q / p)).sum()), abs=1e-6)
    assert jensen_shannon(cells) == pytest.approx(jensenshannon(p, q, base=2), abs=1e-6)
    chi = stats.chi2_contingency(np.array([p, q]) * 1e6, correction=False).statistic
    assert cramers_v(cells) == pytest.approx(math.sqrt(chi / 2e6), abs=1e-6)


def test_effects_without_drift_are_zero_on_average_before_they_are_cut_off() -> None:
    """If this fails, small samples look as if they had drifted."""
    random = np.random.default_rng(2)
    index = [
        population_stability(
            Cells(tuple(random.multinomial(500, [0.1] * 10)), tuple(random.multinomial(800, [0.1] * 10)))
        )
        for _ in range(300)
    ]
    assert float(np.mean(index)) < 0.008
    assert max(index) < 0.1


def test_effect_does_not_depend_on_the_size_of_the_reference() -> None:
    """If this fails, a large reference hides drift (Cramér's V of unequal samples)."""
    small = Cells((500.0, 500.0), (600.0, 400.0))
    large = Cells((500_000.0, 500_000.0), (600.0, 400.0))
    assert cramers_v(large) == pytest.approx(cramers_v(small), rel=0.1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=20, max_size=200), st.integers(1, 3))
def test_pooled_cells_keep_every_row(texts: list[str], times: int) -> None:
    """If this fails, rows of rare categories are lost from the comparison."""
    cells = cells_of(_values(texts), _values(texts * times))
    assert cells.rows == (len(texts), len(texts) * times)
    assert all(was + now >= 5 for was, now in zip(cells.reference, cells.current, strict=True)) or (
        len(cells.reference) == 1
    )


@settings(max_examples=60, deadline=None)
@given(samples, samples)
def test_bins_keep_every_row(before: list[float], after: list[float]) -> None:
    """If this fails, the index of a column with few different values is wrong."""
    cells = bins_of(_numbers(before), _numbers(after))
    assert cells.rows == pytest.approx((len(before), len(after)))


def test_new_values_of_a_long_tail_are_no_alarm() -> None:
    """If this fails, every comparison of words or names cries wolf."""
    random = np.random.default_rng(3)
    zipf = 1 / np.arange(1, 1_501) ** 1.1
    shares = zipf / zipf.sum()
    alarms = 0
    for _ in range(100):
        before, after = (
            _values(random.choice(1_500, 1_000, p=shares).astype(str).tolist()) for _ in range(2)
        )
        assert set(after.counts) - set(before.counts)
        alarms += only_in_current(before, after) <= 0.05
    assert alarms <= 10


def test_new_value_of_some_mass_is_found() -> None:
    """If this fails, a new product or country goes unnoticed."""
    before, after = _profile(x=["a", "b"] * 500), _profile(x=["a", "b"] * 450 + ["c"] * 100)
    (column,) = drift(before, after).columns
    found = {difference.what: difference for difference in column.differences}
    assert found["new-values"].severity is Severity.MAJOR
    assert found["new-values"].size == pytest.approx(0.1)
    assert "1 value that the reference lacks, 10.00 % of its rows: 'c'" in column.message
    assert found["vanished-values"].severity is Severity.NONE


def test_the_same_data_has_not_drifted() -> None:
    """If this fails, a comparison with itself alarms."""
    profile = _profile(x=np.random.default_rng(4).normal(size=2_000), y=["a", "b"] * 1_000)
    report = drift(profile, profile)
    assert report.severity is Severity.NONE
    assert not list(report.findings())
    assert all(difference.p_value == 1 for column in report.columns for difference in column.differences)


def test_half_a_standard_deviation_is_found() -> None:
    """If this fails, a shift that costs accuracy is called none."""
    random = np.random.default_rng(5)
    for _ in range(20):
        tables = [{f"c{i}": random.normal(size=1_000) for i in range(20)} for _ in range(2)]
        tables[1]["c7"] = tables[1]["c7"] + 0.5
        report = drift(_profile(**tables[0]), _profile(**tables[1]))
        severities = {column.column: column.severity for column in report.columns}
        assert severities.pop("c7") in {Severity.MINOR, Severity.MAJOR}
        assert set(severities.values()) == {Severity.NONE}


def test_proven_trifle_is_no_drift() -> None:
    """If this fails, a large table alarms for a thousandth of a standard deviation."""
    values = np.random.default_rng(6).normal(size=100_000)
    (column,) = drift(_profile(x=values), _profile(x=values + 0.03)).columns
    (moved,) = [difference for difference in column.differences if difference.what == "distribution"]
    assert moved.adjusted_p_value < 0.001
    assert column.severity is Severity.NONE


def test_few_rows_are_inconclusive() -> None:
    """If this fails, a handful of rows passes as proof that nothing changed."""
    report = drift(_profile(x=list(map(float, range(50)))), _profile(x=[0.0] * 1_000))
    assert report.severity is Severity.INCONCLUSIVE
    assert report.columns[0].message == "50 rows are too few to tell, at least 100 needed"


@pytest.mark.parametrize(
    ("before", "after", "severity", "message"),
    [
        ({"x": [1.0] * 200}, {"y": [1.0] * 200}, Severity.MAJOR, "the column is gone"),
        ({"x": [1.0] * 200}, {"x": ["a"] * 200}, Severity.MAJOR, "the type is string, was float"),
        (
            {"x": [1.0] * 200},
            {"x": [1.0] * 150 + [None] * 50},
            Severity.MAJOR,
            "25.00 % missing, was 0.00 %",
        ),
    ],
)
def test_structural_changes(
    before: dict[str, Any], after: dict[str, Any], severity: Severity, message: str
) -> None:
    """If this fails, a column that is gone, of another type or half empty passes."""
    column = drift(_profile(**before), _profile(**after)).columns[0]
    assert (column.severity, column.message) == (severity, message)


def test_new_column_is_told() -> None:
    """If this fails, nobody learns that the data grew a column."""
    report = drift(_profile(x=[1.0] * 200), _profile(x=[1.0] * 200, y=[1.0] * 200))
    assert [(c.column, c.severity) for c in report.columns] == [("x", Severity.NONE), ("y", Severity.MINOR)]
    (finding,) = report.findings()
    assert (finding.severity, finding.message) == ("warning", "y: the column is new")


def test_limits_are_the_user_s() -> None:
    """If this fails, the configuration of drift does nothing."""
    random = np.random.default_rng(7)
    before, after = _profile(x=random.normal(size=1_000)), _profile(x=random.normal(0.5, size=1_000))
    easy = DriftConfig(psi=Limits(minor=1, major=2))
    assert drift(before, after, easy).severity is Severity.NONE
    assert drift(before, after, DriftConfig(ignore=["x"])).columns == []
    moved = drift(before, after, DriftConfig(numbers="wasserstein")).columns[0].differences[1]
    assert moved.size == pytest.approx(0.5, abs=0.15)


def test_profile_survives_its_file() -> None:
    """If this fails, the reference in the image cannot be compared with."""
    random = np.random.default_rng(8)
    before, after = _profile(x=random.normal(size=3_000)), _profile(x=random.normal(1, size=3_000))
    stored = Profile.model_validate_json(before.model_dump_json())
    assert drift(stored, after).columns[0].severity is Severity.MAJOR
    assert stored.model_dump_json() == before.model_dump_json()


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 5_000), st.integers(1, 300))
def test_the_tail_of_chi_squared_like_scipy(statistic: float, freedom: int) -> None:
    """If this fails, drift of texts is proven where it is not, or the other way round."""
    assert chi_squared_tail(statistic, freedom) == pytest.approx(
        float(stats.chi2.sf(statistic, freedom)), rel=1e-9, abs=1e-300
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-50, 50) | st.integers(-3, 3).map(float), min_size=1, max_size=60),
    st.lists(st.floats(-60, 60), min_size=1, max_size=30),
    st.integers(2, 40),
)
def test_many_points_like_one_by_one(sample: list[float], at: list[float], points: int) -> None:
    """If this fails, the quick way of comparing distributions is not the way they are defined."""
    with mock.patch("ml_stages.data.sample.POINTS", points):
        numbers = _numbers(sample)
    values = np.array([*at, *sample])
    steps = Steps.of(numbers)
    assert steps.shares_up_to(values) == pytest.approx([numbers.share_up_to(v) for v in values])
    low, high = steps.bounds(values)
    assert list(zip(low, high, strict=True)) == [numbers.bounds(v) for v in values]
