"""``init``: what is inferred is valid, explains itself, and holds on the data it came from."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_stages.adopt.infer_project import predictor_loader, project_name, told_of_pickles, train_command
from ml_stages.adopt.initial import initial_config, write_initial
from ml_stages.adopt.initial_text import toml
from ml_stages.config.config import Config
from ml_stages.config.load import load_config
from ml_stages.config.sections import PredictorConfig
from ml_stages.data.files import table_files
from ml_stages.errors import DataError, UsageError
from ml_stages.gates.no_regression import NoRegression

TABLE = pl.DataFrame(
    {
        "row": [str(number) for number in range(400)],
        "customer_id": [f"c{number}" for number in range(400)],
        "email": [f"{number}@example.org" for number in range(400)],
        "age_years": [20 + number % 50 for number in range(400)],
        "income": [None if number % 100 == 7 else 1000.5 + number for number in range(400)],
        "share": [number / 400 for number in range(400)],
        "state": [("CA", "NY", "TX")[number % 3] for number in range(400)],
        "sex": [("f", "m")[number % 2] for number in range(400)],
        "bought": [("no", "no", "yes")[number % 3] for number in range(400)],
    }
)


def _written(folder: Path, table: pl.DataFrame, label: str = "bought") -> tuple[Config, str, Any]:
    folder.mkdir(exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    table.write_csv(folder / "data" / "table.csv")
    file, initial = write_initial(folder, folder / "data", label)
    return load_config(folder).config, file.read_text(encoding="utf-8"), initial


def test_rules_follow_from_the_data(tmp_path: Path) -> None:
    """If this fails, a newcomer writes every rule by hand."""
    config, text, initial = _written(tmp_path, TABLE)
    assert (config.task, config.data.key, config.data.path) == (
        "classification",
        ["customer_id"],
        "table.csv",
    )
    rules = config.data.columns
    assert rules["state"].allowed == ["CA", "NY", "TX"]
    assert (rules["age_years"].type, rules["age_years"].min, rules["age_years"].max) == ("int", 0, 78)
    assert (rules["share"].min, rules["share"].max) == (0, 1)
    assert rules["income"].max_null == pytest.approx(0.05)
    assert rules["email"].sensitive
    assert rules["email"].allowed is None
    assert config.evaluation.slices == ["sex"]
    assert config.data.balance.min_share == pytest.approx(0.17)
    assert initial.findings == []
    assert "1.00 % missing" in text


def test_every_line_is_explained(tmp_path: Path) -> None:
    """If this fails, the written table is magic."""
    _, text, _ = _written(tmp_path, TABLE)
    silent = [line for line in text.splitlines() if "=" in line and "#" not in line and "kind" not in line]
    assert silent == []


def test_a_label_of_lists_is_told_how_to_be_stored(tmp_path: Path) -> None:
    """If this fails, `feature = false` is advised for what a model is to predict, and changes nothing."""
    (tmp_path / "data").mkdir()
    table = TABLE.with_columns(bought=pl.concat_list("state", "sex"))
    table.write_parquet(tmp_path / "data/t.parquet")
    file, initial = write_initial(tmp_path, tmp_path / "data", "bought")
    assert "bought = {  }  # CHECK: the label holds List(String)" in file.read_text(encoding="utf-8")
    messages = [finding.message for finding in initial.findings]
    assert any("store it as texts such as a|b of several labels" in message for message in messages)
    assert not any("feature = false" in message for message in messages)


NAMES = st.text(min_size=1, max_size=8).filter(
    lambda name: name.strip() == name and name not in {"y", "*"} and name.isprintable() and name[:4] != "sep="
)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        NAMES,
        st.sampled_from(
            [
                [0.1 * number - 3 for number in range(60)],
                [number % 7 for number in range(60)],
                [-5e300, 5e300] * 30,
                ["a", 'quote"', "back\\slash", None] * 15,
                [None] * 59 + ["once"],
                [True, False, None] * 20,
                ["?", "1.5"] * 30,
                [2**62, -(2**62)] * 30,
                ["0", "1"] * 30,
                ["new\nline", "tab\t"] * 30,
            ]
        ),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_inferred_holds_on_the_same_data(
    tmp_path_factory: pytest.TempPathFactory, columns: dict[str, list[Any]]
) -> None:
    """If this fails, the first run of a newcomer fails by rules nobody wrote."""
    table = pl.DataFrame({**columns, "y": ["no", "yes", "yes"] * 20})
    config, _, initial = _written(tmp_path_factory.mktemp("project"), table, "y")
    assert initial.findings == []
    assert set(config.data.columns) == {*columns, "y"}


def test_numbers_are_a_regression(tmp_path: Path) -> None:
    """If this fails, a price becomes four hundred classes."""
    config, _, _ = _written(tmp_path, TABLE.drop_nulls(), "income")
    assert config.task == "regression"
    assert config.gates[0].kind == "no-regression"


@pytest.mark.parametrize(
    ("label", "loss", "why"),
    [
        (np.random.default_rng(0).normal(100, 10, 4_000), 0.2, "1.5 % of the label's middle half's width; "),
        (np.random.default_rng(1).lognormal(4, 2, 4_000), 2.9, "1.5 % of the label's middle half's width; "),
        (
            np.where(np.arange(4_000) % 5, 0.0, np.arange(4_000)),
            19.0,
            "2 % of the label's standard deviation; ",
        ),
    ],
    ids=["normal", "heavy tail", "mostly zero"],
)
def test_a_regression_may_lose_a_small_part_of_its_label(
    tmp_path: Path, label: np.ndarray, loss: float, why: str
) -> None:
    """If this fails, two equal models of prices block each other, or any loss passes, from the first day."""
    table = pl.DataFrame({"size": np.arange(label.size) % 97 * 1.5, "price": label})
    config, text, _ = _written(tmp_path, table, "price")
    (gate,) = [gate for gate in config.gates if isinstance(gate, NoRegression)]
    assert gate.metric == "mae"
    assert gate.margin == pytest.approx(loss, rel=0.06)
    assert f"margin = {gate.margin}  # {why}how much worse" in text


def test_classes_that_are_numbers_are_a_set(tmp_path: Path) -> None:
    """If this fails, a class that nobody trained on passes as a number within the range."""
    table = TABLE.with_columns(bought=pl.Series([1, 5, 9] * 1_000).head(TABLE.height))
    config, _, initial = _written(tmp_path, table)
    assert config.task == "classification"
    assert config.data.columns["bought"].allowed == [1, 5, 9]
    assert config.data.columns["bought"].max is None
    assert initial.findings == []


def test_types_that_are_hardly_meant_are_not_written_down_in_silence(tmp_path: Path) -> None:
    """With the type written down no run says any more that digits are lost, or that one word made texts."""
    long = 12345678901234567890123
    table = pl.DataFrame(
        {
            "code": [str(long + number % 300) for number in range(400)],
            "weight": ["oops" if number == 7 else str(number % 200 + 0.5) for number in range(400)],
            "bought": [("no", "no", "yes")[number % 3] for number in range(400)],
        }
    )
    config, _, initial = _written(tmp_path, table)
    assert (config.data.columns["code"].type, config.data.columns["code"].min) == ("string", None)
    (said,) = [one.message for one in initial.findings if one.rule == "stray-words"]
    assert said.startswith("weight: is text for 0.25 % (1 of 400 rows)")
    assert "'oops' in table.csv, line 9" in said


def test_columns_that_no_predictor_is_given_are_told(tmp_path: Path) -> None:
    """If this fails, a project on images or embeddings trains without them, and no word says why."""
    rows = [
        {"id": number, "image": b"\x89PNG", "embedding": [0.5, 1.5], "y": number % 2} for number in range(40)
    ]
    (tmp_path / "data").mkdir()
    pl.DataFrame(rows).write_parquet(tmp_path / "data" / "table.parquet")
    file, initial = write_initial(tmp_path, tmp_path / "data", "y")
    told = "\n".join(initial.open_points)
    assert "image is left out of the features" in told
    assert "store them as base64 texts" in told
    assert "embedding is left out of the features" in told
    assert "a column for each value" in told
    assert file.read_text(encoding="utf-8").count("{ feature = false }  # CHECK: ") == 2
    assert initial.findings == []


def test_the_only_column_beside_the_label_is_a_feature(tmp_path: Path) -> None:
    """If this fails, a table of texts and classes has a key and nothing to predict from."""
    rows = {"text": [f"text {number}" for number in range(40)], "y": [number % 2 for number in range(40)]}
    (tmp_path / "data").mkdir()
    pl.DataFrame(rows).write_csv(tmp_path / "data" / "table.csv")
    file, _ = write_initial(tmp_path, tmp_path / "data", "y")
    assert "key = " not in file.read_text(encoding="utf-8")


def test_a_table_without_a_feature_is_told(tmp_path: Path) -> None:
    """If this fails, the first run ends where the data is split, and `init` had not a word about it."""
    rows = {"id": range(40), "image": [b"\x89PNG"] * 40, "y": [number % 2 for number in range(40)]}
    (tmp_path / "data").mkdir()
    pl.DataFrame(rows).write_parquet(tmp_path / "data" / "table.parquet")
    _, initial = write_initial(tmp_path, tmp_path / "data", "y")
    assert "no column is left to predict from" in "\n".join(initial.open_points)


def test_a_column_that_is_left_out_may_lack_what_it_lacks(tmp_path: Path) -> None:
    """If this fails, the first run fails for want of an image, or of a number that no model is given."""
    rows = [
        {
            "image": None if number < 4 else b"\x89PNG",
            "far": None if number < 4 else 2**63 + number,
            "y": number % 2,
        }
        for number in range(40)
    ]
    (tmp_path / "data").mkdir()
    table = pl.DataFrame(rows, schema_overrides={"far": pl.UInt64})
    table.write_parquet(tmp_path / "data" / "table.parquet")
    file, initial = write_initial(tmp_path, tmp_path / "data", "y")
    assert file.read_text(encoding="utf-8").count("{ feature = false, max_null = ") == 2
    assert initial.findings == []
    assert "far is left out of the features" in "\n".join(initial.open_points)


def test_texts_for_no_value_are_found(tmp_path: Path) -> None:
    """If this fails, a column of numbers with `?` in it is read as text."""
    table = TABLE.with_columns(
        share=pl.when(pl.col("age_years") == 30).then(pl.lit("?")).otherwise(pl.col("share").cast(pl.String))
    )
    config, _, _ = _written(tmp_path, table)
    assert config.data.null_values == ["?"]
    assert config.data.columns["share"].type == "float"


def test_faults_of_the_data_are_told(tmp_path: Path) -> None:
    """If this fails, rows without a label are passed over in silence."""
    table = TABLE.with_columns(
        bought=pl.when(pl.col("age_years") == 30).then(None).otherwise(pl.col("bought"))
    )
    _, _, initial = _written(tmp_path, table)
    assert [finding.column for finding in initial.findings] == ["bought"]


@pytest.mark.parametrize("place", ["data", "data/*.parquet", "data/events"])
def test_a_table_of_several_files(tmp_path: Path, place: str) -> None:
    """If this fails, only tables of one file can be adopted."""
    for part in (0, 1):
        folder = tmp_path / "data" / (f"events/day={part}" if place.endswith("events") else "")
        folder.mkdir(parents=True, exist_ok=True)
        TABLE[200 * part : 200 * part + 200].write_parquet(folder / f"{part}.parquet")
    file, initial = write_initial(tmp_path, tmp_path / place, "bought")
    data = load_config(tmp_path).config.data
    assert data.path == ("**/*.parquet" if place.endswith("events") else "*.parquet")
    # Wherever that folder is mounted: its own name is no part of the path.
    assert initial.folder == tmp_path / ("data/events" if place.endswith("events") else "data")
    assert len(table_files(initial.folder, data)) == 2
    assert data.min_rows == 200
    assert initial.findings == []
    assert file.name == "ml-pipeline.toml"


def test_own_settings_of_the_project_stay(tmp_path: Path) -> None:
    """If this fails, `init` destroys a pyproject.toml."""
    before = '[project]\nname = "My Project"\nversion = "1"\n'
    (tmp_path / "pyproject.toml").write_text(before)
    config, text, _ = _written(tmp_path, TABLE)
    assert text.startswith(before)
    assert config.name == "my-project"
    with pytest.raises(UsageError, match="configures the pipeline already"):
        write_initial(tmp_path, tmp_path / "data", "bought")


@pytest.mark.parametrize(
    "table",
    ['[tool."ml-pipeline"]\n', '[tool]\nml-pipeline = {name = "x"}\n', 'tool.ml-pipeline.name = "x"\n'],
)
def test_a_configuration_in_other_words_is_seen(tmp_path: Path, table: str) -> None:
    """If this fails, `init` makes a file that is no TOML any more."""
    (tmp_path / "pyproject.toml").write_text(table)
    with pytest.raises(UsageError, match="configures the pipeline already"):
        _written(tmp_path, TABLE)


def test_line_ends_and_comments_of_the_project_stay(tmp_path: Path) -> None:
    """If this fails, a colleague on Windows finds every line of pyproject.toml changed."""
    before = b'# ours\r\n[project]\r\nname = "shop"  # keep\r\n'
    (tmp_path / "pyproject.toml").write_bytes(before)
    _written(tmp_path, TABLE)
    after = (tmp_path / "pyproject.toml").read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == after.count(b"\r\n")


def test_a_pyproject_that_takes_no_more_tables(tmp_path: Path) -> None:
    """If this fails, `init` breaks a pyproject.toml whose `tool` stands on one line."""
    before = "tool = { ruff = { line-length = 99 } }\n"
    (tmp_path / "pyproject.toml").write_text(before)
    config, _, _ = _written(tmp_path, TABLE)
    assert (tmp_path / "pyproject.toml").read_text() == before
    assert config.data.label == "bought"


def test_a_broken_pyproject_is_told(tmp_path: Path) -> None:
    """If this fails, a typing error in pyproject.toml ends in a traceback."""
    (tmp_path / "pyproject.toml").write_text("[project\n")
    with pytest.raises(UsageError, match="not valid TOML"):
        _written(tmp_path, TABLE)


def test_personal_columns_show_nothing(tmp_path: Path) -> None:
    """If this fails, the configuration itself tells whose data it was made from."""
    table = TABLE.with_columns(
        mobile=pl.Series(range(4_912_000, 4_912_400)),
        contact=pl.Series([f"someone{number % 3}@example.org" for number in range(400)]),
        zip_code=pl.Series([10_000 + number % 7 for number in range(400)]),
    )
    config, text, _ = _written(tmp_path, table)
    for name in ("mobile", "contact", "zip_code", "email"):
        rule = config.data.columns[name]
        assert rule.sensitive
        assert rule.allowed is None
        assert rule.max is None
    assert not any(told in text for told in ("4912", "someone", "10000", "example.org"))


def test_codes_have_slack_where_rare_ones_occur(tmp_path: Path) -> None:
    """If this fails, a family with one more child than any before stops the release."""
    table = TABLE.with_columns(
        children=pl.Series([number % 4 if number else 9 for number in range(400)]),
        code=pl.Series([number % 4 for number in range(400)]),
    )
    rules = _written(tmp_path, table)[0].data.columns
    assert rules["code"].max == 3
    assert (rules["children"].max or 0) > 12


def test_the_next_customer_breaks_no_rule(tmp_path: Path) -> None:
    """If this fails, an export with later numbers of customers is refused for them."""
    table = TABLE.with_columns(
        account_id=pl.Series([number // 4 for number in range(400)]),
        store_id=pl.Series([number % 4 for number in range(400)]),
        visits=pl.Series([number // 2 for number in range(400)]),
    )
    rules = _written(tmp_path, table)[0].data.columns
    assert (rules["account_id"].type, rules["account_id"].min, rules["account_id"].max) == ("int", None, None)
    assert (rules["store_id"].max, rules["visits"].max) == (3, 240)


@pytest.mark.parametrize(
    ("name", "seen", "rule"),
    [
        ("month", ["2026-07", "2026-08"], (None, None, None)),
        ("quarter", ["2026-Q1", "2026Q2"], (None, None, None)),
        ("week", ["2025-W52", "2026-W01"], (None, None, None)),
        ("size", ["2026-07", "large"], (None, None, ["2026-07", "large"])),
        ("month", [7, 8], (1, 12, None)),
        ("order_month", [7, 8], (1, 12, None)),
        ("week", [30, 31], (1, 53, None)),
        ("hour", [0, 12], (0, 23, None)),
        ("month", [0, 12], (0, 12, None)),  # counted from 0: no month of the calendar
        ("year", [2025, 2026], (2025, None, None)),
        ("yyyymm", [202512, 202601], (202512, None, None)),
        ("day", [20260730, 20260731], (20260730, None, None)),
        ("price", [2025, 2026], (2025, 2026, None)),
        ("months", [7, 8], (7, 8, None)),  # of a contract, say
    ],
)
def test_the_next_month_breaks_no_rule(
    tmp_path: Path, name: str, seen: list[Any], rule: tuple[int | None, int | None, list[str] | None]
) -> None:
    """If this fails, data in folders such as `month=2026-08` is refused as soon as the next folder comes."""
    table = TABLE.with_columns(pl.Series(name, [seen[number % 2] for number in range(400)]))
    found = _written(tmp_path, table)[0].data.columns[name]
    assert (found.min, found.max, found.allowed) == rule


@pytest.mark.parametrize(
    ("label", "doubt"),
    [
        ([0.0, 1.0] * 200, 'rather "classification"'),
        ([f"c{number}" for number in range(400)], "is it the label"),
        (["a", "b"] * 200, None),
    ],
)
def test_doubts_about_the_label_are_told(tmp_path: Path, label: list[Any], doubt: str | None) -> None:
    """If this fails, classes are fitted as numbers, or a key is predicted, and nobody is told."""
    _, _, initial = _written(tmp_path, TABLE.with_columns(bought=pl.Series(label)))
    told = [point for point in initial.open_points if "label" in point or "task" in point]
    assert len(told) == (doubt is not None)
    assert all(doubt in point for point in told if doubt)


HINTS: dict[str, tuple[dict[str, list[Any]], str]] = {
    "several labels": ({"y": [("a|b", "a", "b|c")[n % 3] for n in range(300)]}, "is each such text a class?"),
    "maybe several": ({"y": [("A|A", "A|G", "G|G")[n % 3] for n in range(300)]}, '"multilabel"'),
    "ranking": (
        {"query_id": [f"q{n // 6}" for n in range(300)], "y": [n % 5 for n in range(300)]},
        'evaluation.query = "query_id"',
    ),
    "things by number": (
        {
            "house_id": [n // 6 for n in range(300)],
            "town_id": [n % 25 for n in range(300)],
            "y": list("ab" * 150),
        },
        'cluster = "house_id"',
    ),
    "people": ({"author": [f"p{n // 6}" for n in range(300)], "y": list("ab" * 150)}, 'cluster = "author"'),
    "series": (
        {
            "station": [f"s{n % 3}" for n in range(300)],
            "timestamp": [f"2024-01-{1 + n // 72:02}T{n // 3 % 24:02}:00:00Z" for n in range(300)],
            "y": [float(n) for n in range(300)],
        },
        'method = "time", column = "timestamp"',
    ),
    "key of two": (
        {
            "station": [f"s{n % 3}" for n in range(300)],
            "timestamp": [f"2024-01-{1 + n // 72:02}T{n // 3 % 24:02}:00:00Z" for n in range(300)],
            "y": [n % 7 / 2 for n in range(300)],
        },
        'key = ["station", "timestamp"]',
    ),
}


@pytest.mark.parametrize(("columns", "hint"), HINTS.values(), ids=list(HINTS))
def test_what_only_a_person_knows_is_asked(tmp_path: Path, columns: dict[str, list[Any]], hint: str) -> None:
    """Rows of one person on both sides, or the past judged by the future, would make a model look better than
    it is, and nobody would have been asked."""
    _, _, initial = _written(tmp_path, pl.DataFrame(columns), "y")
    assert sum(hint in point for point in initial.open_points) == 1, initial.open_points


def test_sets_of_labels_are_no_classes(tmp_path: Path) -> None:
    """If this fails, a set of labels that nobody had before is an error of the data, and a gate asks for the
    accuracy of sets as if they were classes."""
    labels = [("hard|soft", "soft", None, "hard|round|soft", "round")[n % 5] for n in range(400)]
    config, text, initial = _written(tmp_path, TABLE.with_columns(bought=pl.Series(labels)))
    rule = config.data.columns["bought"]
    assert config.task == "multilabel"
    assert rule.allowed is None
    assert not config.data.balance.min_share
    assert 0.2 < (rule.max_null or 0) < 0.4
    assert initial.findings == []
    (gate,) = (gate for gate in config.gates if isinstance(gate, NoRegression))
    assert gate.metric == "f1_micro"
    assert 'task = "multilabel"  # CHECK' in text


def test_the_python_that_a_project_needs_is_written_down(tmp_path: Path) -> None:
    """If this fails, the first run of a project for a newer Python is refused for want of one line."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "p"\nrequires-python = ">=3.28"\n')
    config, text, _ = _written(tmp_path, TABLE)
    assert config.environment.python == "3.28"
    assert 'python = "3.28"  # the project needs Python >=3.28' in text


