"""Names of CSV's columns."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ml_stages.data.csv_names import doubled, meant, read_texts

_NAMES = st.lists(st.text('aä",; \n', min_size=1), min_size=2, max_size=4, unique=True)


@given(_NAMES)
def test_names_come_back_as_they_were_written(names: list[str]) -> None:
    """A class or a feature with a quote in its name would be another one to each stage that reads it."""
    table = pl.DataFrame({name: ["x"] for name in names})
    with tempfile.TemporaryDirectory() as folder:
        table.write_csv(Path(folder, "t.csv"))
        assert read_texts(Path(folder, "t.csv")).equals(table)
    assert [meant(doubled(name)) for name in names] == names
