"""The ways to split: by group, by time, within classes, by files; and what must not be on both sides."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ml_stages.data.leakage import groups_on_both_sides, rows_on_both_sides
from ml_stages.errors import DataError
from tests.data.job import DataFolder, folder

CSV = "id,who,day,x,y\n" + "".join(
    f"{n},p{n % 40},2024-{1 + n // 28:02d}-{1 + n % 28:02d},{n % 5},{'rare' if n % 10 == 0 else 'usual'}\n"
    for n in range(300)
)


def split(root: Path, content: str = CSV, **rules: Any) -> tuple[DataFolder, pl.DataFrame, pl.DataFrame]:
    """The data folder, the rows that train, and those that are held out."""
    data = folder(root, content, key=["id"], split=rules)
    data.split()
    train = data.texts("train-set/train.csv")
    held = pl.read_csv(content.encode(), infer_schema=False).filter(
        pl.col("id").is_in(train["id"].implode()).not_()
    )
    assert held["id"].to_list() == data.texts("holdout-features/keys.csv")["key"].to_list()
    return data, train, held


def test_a_group_is_on_one_side(tmp_path: Path) -> None:
    """If this fails, a person's rows are both trained on and judged."""
    data, train, held = split(tmp_path, method="group", column="who", group="who")
    assert not set(train["who"]) & set(held["who"])
    assert data.findings() == []


def test_the_newest_are_held_out(tmp_path: Path) -> None:
    """If this fails, the model is judged on a past it has seen the future of."""
    _, train, held = split(tmp_path, method="time", column="day")
    assert max(train["day"]) < min(held["day"])
    assert held.height == 75


def test_a_tie_in_time_is_not_torn(tmp_path: Path) -> None:
    """If this fails, rows of one moment are on both sides."""
    content = "id,day,y\n" + "".join(f"{n},2024-01-0{1 + n // 30},a\n" for n in range(90))
    _, train, held = split(tmp_path, content, method="time", column="day")
    assert (set(train["day"]), set(held["day"])) == ({"2024-01-01", "2024-01-02"}, {"2024-01-03"})


def test_held_out_since_a_time(tmp_path: Path) -> None:
    """If this fails, the cut moves with the data although it was given."""
    _, train, held = split(tmp_path, method="time", column="day", since="2024-06-01")
    assert max(train["day"]) < "2024-06-01" == min(held["day"])


@pytest.mark.parametrize("since", ["2024-01-02", date(2024, 1, 2), "2024-01-02T01:00:00+01:00"])
def test_times_with_an_offset_are_cut_at_a_date(tmp_path: Path, since: Any) -> None:
    """If this fails, who has times of a zone must guess how the first one is to be written."""
    content = "id,t,y\n" + "".join(
        f"{n},2024-01-0{1 + n // 24}T{n % 24:02}:30:00+00:00,a\n" for n in range(72)
    )
    _, train, held = split(tmp_path, content, method="time", column="t", since=since)
    assert (train.height, held.height) == (24, 48)


def test_a_column_of_the_key_may_be_a_feature(tmp_path: Path) -> None:
    """If this fails, a series known by station and time cannot show its predictor the time."""
    content = "station,t,x,y\n" + "".join(f"s{n % 3},{n // 3},1,a\n" for n in range(90))
    columns = {"t": {"feature": True}, "station": {"feature": False}}
    data = folder(tmp_path, content, key=["station", "t"], columns=columns)
    data.split()
    assert data.texts("holdout-features/features.csv").columns == ["t", "x"]
    data.validate()
    assert [feature["name"] for feature in data.schema()["features"]] == ["t", "x"]
    assert data.schema()["key"] == ["station", "t"]


def test_time_may_be_a_number(tmp_path: Path) -> None:
    """If this fails, a year or a step cannot be split by, or is compared as text."""
    _, train, held = split(tmp_path, method="time", column="id", since="99")
    assert (train.height, held.height) == (99, 201)


def test_classes_keep_their_shares(tmp_path: Path) -> None:
    """If this fails, a rare class is missing from the holdout by chance."""
    _, train, held = split(tmp_path, method="stratified")
    assert Counter(held["y"]) == {"rare": 8, "usual": 68}
    assert Counter(train["y"]) == {"rare": 22, "usual": 202}


@pytest.mark.parametrize(
    ("rows_each", "share", "alike"), [(1, 0.25, 50), (2, 0.2, 50), (1, 0.6, 50), (1, 0.25, 0)]
)
def test_values_of_a_row_or_two_have_no_shares(
    tmp_path: Path, rows_each: int, share: float, alike: int
) -> None:
    """If this fails, a tenth of what was asked for is held out (or all but nothing), and nothing is said."""
    label = [n // rows_each for n in range(300)]
    label[:alike] = [0] * alike
    data = folder(
        tmp_path,
        pl.DataFrame({"x": range(300), "y": label}),
        task="regression",
        holdout=share,
        split={"method": "stratified"},
    )
    with pytest.raises(DataError, match=rf"instead of {300 * share:.0f}: too few rows .* have the same 'y'"):
        data.split()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), min_size=12, max_size=60))
