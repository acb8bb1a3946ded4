"""What is skipped because it was seen before changes no number."""

from __future__ import annotations

import itertools
from collections import Counter
from unittest import mock

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_stages.data import stream
from ml_stages.data.different import Counts, Different
from ml_stages.data.hashed import Hashed
from ml_stages.data.known import Seen
from ml_stages.data.marks import Marks, Whole, whole_texts
from tests.data.test_measure import profile_of

TEXTS = st.lists(st.none() | st.sampled_from(["CA", "NY", "ca", "TX-1", "", "Ü"]), max_size=60)


def _whole(series: pl.Series) -> Whole | None:
    return Whole.of(series, series.min(), series.max())  # type: ignore[arg-type]


@given(TEXTS, st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_rules_on_values_count_every_row(values: list[str | None], rows: int) -> None:
    """If this fails, a wrong value that comes again is passed over, or a right one accused."""
    table = pl.DataFrame({"x": pl.Series(values, dtype=pl.String), "y": ["a"] * len(values)})
    rule = {"allowed": ["CA", "NY", ""], "pattern": "[A-Z]*", "max_length": 2, "min_slice": 3}
    with mock.patch.object(stream, "_CELLS", 2 * rows):
        found = profile_of(table, columns={"x": rule}).column("x")
    assert found is not None
    there = [value for value in values if value is not None]
    counts = Counter(there)
    expected = {
        "not_allowed": sum(value not in ("CA", "NY", "") for value in there),
        "not_matching": sum(value in ("ca", "TX-1", "Ü") for value in there),
        "bad_length": counts["TX-1"],
        "small_slices": sum(counts[value] < 3 for value in {*there, "CA", "NY", ""}),
    }
    broken = {name: getattr(found, name) for name in expected}
    assert {name: rule.count if rule else 0 for name, rule in broken.items()} == expected


PARTS = st.lists(st.none() | st.integers(0, 30), max_size=20) | st.lists(
    st.none() | st.integers(-2, 1), max_size=20
)


@given(st.lists(PARTS, max_size=6))
@settings(max_examples=60, deadline=None)
def test_counts_like_a_counter(parts: list[list[int | None]]) -> None:
    """If this fails, classes of the label have other numbers of rows than the table."""
    counts = Counts()
    for part in parts:
        series = pl.Series("y", part, dtype=pl.Int64)
        counts.add(Hashed(series), _whole(series))
    assert counts.rows == Counter(str(value) for value in itertools.chain(*parts) if value is not None)


@given(st.lists(st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 16, 2**60, 2**63]), max_size=30)))
@settings(max_examples=80, deadline=None)
def test_what_is_seen_was_there(parts: list[list[int]]) -> None:
    """If this fails, a value that breaks a rule is taken for one that was looked at before."""
    seen, known = Seen(bits=4), set()
    for part in parts:
        hashes = np.array(part, dtype=np.uint64)
        assert all(missing or value in known for missing, value in zip(seen.lacks(hashes), part, strict=True))
        seen.add(hashes)
        known |= set(part)
        assert not part or not seen.lacks(hashes[-1:])[0]


def test_a_hash_of_zero_is_not_seen_before_it_was_there() -> None:
    """If this fails, one value in 2**64 is never checked."""
    seen, hashes = Seen(bits=4), np.array([0, 16, 1, 2**63], dtype=np.uint64)
    assert seen.lacks(hashes).all()
    seen.add(hashes[:1])
    assert seen.lacks(hashes).tolist() == [False, True, True, True]


@given(
    st.lists(
        st.lists(st.sampled_from([-(2**63), -5, 0, 1, 2, 3, 7, 10**6, 10**8, 2**62]) | st.integers(-9, 9)),
        max_size=5,
    )
)
@settings(max_examples=80, deadline=None)
def test_marked_numbers_like_brute_force(parts: list[list[int]]) -> None:
    """If this fails, a repeated key is missed or invented, whatever the order in which keys come."""
    marks = Marks()
    wholes = (_whole(pl.Series(part, dtype=pl.Int64)) for part in parts)
    marked = all(marks.add(whole) for whole in wholes if whole is not None)
    values = list(itertools.chain(*parts))
    if values and max(values) - min(values) >= 2**22:
        assert not marked
    else:
        assert marked
        assert marks.repeats == len(values) - len(set(values))
        assert marks.numbers.tolist() == sorted(set(values))


@given(
    st.lists(
        st.lists(st.none() | st.integers(0, 9) | st.sampled_from([-(2**63), 2**63 - 1, 70, 71])), max_size=6
    )
)
@settings(max_examples=80, deadline=None)
def test_different_numbers_like_brute_force(parts: list[list[int | None]]) -> None:
    """If this fails, a column of whole numbers has another number of different values than it has."""
    different = Different(marks=64)
    for part in parts:
        series = pl.Series(part, dtype=pl.Int64)
        different.add_values(Hashed(series), _whole(series))
    assert (different.count, different.error) == (len(set(itertools.chain(*parts))), 0.0)


_numerals = st.from_regex(r"[+-]?0{0,2}[0-9]{1,3}", fullmatch=True)


@given(st.lists(_numerals | st.integers(0, 10**6).map(str) | st.just(str(2**63 - 1)), max_size=6))
@settings(max_examples=300, deadline=None)
def test_texts_are_told_apart_by_their_numbers_only_where_no_two_mean_the_same(texts: list[str]) -> None:
    """If this fails, the keys ``7`` and ``007`` of a CSV file are one, or two rows with the same key none."""
    series = pl.Series(texts, dtype=pl.String)
    whole = whole_texts(series, series.cast(pl.Int64))
    shortest = bool(texts) and all(text == str(int(text)) for text in texts) and min(map(int, texts)) >= 0
    assert (whole is not None) == shortest
    if whole is not None:
        assert whole.numbers.tolist() == [int(text) for text in texts]


@pytest.mark.parametrize(("dtype", "top"), [(pl.Int8, 2**7), (pl.UInt64, 2**64), (pl.Int64, 2**63)])
def test_keys_of_every_width(dtype: type[pl.DataType], top: int) -> None:
    """If this fails, small or huge keys wrap around and repeat."""
    keys = [top - 1, top - 3, top - 2, 0, top - 1]
    table = pl.DataFrame({"k": pl.Series(keys, dtype=dtype), "y": ["a"] * 5})
    assert profile_of(table, key=["k"]).key_duplicates == 1
    assert profile_of(table.head(4), key=["k"]).key_duplicates == 0
