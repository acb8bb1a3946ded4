"""Who trains and who judges: every row on one side, and always on the same."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_stages.config.data import DataConfig
from ml_stages.data.membership import is_held_out, row_keys
from ml_stages.data.read import open_table
from ml_stages.errors import DataError, StageError
from tests.data.job import DataFolder, folder

ROWS = "".join(
    f'{n},{n / 7!r},"a ""{n}"",\nb",{"" if n % 3 else "NA"},{"ja" if n % 2 else "nein"}\n' for n in range(200)
)
CSV = "id,x,text,gap,y\n" + ROWS


def held_by_hand(key: str, share: float) -> bool:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") < share * 2**64


@pytest.mark.parametrize("parquet", [False, True])
def test_every_row_is_on_one_side_and_unchanged(tmp_path: Path, parquet: bool) -> None:
    """If this fails, a row is lost, judged after it trained, or changed on the way."""
    table = pl.read_csv(CSV.encode(), infer_schema=parquet)
    data = folder(tmp_path, table if parquet else CSV, key=["id"], columns={"gap": {"feature": False}})
    report = data.split()
    read: Any = pl.read_parquet if parquet else lambda file: pl.read_csv(file, infer_schema=False)
    suffix = "parquet" if parquet else "csv"
    train = read(tmp_path / f"train-set/train.{suffix}")
    features = read(tmp_path / f"holdout-features/features.{suffix}")
    keys, labels = data.texts("holdout-features/keys.csv")["key"], data.labels()
    assert (report.train_rows, report.holdout_rows) == (train.height, features.height)
    assert features.columns == ["x", "text"]
    others = read(tmp_path / f"holdout-others/features.{suffix}")
    assert others.columns == ["id", "gap"], "never the label"
    assert labels.columns == ["key", "label", "id", "gap"]
    assert labels["key"].to_list() == keys.to_list() == labels["id"].cast(pl.String).to_list()
    held = [held_by_hand(str(key), 0.25) for key in table["id"]]
    assert train.equals(table.filter(pl.Series(held).not_()))
    assert features.equals(table.filter(held).select("x", "text"))
    assert others.equals(table.filter(held).select("id", "gap"))
    assert labels["label"].to_list() == table.filter(held)["y"].to_list()


@pytest.mark.parametrize("form", ["parquet", "feather"])
def test_an_index_of_pandas_is_a_column_where_it_is_named(tmp_path: Path, form: str) -> None:
    """If this fails, a model trains on the numbers of the rows, which no reader of pandas shows."""
    index = "__index_level_0__"
    rows = pd.DataFrame({"id": range(100), "x": range(100), "y": ["a", "b"] * 50}).sample(60, random_state=1)
    file = tmp_path / "t.parquet"
    rows.to_parquet(file)
    table = pl.read_parquet(file)
    assert index in table.columns
    if form == "feather":
        file = tmp_path / "t.feather"
        table.write_ipc(file)
    config = {"path": file.name, "label": "y", "key": ["id"]}
    opened = open_table(tmp_path, DataConfig.model_validate(config))
    assert (
        opened.collect(opened.scan()).columns == opened.head(3, ["id", "x", "y"]).columns == ["id", "x", "y"]
    )
    named = open_table(tmp_path, DataConfig.model_validate(config | {"key": [index]}))
    assert named.collect(named.scan())[index].to_list() == rows.index.to_list()


@pytest.mark.parametrize(
    ("column", "split", "told"),
    [
        ("time", {}, "'time', which holds times"),
        ("time", {"method": "group", "column": "time"}, "'time', which holds times"),
        ("price", {"method": "stratified"}, "'price', which holds fractions"),
        ("day", {}, ""),
        ("code", {}, ""),
        ("time", {"method": "time", "column": "time"}, ""),
    ],
)
def test_a_key_with_another_text_in_another_format_is_told(
    tmp_path: Path, column: str, split: dict[str, str], told: str
) -> None:
    """If this fails, who moves from CSV to Parquet compares with a model that was trained on the holdout."""
    begin = datetime.fromisoformat("2024-01-31T12:00:00")
    rows = range(100)
    table = pl.DataFrame(
        {
            "time": [begin + timedelta(hours=n) for n in rows],
            "price": [n / 8 for n in rows],
            "day": [begin.date() + timedelta(days=n) for n in rows],
            "code": [f"A{n}" for n in rows],
            "y": ["a", "b"] * 50,
        }
    )
    text = table.with_columns(pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%S")).write_csv()
    keys = []
    for place, content in (("parquet", table), ("csv", text)):
        data = folder(tmp_path / place, content, key=[column], split=split)
        notes = [note for note in data.split().notes if "by the text of" in note]
        assert len(notes) == bool(told)
        assert all(f"by the text of {told}: stored in another format" in note for note in notes)
        keys.append(data.texts("holdout-features/keys.csv")["key"].to_list())
    if column in ("day", "code"):
        assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("split", "cluster", "is_told"),
    [
        ({"method": "group", "column": "home"}, None, True),
        ({"group": "home"}, None, True),
        ({"method": "group", "column": "home"}, "home", False),
        ({}, None, False),
    ],
)
def test_groups_that_only_the_split_knows_are_told(
    tmp_path: Path, split: dict[str, str], cluster: str | None, is_told: bool
) -> None:
    """If this fails, rows that belong together count as so many, and what is unproven passes as proven."""
    rows = range(200)
    home = [f"h{n // (4 if 'method' in split else 1)}" for n in rows]
    table = pl.DataFrame({"id": rows, "home": home, "y": ["a", "b"] * 100})
    data = folder(tmp_path, table, key=["id"], split=split)
    told = [note for note in data.split(cluster=cluster).notes if 'evaluation.cluster = "home"' in note]
    assert bool(told) == is_told


@pytest.mark.parametrize(
    ("table", "split", "about"),
    [
        ({"at": [n + 0.5 for n in range(200)]}, {}, "by the text of"),
        ({"at": [f"h{n // 4}" for n in range(200)]}, {"method": "group", "column": "at"}, "counts groups"),
    ],
)
def test_a_note_on_the_split_is_left_out_where_its_column_is_acknowledged(
    tmp_path: Path, table: dict[str, list[object]], split: dict[str, str], about: str
) -> None:
    """If this fails, a note that somebody weighed comes with every run, and the next one is not read."""
    rows = pl.DataFrame({"id": range(200), **table, "y": ["a", "b"] * 100})
    key = ["id"] if split else ["at"]
    seen = []
    for place, acknowledged in (("none", []), ("other", ["id "]), ("at", ["at"])):
        data = folder(tmp_path / place, rows, key=key, split={**split, "acknowledged": acknowledged})
        told = [note for note in data.split().notes if about in note]
        assert len(told) == (place != "at")
        assert all('data.split.acknowledged = ["at"]' in note for note in told)
        seen.append(data.texts("holdout-features/keys.csv")["key"].to_list())
    assert seen[0] == seen[2], "the same rows are held out"


def test_split_again_is_the_same(tmp_path: Path) -> None:
    """If this fails, nobody can compare two runs."""
    data = folder(tmp_path, CSV, key=["id"])
    assert data.split() == data.split()


@given(
    st.lists(st.integers(0, 10**6), unique=True, min_size=1, max_size=40),
    st.lists(st.integers(0, 10**6), max_size=40),
    st.floats(0.01, 0.99),
)
@settings(max_examples=50, deadline=None)
def test_a_row_stays_on_its_side_as_the_data_grows(old: list[int], new: list[int], share: float) -> None:
    """If this fails, yesterday's holdout trains today's model."""
    keys = pl.Series("key", [str(key) for key in old])
    more = pl.Series("key", [str(key) for key in [*new, *old]])
    before = dict(zip(keys, is_held_out(keys, share), strict=True))
    after = dict(zip(more, is_held_out(more, share), strict=True))
    assert before == {key: after[key] for key in keys}
    smaller = is_held_out(keys, share / 2)
    assert not (smaller & ~is_held_out(keys, share)).any(), "a smaller holdout is part of a larger one"


@pytest.mark.parametrize("prefix", ["", "#", "order#"])
def test_share_is_met(prefix: str) -> None:
    """If this fails, the holdout has another size than was asked for, whatever keys look like."""
    keys = pl.Series("key", [f"{prefix}{n}" for n in range(20_000)])
    for share in (0.1, 0.25, 0.5):
        error = 4 * math.sqrt(share * (1 - share) / 20_000)
        assert abs(float(is_held_out(keys, share).mean() or 0) - share) < error  # type: ignore[arg-type]


def test_equal_rows_without_a_key_stay_together(tmp_path: Path) -> None:
    """If this fails, a row is judged by a model that trained on its twin; or two rows share a key."""
    content = "x,y\n" + "".join(f"{n % 30},{'a' if n % 2 else 'b'}\n" for n in range(90))
    data = folder(tmp_path, content)
    report = data.split()
    assert report.method == "hash of the row"
    train = set(data.texts("train-set/train.csv").rows())
    held = data.texts("holdout-features/features.csv").with_columns(data.labels()["label"])
    assert not train & set(held.rows())
    assert held.height == report.holdout_rows == 3 * len(set(held.rows()))
    assert data.labels()["key"].is_unique().all()


@given(
    st.lists(st.tuples(st.text("a|\\#", max_size=3), st.text("a|\\#", max_size=3)), unique=True, max_size=30)
)
@settings(max_examples=50, deadline=None)
def test_different_keys_are_different_texts(rows: list[tuple[str, str]]) -> None:
    """If this fails, good data is refused for a key that repeats, or answers are mixed up."""
    table = pl.DataFrame(rows, schema={"k": pl.String, "l": pl.String}, orient="row").with_columns(
        y=pl.lit("a")
    )
    config = DataFolder(Path(), {"path": "t.csv", "label": "y", "key": ["k", "l"]}).rules
    assert row_keys(table, config).n_unique() == len(rows)


REFUSED = {
    "no label column": ("x,z\n1,a\n", {}, "the data has no column 'y'; it has x, z"),
    "no key column": ("x,y\n1,a\n", {"key": ["id"]}, "the data has no column 'id'"),
    "null in the key": ("id,y\n1,a\n,b\n", {"key": ["id"]}, "the key 'id' is null in 1 of 2 rows"),
    "null text in the key": ("id,y\n1,a\n-,b\n", {"key": ["id"], "null_values": ["-"]}, "null in 1 of 2"),
    "key repeats": ("id,y\n1,a\n1,b\n", {"key": ["id"]}, "the key id repeats, e.g. '1'"),
    "sensitive key repeats": (
        "id,y\n007,a\n007,b\n",
        {"key": ["id"], "columns": {"id": {"sensitive": True}}},
        r"the key id repeats; every row",
    ),
    "labels all null": ("id,y\n1,\n2,\n", {"key": ["id"]}, "the label 'y' is null in 2 of 2 rows"),
    "null text as label": ("id,y\n1,NA\n2,a\n", {"null_values": ["NA"]}, "the label 'y' is null in 1 of 2"),
    "nothing but key and label": (
        "id,y\n" + "".join(f"{n},a\n" for n in range(40)),
        {"key": ["id"]},
        r"no column is left to predict from: .*; data\.columns\.id\.feature = true",
    ),
    "header only": ("x,y\n", {}, "of 0 rows 0 would be held out"),
    "one row": ("x,y\n1,a\n", {}, "there must be rows on both sides"),
}


@pytest.mark.parametrize(("content", "config", "message"), REFUSED.values(), ids=list(REFUSED))
def test_data_that_cannot_be_split(
    tmp_path: Path, content: str, config: dict[str, Any], message: str
) -> None:
    """If this fails, bad data ends in a traceback, or in a split that judges nothing."""
    with pytest.raises(DataError, match=message) as caught:
        folder(tmp_path, content, **config).split()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("column", "split", "said"),
    [
        ("y", {}, "the label 'y' is null in 1 of 40 rows"),
        ("id", {}, "the key 'id' is null in 1 of 40 rows"),
        ("x", {"method": "time", "column": "x"}, "the time 'x' is null in 1 of 40 rows"),
        ("x", {"method": "group", "column": "x"}, "the group 'x' is null in 1 of 40 rows"),
    ],
)
def test_nan_is_no_value_of_what_every_row_needs(
    tmp_path: Path, column: str, split: dict[str, str], said: str
) -> None:
    """If this fails, rows without a time judge, as the newest, and NaN as a label ends evaluation."""
    table = pl.DataFrame({name: [float(row) for row in range(40)] for name in ("id", "x", "y")})
    damaged = table.with_columns(pl.when(pl.col("id") == 5).then(math.nan).otherwise(column).alias(column))
    data = folder(tmp_path, "", path="t.parquet", key=["id"], split=split or {"method": "key"})
    damaged.write_parquet(tmp_path / "data" / "t.parquet")
    with pytest.raises(DataError, match=said):
        data.split()


def test_a_slice_that_is_not_there(tmp_path: Path) -> None:
    """If this fails, a typing error in a slice's name is found after the training only."""
    with pytest.raises(DataError, match="no column 'sex'"):
        folder(tmp_path, CSV, key=["id"]).split(slices=["sex"])