def test_a_key_of_another_name_is_suggested(tmp_path: Path) -> None:
    """If this fails, who has a key is told that there is none, and rows change sides as data is added."""
    rows = TABLE.select("state", "income", house=pl.concat_str(pl.lit("H"), "row"), bought="bought")
    config, text, initial = _written(tmp_path, rows)
    assert config.data.key == []
    assert 'house = { type = "string" }  # never repeats' in text
    (point,) = [point for point in initial.open_points if point.startswith("data.key")]
    assert 'house never repeats: key = ["house"]' in point


def test_a_time_that_never_repeats_is_suggested_alone(tmp_path: Path) -> None:
    """If this fails, a series is told that its time identifies a row together with any other column."""
    hours = pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 17, 15), "1h", eager=True)
    rows = TABLE.select("state", "bought", at=hours)
    _, _, initial = _written(tmp_path, rows)
    (point,) = [point for point in initial.open_points if point.startswith("data.key")]
    assert 'but at never repeats: key = ["at"]' in point


def test_an_index_of_pandas_without_a_name_is_no_column(tmp_path: Path) -> None:
    """If this fails, the number of a row becomes a feature, and a rule that tomorrow's rows break."""
    (tmp_path / "data").mkdir()
    rows = TABLE.to_pandas().sample(frac=0.9, random_state=1).drop(columns="customer_id")
    rows.to_parquet(tmp_path / "data" / "table.parquet")
    initial = initial_config(tmp_path, tmp_path / "data", "bought")
    assert "__index_level_0__" not in initial.text
    assert [point for point in initial.open_points if "index that pandas wrote has no name" in point]