@settings(max_examples=25, deadline=None)
def test_equal_rows_stay_together_within_classes(rows: list[tuple[str, int]]) -> None:
    """If this fails, a row without a key is judged by a model that trained on its twin."""
    import tempfile  # noqa: PLC0415

    content = "x,y\n" + "".join(f"{x},{y}\n" for y, x in rows)
    with tempfile.TemporaryDirectory() as root:
        data = folder(Path(root), content, holdout=0.5, split={"method": "stratified"})
        try:
            data.split()
        except DataError as error:
            if "both sides" not in str(error) and "a share of each" not in str(error):
                raise
            return
        held = data.texts("holdout-features/features.csv").with_columns(data.labels()["label"])
        assert not set(data.texts("train-set/train.csv").rows()) & set(held.rows())
        for label, size in Counter(y for y, _ in rows).items():
            assert held.filter(pl.col("label") == label).height <= round(size / 2 + 0.01)


def test_files_as_the_user_split_them(tmp_path: Path) -> None:
    """If this fails, a benchmark's own test set trains the model."""
    lines = CSV.splitlines(keepends=True)
    data = folder(tmp_path, CSV, key=["id"], split={"method": "files", "files": "test*.csv"})
    (tmp_path / "data/t.csv").unlink()
    (tmp_path / "data/a.csv").write_text("".join(lines[:101]), encoding="utf-8")
    (tmp_path / "data/test.csv").write_text("".join([lines[0], *lines[101:151]]), encoding="utf-8")
    (tmp_path / "data/train.csv").write_text("".join([lines[0], *lines[151:]]), encoding="utf-8")
    data = DataFolder(tmp_path, data.config | {"path": "*.csv"})
    report = data.split()
    assert (report.train_rows, report.holdout_rows) == (250, 50)
    assert data.labels()["id"].to_list() == [str(n) for n in range(100, 150)]


def test_a_folder_as_the_user_split_it(tmp_path: Path) -> None:
    """If this fails, only patterns split by files, where `data.path` takes folders, and odd names."""
    for files in ("test", "test/*.csv", "test/[1].csv"):
        data = folder(tmp_path, CSV, path="**/*.csv", split={"method": "files", "files": files})
        (tmp_path / "data/test").mkdir(exist_ok=True)
        (tmp_path / "data/test/[1].csv").write_text("".join(CSV.splitlines(keepends=True)[:51]))
        report = data.split()
        assert (report.train_rows, report.holdout_rows) == (300, 50)


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no such column": (CSV, {"method": "group", "column": "whom"}, "no column 'whom'"),
    "null group": (
        "id,g,y\n1,,a\n2,u,b\n",
        {"method": "group", "column": "g"},
        "the group 'g' is null in 1 of 2",
    ),
    "null time": (
        "id,t,y\n1,,a\n2,2024-01-01,b\n",
        {"method": "time", "column": "t"},
        "the time 't' is null",
    ),
    "no time": (CSV, {"method": "time", "column": "who"}, "'who' holds no times"),
    "since no time": (
        CSV,
        {"method": "time", "column": "day", "since": "June"},
        "'June', but 'day' holds dates, such as 2024-01-31",
    ),
    "since too late": (
        CSV,
        {"method": "time", "column": "day", "since": "2030-01-01"},
        "of 300 rows 0 would be",
    ),
    "no such file": (CSV, {"method": "files", "files": "test.csv"}, "no file of the table matches"),
    **{
        f"no pattern {files!r}": (CSV, {"method": "files", "files": files}, "no file or glob below the data")
        for files in ("", "/data/t.csv", "**t.csv", "../data/t.csv")
    },
    "every file": (CSV, {"method": "files", "files": "*.csv"}, "of 300 rows 300 would be held out"),
}


