"""What is seen of a CSV file's text, whatever the blocks in which it is read."""

from __future__ import annotations

import re
from pathlib import Path
from unittest import mock

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_stages.data import csv_text
from ml_stages.data.csv_text import Look, Quotes, look_at, rows_of
from tests.data.job import folder

TEXTS = st.lists(st.sampled_from([*',; \t"\r\n', "\r\n", "a", "é", "12"]), max_size=30).map("".join)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, st.integers(1, 5), st.integers(1, 4))
def test_a_text_looks_the_same_in_whatever_pieces(tmp_path: Path, text: str, block: int, blocks: int) -> None:
    """If this fails, what a large file says depends on where a block of it begins."""
    file = tmp_path / "t.csv"
    file.write_bytes(text.encode())
    with mock.patch.multiple(csv_text, _BLOCK=block, _QUOTES_BLOCK=2, _PART=block * blocks):
        csv_text._look_at.cache_clear()
        found = look_at(file, ",")
    expected = Look(
        newlines=text.count("\n"),
        quotes='"' in text,
        doubled_quotes='""' in text,
        places=Quotes(text.count('"') % 2 == 1, _fit(text, within=False), _fit(text, within=True)),
        lone_returns=re.search(r"\r(?!\n)", text) is not None,
        reads_alike=re.search(r'(?:^|[,\n"])[ \t]', text) is None,
    )
    assert found == expected


def _fit(text: str, *, within: bool) -> bool:
    for before, letter, after in zip("\n" + text, text, text[1:] + "\n", strict=False):
        if letter == '"':
            if after not in ',\n\r"' if within else before not in ',\n"':
                return False
            within = not within
    return True


@pytest.mark.parametrize(
    "content",
    ["a,b\n1,2\n", "a,b\n1,2", "a,b\r\n1,2\r\n\r\n3,4", "a,b\n", "a,b", "a\n\n1\n\n", "\ufeffa\n1\n"],
)
def test_rows_are_counted_as_they_are_read(tmp_path: Path, content: str) -> None:
    """If this fails, the sample of a CSV file holds fewer rows than it says, or favours some."""
    file = tmp_path / "t.csv"
    file.write_bytes(content.encode())
    header = content.lstrip("\ufeff").splitlines()[0].split(",")
    rows = pl.scan_csv(file, schema=dict.fromkeys(header, pl.String())).collect().height
    assert rows_of(file, look_at(file, ",")) == rows


def test_rows_of_several_lines_are_not_counted_by_their_lines(tmp_path: Path) -> None:
    """If this fails, a table with line breaks within quotes is sampled too thinly."""
    file = tmp_path / "t.csv"
    file.write_text('a\n"1\n2"\n')
    assert rows_of(file, look_at(file, ",")) is None


def test_distributions_of_csv_and_parquet_are_those_of_the_same_rows(tmp_path: Path) -> None:
    """If this fails, a table as CSV drifts from itself as Parquet."""
    rows = pl.DataFrame({"x": range(150_000), "y": ["a", "b"] * 75_000})
    read = [
        folder(tmp_path / "csv", rows.write_csv()).profile(),
        folder(tmp_path / "parquet", rows).profile(),
    ]
    csv, parquet = (profile.column("x") for profile in read)
    assert csv is not None
    assert parquet is not None
    assert csv.distribution == parquet.distribution
    assert csv.distribution is not None
    assert csv.distribution.numbers is not None
    assert csv.distribution.numbers.rows == 131_072