def test_an_index_of_pandas_with_a_name_is_told_of(tmp_path: Path) -> None:
    """If this fails, the training that asks for its index by time ends in an error of pandas."""
    (tmp_path / "data").mkdir()
    rows = TABLE.to_pandas().set_index("customer_id")
    rows.to_parquet(tmp_path / "data" / "table.parquet")
    initial = initial_config(tmp_path, tmp_path / "data", "bought")
    (point,) = [point for point in initial.open_points if "index that pandas wrote" in point]
    assert point.startswith("data: customer_id, ")
    assert 'frame.set_index("customer_id") makes' in point
    rows.reset_index().to_parquet(tmp_path / "data" / "table.parquet")
    again = initial_config(tmp_path, tmp_path / "data", "bought")
    assert not [point for point in again.open_points if "index" in point]


@pytest.mark.parametrize(
    ("table", "locked", "told"),
    [
        ("table.jsonl", "pandas==3.0\n", True),
        ("table.parquet", "pandas==3.0\n    # via pyarrow\n", True),
        ("table.jsonl", "pandas==3.0\npyarrow==24.0\n", False),
        ("table.parquet", "fastparquet==2026.5\n", False),
        ("table.csv", "pandas==3.0\n", False),
    ],
)
def test_a_lock_that_reads_no_parquet_is_told(tmp_path: Path, table: str, locked: str, *, told: bool) -> None:
    """If this fails, who has JSON lines learns from a red first run that the predictor is given Parquet."""
    (tmp_path / "data").mkdir()
    kind = {"jsonl": "ndjson"}.get(suffix := table.partition(".")[2], suffix)
    getattr(TABLE, f"write_{kind}")(tmp_path / "data" / table)
    (tmp_path / "requirements.lock").write_text(locked, encoding="utf-8")
    initial = initial_config(tmp_path, tmp_path / "data", "bought")
    points = [
        point for point in initial.open_points if point.startswith("predictor: requirements.lock has no")
    ]
    assert bool(points) is told