@pytest.mark.parametrize(("content", "rules", "message"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_split_so(tmp_path: Path, content: str, rules: dict[str, Any], message: str) -> None:
    """If this fails, a wrong rule gives a traceback, or another split than was asked for."""
    with pytest.raises(DataError, match=message) as caught:
        folder(tmp_path, content, key=["id"], split=rules).split()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "rules",
    [
        {"method": "group"},
        {"method": "time"},
        {"method": "files"},
        {"files": "x.csv"},
        {"since": "2024-01-01"},
        {"column": "x"},
    ],
)
def test_rules_that_lack_something(rules: dict[str, Any]) -> None:
    """If this fails, a rule that has no effect looks as if it had."""
    with pytest.raises(ValidationError):
        _ = DataFolder(Path(), {"path": "t.csv", "label": "y", "split": rules}).rules


def test_a_group_on_both_sides_is_found(tmp_path: Path) -> None:
    """If this fails, the metrics of a leaking split are believed."""
    data = folder(tmp_path, CSV, key=["id"], split={"group": "who"})
    finding = data.finding("group-leakage")
    _, train, held = split(tmp_path / "again")
    both = set(train["who"]) & set(held["who"])
    assert finding.observed == len(both)
    assert finding.count == sum(who in both for who in held["who"])
    masked = folder(tmp_path, CSV, key=["id"], split={"group": "who"}, columns={"who": {"sensitive": True}})
    assert masked.finding("group-leakage").examples == ["(masked)"]


HIDDEN = {"id": {"sensitive": True}}


def test_rows_on_both_sides_are_found(tmp_path: Path) -> None:
    """If this fails, copies of training rows make the holdout easy."""
    data = folder(tmp_path, "x,z,y\n" + "1,,a\n2,b,a\n" * 100, split={"max_shared": 0.1})
    with_ids = "id,x,z,y\n" + "".join(f"{n},{n % 2},,a\n" for n in range(100))
    leaking = folder(tmp_path / "ids", with_ids, key=["id"], split={"max_shared": 0.1})
    assert "row-leakage" not in {rule for rule, _ in data.findings()}
    finding = leaking.finding("row-leakage")
    assert finding.share == 1.0
    assert len(finding.examples) == 5
    assert [row["x"] for row in finding.examples] == [str(int(row["id"]) % 2) for row in finding.examples]
    hidden = folder(tmp_path / "hidden", with_ids, key=["id"], split={"max_shared": 0.1}, columns=HIDDEN)
    assert {row["id"] for row in hidden.finding("row-leakage").examples} == {"(masked)"}


def test_a_split_that_fails_is_a_finding(tmp_path: Path) -> None:
    """If this fails, data-validate ends in an error for what the data is to blame for."""
    data = folder(tmp_path, "id,y\n1,a\n1,b\n", key=["id"], split={"group": "who"})
    assert "no column 'who'" in data.finding("split").message


def test_rows_are_the_same_by_what_they_mean(tmp_path: Path) -> None:
    """If this fails, a copy written otherwise (`1.0` for `1`, `NA` for nothing) counts as an unseen row."""
    data = folder(
        tmp_path,
        "x,z,y\n" + "1,NA,a\n2,NA,b\n" * 10,
        path="*.csv",
        null_values=["NA"],
        split={"method": "files", "files": "test.csv", "max_shared": 0},
    )
    (tmp_path / "data/test.csv").write_text("x,z,y\n1.0,,a\n2.5,NA,b\n02,,a\n3,NA,a\n")
    found = data.finding("row-leakage")
    assert (found.count, found.share, found.line) == (2, 0.5, 2)


@pytest.mark.parametrize(
    ("trained", "held", "shared", "conflicts"),
    [
        ([None, 1.5], [float("nan"), None, 2.5, 1.5], 3, 5),
        (["low", None], ["high", "low", "nan", "slow"], 2, 4),
        (["1.50", "9"], ["1.5", "low", "high", "90e-1"], 2, 4),
    ],
)
def test_rows_are_alike_where_no_model_can_tell_them_apart(
    tmp_path: Path, trained: list[Any], held: list[Any], shared: int, conflicts: int
) -> None:
    """If this fails, NaN is unseen beside null, or `low` is a copy of `high` where a number belongs."""
    form = "csv" if isinstance(held[0], str) else "parquet"
    data = folder(
        tmp_path,
        "",
        path=f"*.{form}",
        columns={"x": {"type": "float", "pattern": ".*"}},
        max_conflicts=0,
        split={"method": "files", "files": f"test.{form}", "max_shared": 0},
    )
    for name, values, label in (("test", held, "a"), ("train", trained, "b")):
        table = pl.DataFrame({"x": values, "y": [label] * len(values)})
        path = tmp_path / f"data/{name}.{form}"
        table.write_csv(path) if form == "csv" else table.write_parquet(path)
    (tmp_path / "data/t.csv").unlink()
    assert data.finding("row-leakage").count == shared
    found = data.finding("label-conflicts")
    assert found.count == conflicts
    assert len(found.examples) == conflicts


ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", None]), st.sampled_from([1, None]), st.booleans()), max_size=20
)


@given(ROWS)
@settings(max_examples=50, deadline=None)
def test_what_is_on_both_sides_by_hand(rows: list[tuple[str | None, int | None, bool]]) -> None:
    """If this fails, leakage is missed or invented."""
    if len({held for _, _, held in rows}) < 2:
        return
    table = pl.DataFrame(rows, schema={"g": pl.String, "n": pl.Int64, "held": pl.Boolean}, orient="row")
    config = DataFolder(Path(), {"path": "t.csv", "label": "y"}).rules
    trained = {row[:2] for row in rows if not row[2]}
    found = [finding for _, finding in groups_on_both_sides(table["g"], table["held"], config)]
    groups = {g for g, _ in trained if g is not None}
    assert sum(finding.count or 0 for finding in found) == sum(g in groups for g, _, held in rows if held)
    found = [finding for _, finding in rows_on_both_sides(table.select("g", "n"), table["held"], 0.0)]
    assert sum(finding.count or 0 for finding in found) == sum(row[:2] in trained for row in rows if row[2])
