"""Times that are written alike are read as the general parser reads them, or are left to it."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml_stages.data.frame import FrameError, frame_from_columns
from ml_stages.data.times import alike
from ml_stages.data.types import Kind, parse, parse_series
from ml_stages.serving.features import Feature

TIMES = st.datetimes()
WRITTEN = st.tuples(
    *(
        st.sampled_from(parts)
        for parts in (
            ["2026", "2026", "2026", "0000", "9999", "+2026", "12026", "26"],
            ["-", "-", "-", "- ", "/"],
            ["01", "02", "12", "13", "1", " 1"],
            ["-"],
            ["01", "28", "29", "31", "3", " 2"],
            ["T", " ", " ", "  ", "t", ""],
            ["", "00:00", "23:59", "24:00", "3:04", " 3:04", "03:60", "03"],
            ["", "", ":00", ":59", ":60", ":5", ":05.5", ":05.", ":05,5", ":05.1234567891"],
            [
                "",
                "",
                "Z",
                "z",
                "+02",
                "+0230",
                "-02:30",
                "-23:59",
                "+24:00",
                "+02:60",
                " +02:00",
                "UTC",
                "+2",
            ],
        )
    )
).map("".join)


def _general(texts: pl.Series) -> list[object]:
    return _numbers(texts.to_frame("x").select(parse(pl.col("x"), "datetime")).to_series())


def _numbers(times: pl.Series) -> list[object]:
    """Microseconds: Python has no year 0."""
    return times.cast(pl.Int64).to_list()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.none() | TIMES, min_size=1, max_size=30), st.sampled_from("T "), st.integers(0, 6))
def test_times_like_the_general_parser(times: list[dt.datetime | None], middle: str, digits: int) -> None:
    """If this fails, times in CSV are other times than those that were written."""
    length = 15 + (digits + 1) * (digits > 0)
    form = f"-%m-%d{middle}%H:%M:%S.%f"
    rows = [time and f"{time.year:04}" + time.strftime(form)[:length] for time in times]
    texts = pl.Series("x", rows, dtype=pl.String)
    found = alike(texts)
    assert (found is None) == all(time is None for time in times)
    if found is not None:
        assert _numbers(found) == _general(texts)
        assert found.name == "x"
    assert _numbers(parse_series(texts, "datetime")) == _general(texts)


@pytest.mark.parametrize(
    "text",
    [
        *("2023-02-29T00:00:00", "1900-02-29T00:00:00", "2024-04-31T00:00:00", "2024-00-10T00:00:00"),
        *("2024-01-00T00:00:00", "2024-13-01T00:00:00", "2024-01-01T24:00:00", "2024-01-01T00:60:00"),
        *("2024-01-01T00:00:60", "2024-01-01t00:00:00", "2024/01/01T00:00:00", "2024-01-01T00:00:0a"),
        *("2024-01-01T00:00:00.", "2024-01-01T00:00:00.1234567", "2024-01-01", "+024-01-01T00:00:00", ""),
        *("0000-01-01T00:00:00", "2024-01-01T00.00:00", "2024-01-01T00:00:00,5", "\uff12024-01-01T00:00:0"),
    ],
)
def test_what_is_not_exactly_a_time_is_left_to_the_general_parser(text: str) -> None:
    """If this fails, a day that does not exist becomes another one."""
    texts = pl.Series("x", ["2024-02-29T10:20:30", text], dtype=pl.String)
    assert alike(texts) is None
    assert alike(texts[1:]) is None
    assert _numbers(parse_series(texts, "datetime")) == _general(texts)


@given(st.lists(st.none() | st.sampled_from(["true", "false", "True", "0", "1", "x"]), max_size=8))
def test_words_like_the_general_parser(rows: list[str | None]) -> None:
    """If this fails, booleans in capitals are nulls."""
    texts = pl.Series("x", rows, dtype=pl.String)
    expected = texts.to_frame().select(parse(pl.col("x"), "bool")).to_series()
    assert parse_series(texts, "bool").to_list() == expected.to_list()


@settings(max_examples=500, deadline=None)
@given(WRITTEN)
@example("2026-01-02 03:04:05+0200")
@example("2026-01-02 03:04:05.123456+00")
def test_who_validates_predicts_and_serves_reads_the_same_times(text: str) -> None:
    """If this fails, data that holds every rule breaks the prediction, or is another time when served."""
    has_offset = text.endswith("Z") or "+" in text[10:] or "-" in text[10:]
    kind: Kind = "date" if len(text) == 10 else "datetime-utc" if has_offset else "datetime"
    column = {"name": "t", "type": kind.removesuffix("-utc"), "nullable": False, "utc": has_offset}
    try:
        frame = frame_from_columns({"t": [text]}, {"features": [column]})
    except FrameError:
        assert _moment(text, kind) is None
        return
    assert _moment(text, kind) == frame["t"][0].tz_localize(None)
    assert Feature("t", str(column["type"]), nullable=False).parse([text], frozenset())


def _moment(text: str, kind: Kind) -> dt.datetime | None:
    texts = pl.Series("t", [text])
    found = texts.to_frame().select(parse(pl.col("t"), kind)).to_series()
    assert found.equals(parse_series(texts, kind))
    moment: dt.datetime | None = found.cast(pl.Datetime("us"))[0]
    return moment