def test_plain_columns_raise_no_hint(tmp_path: Path) -> None:
    """Who is asked about everything reads nothing."""
    _, _, initial = _written(tmp_path, TABLE.with_columns(signed=pl.lit("2024-01-02")))
    assert not [p for p in initial.open_points if p.startswith(("task", "data.split", "evaluation"))]


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    """If this fails, a typing error ends in a traceback."""
    (tmp_path / "data").mkdir()
    with pytest.raises(UsageError, match="does not exist"):
        initial_config(tmp_path, tmp_path / "nowhere", "y")
    with pytest.raises(UsageError, match="holds no table"):
        initial_config(tmp_path, tmp_path / "data", "y")
    (tmp_path / "data" / "a.csv").write_text("x,y\n")
    with pytest.raises(UsageError, match="no column 'z' to be the label; it has x, y"):
        initial_config(tmp_path, tmp_path / "data", "z")
    with pytest.raises(DataError, match="no rows"):
        initial_config(tmp_path, tmp_path / "data", "y")
    (tmp_path / "data" / "b.csv").write_text("x,z\n")
    with pytest.raises(UsageError, match=r"holds a.csv, b.csv; name one"):
        initial_config(tmp_path, tmp_path / "data", "y")
    (tmp_path / "sheets").mkdir()
    (tmp_path / "sheets" / "a.xlsx").touch()
    with pytest.raises(UsageError, match=r"holds no table \(a.xlsx; tables are .csv"):
        initial_config(tmp_path, tmp_path / "sheets", "y")


