"""Any table: what `init` writes for it holds, and each held-out row is what a predictor can be given."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_stages.adopt.initial import write_initial
from ml_stages.config.load import load_config
from ml_stages.data.frame import read_features
from tests.data.job import DataFolder

N = 60
NOON = dt.datetime(2026, 1, 2, 12)  # noqa: DTZ001 - what times without an offset are
NAMES = [
    "row",
    "rows",
    "labels",
    "file",
    "key",
    "label",
    "0",
    "x y",
    'q"q',
    "a.b",
    "é",
    "prediction",
    "class",
]
VALUES: dict[str, list[Any] | pl.Series] = {
    "few numbers": [n % 7 for n in range(N)],
    "fractions": [n / 8 for n in range(N)],
    "NaN": [float("nan"), 1.5, None] * (N // 3),
    "large": pl.Series([2**63 + n for n in range(N)], dtype=pl.UInt64),
    "large, with gaps": pl.Series([None if n % 9 == 0 else 2**63 + n for n in range(N)], dtype=pl.UInt64),
    "truth": [True, False, None] * (N // 3),
    "empty texts": ["", "a", "b"] * (N // 3),
    "gaps and empty texts": ["", None, 'b", "c'] * (N // 3),
    "numbers in texts": ["007", "", "-"] * (N // 3),
    "lines": ["a\nb", "c\r\nd", "e,f;g\th"] * (N // 3),
    "days": [dt.date(2026, 1, 1 + n % 28) for n in range(N)],
    "times": [NOON + dt.timedelta(seconds=n) for n in range(N)],
    "moments": pl.Series([NOON] * N).dt.replace_time_zone("Asia/Kathmandu"),
    "offsets": [f"2026-01-02 03:04:{n % 60:02}{['+02', '+0200', 'Z'][n % 3]}" for n in range(N)],
    "nearly times": ["2026-01-02 03:04:60", "2026- 1- 2 3:04"] * (N // 2),
    "clocks": [dt.time(n % 24) for n in range(N)],
    "nothing": [None] * N,
    "the same": [7] * N,
}


@settings(max_examples=80, deadline=None)
@given(
    columns=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(sorted(VALUES)), min_size=1, max_size=4),
    form=st.sampled_from(["csv", "quoted csv", "parquet", "arrow"]),
)
def test_what_init_writes_holds_and_every_row_can_be_predicted(
    tmp_path_factory: pytest.TempPathFactory, columns: dict[str, str], form: str
) -> None:
    """If this fails, a newcomer's first run ends in the middle, after a validation that passed."""
    root = tmp_path_factory.mktemp("project")
    (root / "data").mkdir()
    table = pl.DataFrame({name: VALUES[values] for name, values in columns.items()})
    _write(table.with_columns(n=pl.int_range(N) / 4, y=pl.Series(["no", "yes"] * (N // 2))), root, form)
    write_initial(root, root / "data", "y")
    config = load_config(root).config
    data = DataFolder(root, config.data.model_dump(mode="json"))
    assert [finding.message for finding in data.validate().findings if finding.severity == "error"] == []
    rows = data.split().holdout_rows
    (features,) = (root / "holdout-features").glob("features.*")
    assert len(read_features(features, data.schema())) == rows
    if form == "arrow":  # which no predictor reads
        return
    (file,) = (root / "data").iterdir()
    frame, profile = read_features(file, data.schema()), data.validated_profile()
    missing = {column.name: column.nulls + column.nan for column in profile.columns}
    names = [feature["name"] for feature in data.schema()["features"]]
    assert {name: frame[name].isna().sum() for name in names} == {name: missing[name] for name in names}


def _write(table: pl.DataFrame, root: Path, form: str) -> None:
    if form == "parquet":
        table.write_parquet(root / "data" / "t.parquet")
    elif form == "arrow":
        table.write_ipc(root / "data" / "t.arrow")
    else:
        table.write_csv(
            root / "data" / "t.csv", quote_style="always" if form == "quoted csv" else "necessary"
        )