def test_null_texts_are_nulls_in_slices_alone(tmp_path: Path) -> None:
    """If this fails, "NA" is a slice; or the user's own reader no longer sees it in the features."""
    data = folder(tmp_path, CSV, key=["id"], null_values=["NA"])
    data.split(slices=["gap"])
    assert data.labels()["gap"].null_count() == data.labels().height
    assert set(data.texts("holdout-features/features.csv")["gap"]) == {"NA", None}


def test_what_evaluation_would_refuse_is_said_before_training(tmp_path: Path) -> None:
    """If this fails, a slip in the configuration is told after hours of training."""
    rows = "".join(f"{n},{n / 7!r},{'ja' if n % 2 else 'nein'}\n" for n in range(6000))
    table = f"id,x,y\n{rows}"
    data = folder(tmp_path / "1", table, key=["id"])
    with pytest.raises(StageError, match=r"slices names 'x', which has 1,\d{3} values .*; bin it"):
        data.split(slices=["x"])
    spelt = folder(tmp_path / "2", table, key=["id"], positive="Ja")
    with pytest.raises(
        DataError, match=r"data\.positive is 'Ja', which is no class of the label 'y': ja, nein"
    ):
        spelt.split()
    assert folder(tmp_path / "3", table, key=["id"], positive="ja").split(slices=["y"]).holdout_rows
    more = folder(tmp_path / "4", f"{table}6000,1,vielleicht\n", key=["id"], positive="ja")
    with pytest.raises(DataError, match=r"two classes, and the label 'y' has 3: ja, nein, vielleicht\. "):
        more.split()


@pytest.mark.parametrize("more", ["", "6000,canary\n"])
def test_a_wrong_positive_class_shows_none_of_a_sensitive_label(tmp_path: Path, more: str) -> None:
    """If this fails, a slip of the pen writes the diagnoses that are predicted into a public log."""
    table = "id,y\n" + "".join(f"{n},{'canary-b' if n % 2 else 'canary-a'}\n" for n in range(40)) + more
    hidden = {"y": {"sensitive": True}}
    data = folder(tmp_path, table, key=["id"], columns=hidden, positive="canary-b" if more else "B")
    with pytest.raises(DataError, match="masked classes") as refused:
        data.split()
    assert "canary" not in str(refused.value).replace("data.positive is 'canary-b'", "")


def test_a_positive_class_may_be_any_that_trains(tmp_path: Path) -> None:
    """If this fails, a class so rare that no row of it is held out ends the run."""
    table = "id,x,y\n" + "".join(f"{n},0,{int(n == 1)}\n" for n in range(40))
    assert not held_by_hand("1", 0.25)
    assert folder(tmp_path, table, key=["id"], positive=1.0).split().holdout_rows