@pytest.mark.parametrize(
    ("script", "command"),
    [
        (
            'parser.add_argument("--data")\nparser.add_argument("--model")\nparser.add_argument("--seed")',
            "python train.py --data {train} --model {model} --seed {seed}",
        ),
        (
            "@click.option('--train-data')\n@click.option('--out')",
            "python train.py --train-data {train} --out {model}",
        ),
        (
            'parser.add_argument("--train_csv")\nparser.add_argument("--out-dir")',
            "python train.py --train_csv {train} --out-dir {model}",
        ),
        ("_, data, model, seed = sys.argv", "python train.py {train} {model} {seed}"),
        ("main(sys.argv[1], sys.argv[2])", "python train.py {train} {model}"),
        ("main(*sys.argv[1:])", "python train.py {train} {model} {seed}"),
        ("print(1)", "python train.py --data {train} --model {model}"),
    ],
)
def test_training_command_is_read_off_the_script(tmp_path: Path, script: str, command: str) -> None:
    """If this fails, the first training fails with a usage error."""
    (tmp_path / "train.py").write_text(script)
    found = train_command(tmp_path)
    assert found.value == command
    assert ("by their place" in found.why) is ("argv" in script)


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("joblib.dump(model, path)", "joblib.dump"),
        ("pickle.dump(model, stream)", "pickle.dump"),
        ("torch.save(model.state_dict(), path)", "torch.save"),
        ("json.dump(model, stream)", ""),
        ("pickle.dumps(model)", ""),
    ],
)
def test_a_model_that_will_be_refused_is_told_before_it_is_trained(
    tmp_path: Path, text: str, call: str
) -> None:
    """If this fails, hours of training end with a word about a format that was known from the start."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "fit.py").write_text(text)
    told = told_of_pickles(tmp_path)
    assert len(told) == bool(call)
    assert all(one.startswith(f"predictor.allow_pickle: fit.py calls {call}, and a pickle") for one in told)


@pytest.mark.parametrize(
    ("file", "text", "command"),
    [
        (
            "load.py",
            "model.fit(x)\nif __name__ == '__main__':\n    run(sys.argv)\n",
            "python load.py {train}",
        ),
        (
            "spam/__main__.py",
            "parser.add_argument('--output')\npipe.fit(x)\n",
            "python -m spam --data {train} --output",
        ),
        ("src/spam/__main__.py", "train(x)\n", "python -m spam --data {train} --model {model}"),
        ("other.py", "model.fit(x)\n", "python train.py --data {train}"),
    ],
)
def test_a_program_of_another_name_that_trains_is_found(
    tmp_path: Path, file: str, text: str, command: str
) -> None:
    """If this fails, whose script is not called train.py gets a command for a file that does not exist."""
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    found = train_command(tmp_path)
    assert found.value.startswith(command)
    assert not found.sure
    assert "--output" not in text or "it has --output" in found.why


def test_loader_is_found_where_the_project_has_it(tmp_path: Path) -> None:
    """If this fails, somebody searches their own code for an entry point."""
    assert not predictor_loader(tmp_path).sure
    for name in ("src/shop", "tests", ".venv/lib"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "broken.py").write_text("def load(:")
    (tmp_path / "tests" / "load.py").write_text("def load(x): ...")
    (tmp_path / ".venv" / "lib" / "x.py").write_text("def load(x): ...")
    (tmp_path / "src" / "shop" / "io.py").write_text("def load(x): ...")
    assert predictor_loader(tmp_path).value == "shop.io:load"
    (tmp_path / "src" / "shop" / "predictor.py").write_text("def load(x): ...")
    assert predictor_loader(tmp_path).value == "shop.predictor:load"
    assert predictor_loader(tmp_path).sure


def test_a_package_that_is_called_src_is_imported_as_such(tmp_path: Path) -> None:
    """If this fails, projects that import `src.models...` get a loader whose relative imports fail."""
    (tmp_path / "src" / "models").mkdir(parents=True)
    for name in ("__init__.py", "models/__init__.py"):
        (tmp_path / "src" / name).touch()
    (tmp_path / "src" / "models" / "__main__.py").write_text("train(x)\n")
    (tmp_path / "src" / "models" / "serve.py").write_text("def load(model_dir): ...\n")
    (tmp_path / "__init__.py").write_text("def load(model_dir): ...\n")  # of no module that can be named
    assert predictor_loader(tmp_path).value == "src.models.serve:load"
    assert train_command(tmp_path).value.startswith("python -m src.models ")


@pytest.mark.parametrize(
    ("source", "found", "sure"),
    [
        ("def load(path): ...\n", "shop:load", False),
        ("def load(model_file): ...\n", "shop:load", False),
        ("def load(path): ...\ndef load_model(model_dir): ...\n", "shop:load_model", True),
        ("def load(folder, device='cpu', *, strict=True): ...\n", "shop:load", True),
        ("def load(folder, device): ...\n", "predictor:load", False),
        ("def load(folder, *, device): ...\n", "predictor:load", False),
        ("def load(): ...\n", "predictor:load", False),
    ],
)
def test_a_loader_that_may_not_take_a_folder_is_to_be_looked_at(
    tmp_path: Path, source: str, found: str, *, sure: bool
) -> None:
    """If this fails, `init` is sure of a function that cannot be called with the model's folder."""
    (tmp_path / "shop.py").write_text(source)
    loader = predictor_loader(tmp_path)
    assert (loader.value, loader.sure) == (found, sure)
    assert found == "predictor:load" or sure or "called with the model's folder: see that its" in loader.why


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ('(Path(out) / "model.onnx").write_bytes(model.SerializeToString())\n', "a .onnx file"),
        ("torch.onnx.export(net, rows, f'{folder}/{name}.onnx')\n", "a .onnx file"),
        ('skops.io.dump(model, folder / "model.skops")\n', "a .skops file"),
        ("mlflow.sklearn.save_model(model, folder)\n", "MLflow's format"),
        ("model.save(folder / 'model.ubj')  # not as model.onnx\n", ""),
    ],
)
def test_a_model_that_says_how_it_is_loaded_needs_no_loader(tmp_path: Path, source: str, what: str) -> None:
    """If this fails, who stores ONNX is told to write code that nobody needs, and the first run fails."""
    (tmp_path / "train.py").write_text(source)
    loader = predictor_loader(tmp_path)
    assert loader.value == (PredictorConfig().load if what else "predictor:load")
    assert loader.why.startswith(f"train.py writes {what}" if what else "write load(model_dir)")
    (tmp_path / "serve.py").write_text("def load(model_dir): ...\n")
    assert predictor_loader(tmp_path).value == "serve:load"


