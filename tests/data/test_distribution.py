"""Distributions: what is stored of them is what numpy and scipy say of the rows."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_stages.data.different import Different
from ml_stages.data.distribution import POINTS, Numbers
from ml_stages.data.sample import as_numbers, distribution, fingerprint, numbers_of, values_of

finite = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60)


def _distribution_of(values: list[float]) -> Numbers:
    found = numbers_of(np.sort(np.array(values, dtype=float)))
    assert found is not None
    return found


@settings(max_examples=60, deadline=None)
@given(finite, st.floats(-1e9, 1e9))
def test_shares_are_exact_up_to_the_number_of_points(values: list[float], at: float) -> None:
    """If this fails, drift compares other distributions than the data's."""
    stored = _distribution_of(values)
    for value in [*values, at]:
        share = sum(other <= value for other in values) / len(values)
        assert stored.share_up_to(value) == pytest.approx(share)
        assert stored.bounds(value) == pytest.approx((share, share))


@settings(max_examples=60, deadline=None)
@given(finite, st.floats(0.001, 1))
def test_quantiles_are_numpy_s(values: list[float], share: float) -> None:
    """If this fails, a reported median is no median."""
    assert _distribution_of(values).quantile(share) == np.quantile(values, share, method="inverted_cdf")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["normal", "lognormal", "rounded", "half-zero"]))
def test_thinned_distribution_within_its_bounds(seed: int, kind: str) -> None:
    """If this fails, the stored distribution of a large column is further off than 0.4 % of the rows."""
    random = np.random.default_rng(seed)
    values = random.normal(size=20_000)
    values = {
        "normal": values,
        "lognormal": np.exp(2 * values),
        "rounded": np.round(values, 2),
        "half-zero": np.where(random.random(20_000) < 0.5, 0.0, values),
    }[kind]
    stored = _distribution_of(values.tolist())
    assert len(stored.points) <= 2 * POINTS
    for at in [*random.choice(values, 50), *random.uniform(-4, 4, 50), -1e-9, 0.0]:
        share = float((values <= at).mean())
        low, high = stored.bounds(at)
        assert low - 1e-7 <= share <= high + 1e-7
        assert abs(stored.share_up_to(at) - share) < 0.0045


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "ä", "", " "]) | st.none(), max_size=30))
def test_values_are_counted_like_a_counter(texts: list[str | None]) -> None:
    """If this fails, frequencies of categories are wrong."""
    there = [text for text in texts if text is not None]
    found = values_of(pl.Series(there, dtype=pl.String), sensitive=False)
    if not there:
        assert found is None
        return
    assert found is not None
    assert found.counts == dict(Counter(there))
    assert list(found.counts.values()) == sorted(found.counts.values(), reverse=True)
    assert found.once == sum(count == 1 for count in Counter(there).values())
    assert found.complete
    assert found.unseen_share == pytest.approx(found.once / len(there))


@pytest.mark.parametrize("least", [0, 1])
def test_values_that_are_as_frequent_are_kept_by_their_texts(least: int) -> None:
    """If this fails, which values a profile holds depends on the order of the rows."""
    random = np.random.default_rng(4)
    numbers = np.concatenate([random.integers(0, 8_000, 20_000), *[np.arange(8_000)] * least])
    texts = [f"text {number}" for number in random.permutation(numbers)]
    found = values_of(pl.Series(texts), sensitive=False)
    expected = sorted(Counter(texts).items(), key=lambda item: (-item[1], item[0]))
    assert found is not None
    assert list(found.counts.items()) == expected[:5_000]
    assert found.others == sum(rows for _, rows in expected[5_000:])


def test_of_very_many_values_the_most_frequent_are_kept() -> None:
    """If this fails, a column of free text makes the profile as large as the data."""
    texts = pl.Series(["often"] * 10 + [f"text {number}" for number in range(20_000)])
    found = values_of(texts, sensitive=False)
    assert found is not None
    assert next(iter(found.counts.items())) == ("often", 10)
    assert (len(found.counts), found.other_values, found.others) == (5_000, 15_001, 15_001)
    assert not found.complete


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([-(2**63), -(2**53), -130, -3, 0, 7, 2**53 - 1, 2**53, 2**63]),
    st.lists(st.integers(0, 40) | st.none(), max_size=60),
)
def test_whole_numbers_are_put_in_order_like_any(least: int, above: list[int | None]) -> None:
    """If this fails, quantiles of whole numbers that lie close together are of others."""
    dtype = pl.UInt64 if least >= 0 else pl.Int64
    values = pl.Series([None if one is None else least + one for one in above], dtype=dtype)
    found = distribution(values, Different(0), 0, 0, sensitive=False)
    assert found is not None
    assert found.numbers == numbers_of(np.sort(as_numbers(values.drop_nulls())))


def test_sensitive_values_are_not_stored() -> None:
    """If this fails, the profile that travels with the image tells who was in the data."""
    found = values_of(pl.Series(["Ann", "Ann", "Bob"]), sensitive=True)
    assert found is not None
    assert found.counts == {fingerprint("Ann"): 2, fingerprint("Bob"): 1}
    assert "Ann" not in found.model_dump_json()


@pytest.mark.parametrize(
    ("values", "numbers", "counted", "lengths"),
    [
        (pl.Series([1, 2, 2, None]), True, True, False),
        (pl.Series(range(30)), True, False, False),
        (pl.Series([0.5, float("nan"), None]), True, False, False),
        (pl.Series(["a", "bcd", None]), False, True, True),
        (pl.Series([True, None]), False, True, False),
        (pl.Series(["2024-01-31"]).str.to_date(), True, False, False),
        (pl.Series([None, None], dtype=pl.Float64), False, False, False),
    ],
)
def test_what_is_measured_follows_from_the_type(
    values: pl.Series, numbers: bool, counted: bool, lengths: bool
) -> None:
    """If this fails, a column is compared in a way that makes no sense for it."""
    distinct = Different(marks=0)
    distinct.add(values.hash(0).to_numpy())
    missing = (values.null_count() > 0) + (values.dtype.is_float() and bool(values.is_nan().any()))
    found = distribution(values, distinct, len(values), missing, sensitive=False)
    assert found is not None
    assert found.distinct == values.drop_nulls().drop_nans().n_unique()
    assert (found.numbers is not None, found.values is not None, found.lengths is not None) == (
        numbers,
        counted,
        lengths,
    )


def test_times_are_seconds() -> None:
    """If this fails, a time and the same time in another unit differ."""
    day = pl.Series(["1970-01-02"]).str.to_date()
    assert as_numbers(day).tolist() == [86_400.0]
    assert as_numbers(day.cast(pl.Datetime("ns"))).tolist() == [86_400.0]


def test_infinite_numbers_survive_the_file() -> None:
    """If this fails, a profile with an infinite value cannot be read back."""
    stored = _distribution_of([-math.inf, 0.0, math.inf])
    assert Numbers.model_validate_json(stored.model_dump_json()).points == [-math.inf, 0.0, math.inf]