def test_name_is_one_that_an_address_may_have(tmp_path: Path) -> None:
    """If this fails, the first run ends with a fault in `name`."""
    folder = tmp_path / "_Über Projekt (2)_"
    folder.mkdir()
    assert project_name(folder) == "uber-projekt-2"


def test_ranges_of_long_codes_are_exact(tmp_path: Path) -> None:
    """If this fails, what was written is broken by the data that it came from."""
    codes = [2**53 + 1, 2**53 + 3, -(2**62) - 1]
    table = pl.DataFrame({"n": range(300), "code": [codes[i % 3] for i in range(300)]})
    table = table.with_columns(bought=pl.Series(["no", "yes"] * 150))
    config, text, initial = _written(tmp_path, table)
    rule = config.data.columns["code"]
    assert (rule.min, rule.max) == (min(codes), max(codes))
    assert f"min = {min(codes)}, max = {max(codes)}" in text
    assert initial.findings == []


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.booleans()
        | st.integers(-(2**62), 2**62)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )
)
def test_values_are_written_as_toml_reads_them(value: Any) -> None:
    """If this fails, an odd column name or value makes a file that is no TOML."""
    try:
        toml(value).encode()
    except UnicodeEncodeError:
        return
    assert tomllib.loads(f"x = {toml(value)}") == {"x": value}


def _times(rows: int, last: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "n": range(rows),
            "day": [f"2024-03-{1 + i % 28:02}" for i in range(rows)],
            "when": [f"2024-03-01T10:{i % 60:02}:00Z" for i in range(rows)],
            "mostly": ["2024-03-01"] * (rows - 1) + [last],
            "y": ["a", "b"] * (rows // 2),
        }
    )


@pytest.mark.parametrize("last", ["2024-03-02", "soon"])
def test_times_of_json_lines_are_declared(tmp_path: Path, last: str) -> None:
    """If this fails, JSON, which has no times, gives the model texts where CSV gives it times."""
    (tmp_path / "data").mkdir()
    rows = 140_000  # more than the sample, in which a last word may be missing
    _times(rows if last == "soon" else 200, last).write_ndjson(tmp_path / "data" / "t.jsonl")
    file, initial = write_initial(tmp_path, tmp_path / "data", "y")
    columns = load_config(tmp_path).config.data.columns
    assert [columns[name].type for name in ("day", "when", "mostly")] == [
        "date",
        "datetime",
        "string" if last == "soon" else "date",
    ]
    assert 'when = { type = "datetime" }  # seen 2024-03-01 to 2024-03-01' in file.read_text()
    assert not [one for one in initial.findings if one.severity == "error"]
