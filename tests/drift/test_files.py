"""Drift between files: profiles that were stored, tables themselves, rows that come in clusters."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ml_stages.config.data import DataConfig
from ml_stages.config.drift import DriftConfig, Severity
from ml_stages.data.clusters import design_effect
from ml_stages.data.measure import measure
from ml_stages.data.read import open_table
from ml_stages.data.wanted import Scope
from ml_stages.drift.files import Reading, drift_json, drift_of_files, drift_text, load_profile
from ml_stages.drift.measure import Roles, drift
from ml_stages.drift.sensitive import masked
from ml_stages.errors import DataError, UsageError


def _table(seed: int, shift: float = 0.0, rows: int = 3_000) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": np.arange(rows) + seed * rows,
            "weight": random.normal(shift, size=rows),
            "code": random.integers(0, 900, rows).astype(str),
            "colour": random.choice(["red", "green"], rows),
        }
    )


def _written(folder: Path, name: str, table: pl.DataFrame) -> Path:
    path = folder / name
    table.write_parquet(path) if name.endswith("parquet") else table.write_csv(path)
    return path


def test_tables_and_stored_profiles_are_compared_alike(tmp_path: Path) -> None:
    """If this fails, drift against the image's reference differs from drift against its data."""
    before = _written(tmp_path, "before.csv", _table(1))
    after = _written(tmp_path, "after.parquet", _table(2, shift=0.5).with_columns(pl.col("code").cast(int)))
    (tmp_path / "profile").mkdir()
    stored = tmp_path / "profile" / "profile.json"
    stored.write_text(load_profile(before).model_dump_json(), encoding="utf-8")
    report = drift_of_files(before, after)
    assert drift_of_files(stored, after) == report
    assert drift_of_files(stored.parent, after) == report
    severities = {column.column: column.severity for column in report.columns}
    assert severities["weight"] in {Severity.MINOR, Severity.MAJOR}
    assert severities["colour"] is Severity.NONE
    assert severities["id"] is Severity.NONE


def test_codes_that_look_like_numbers_stay_texts(tmp_path: Path) -> None:
    """If this fails, postal codes change their type because this month's have no letter."""
    letters = _table(1).with_columns(code=pl.when(pl.col("id") % 7 == 0).then(pl.lit("A7")).otherwise("code"))
    before = _written(tmp_path, "before.csv", letters)
    after = _written(tmp_path, "after.csv", _table(2))
    columns = {column.column: column for column in drift_of_files(before, after).columns}
    assert "type" not in columns["code"].message


def test_times_in_json_are_times_where_the_reference_has_them(tmp_path: Path) -> None:
    """If this fails, a log in JSON lines is major drift against a table of CSV or Parquet, every week."""
    table = pl.DataFrame({"x": [i % 9 for i in range(400)], "t": pl.Series(range(400), dtype=pl.Date)})
    table = table.with_columns(at=pl.col("t").cast(pl.Datetime("us", "UTC")))
    before, after = _written(tmp_path, "before.parquet", table), tmp_path / "after.jsonl"
    table.with_columns(pl.col("at").dt.to_string("%Y-%m-%dT%H:%M:%SZ")).write_ndjson(after)
    told = drift_text(drift_of_files(before, after)).splitlines()
    assert told[-1].startswith("none: 1 of 3 columns as before, 2 not compared")
    table.with_columns(t=pl.Series(["soon", "2024-01-01"] * 200)).write_ndjson(after)
    columns = {column.column: column for column in drift_of_files(before, after).columns}
    assert (columns["t"].severity, columns["t"].message) == (Severity.MAJOR, "the type is string, was date")
    assert columns["at"].severity is Severity.NONE


def test_infinities_that_come_are_told(tmp_path: Path) -> None:
    """If this fails, a sixth of a column becomes infinite and is told as before."""
    x = np.random.default_rng(0).normal(size=3000)
    before = _written(tmp_path, "before.parquet", pl.DataFrame({"x": x}))
    after = _written(tmp_path, "after.parquet", pl.DataFrame({"x": np.where(x > 1, np.inf, x)}))
    for first, second, told in ((before, after, "15"), (after, before, "0")):
        (column,) = drift_of_files(first, second).columns
        assert column.severity is Severity.MAJOR
        assert column.message.startswith(f"{told}.")
        assert "% missing or infinite, was " in column.message


def test_texts_too_many_to_be_listed_are_compared_by_their_lengths(tmp_path: Path) -> None:
    """If this fails, comments that are twice as long are as before, since each of them is rare."""

    def texts(seed: int, longest: int) -> pl.DataFrame:
        random = np.random.default_rng(seed)
        comments = [f"{'x' * n}{i % 7000}" for i, n in enumerate(random.integers(1, longest, 9000))]
        return pl.DataFrame({"x": comments[:8000] + comments[:1000]})

    before = _written(tmp_path, "before.parquet", texts(1, 200))
    (alike,) = drift_of_files(before, _written(tmp_path, "alike.parquet", texts(2, 200))).columns
    assert (alike.severity, alike.compared) == (Severity.NONE, True)
    (longer,) = drift_of_files(before, _written(tmp_path, "longer.parquet", texts(3, 400))).columns
    assert longer.severity is Severity.MAJOR
    assert longer.message.startswith("the lengths moved: population stability index")


def test_sentences_that_never_repeat_are_compared_by_their_lengths(tmp_path: Path) -> None:
    """If this fails, comments twice as long are taken for identifiers, and a gate on drift passes them."""

    def texts(seed: int, words: int, rows: int) -> pl.DataFrame:
        random = np.random.default_rng(seed)
        letters = random.choice(list("abcdefgh"), (rows, 40, 4))
        said = [
            " ".join(map("".join, one[: 2 + count]))
            for one, count in zip(letters, random.poisson(words, rows), strict=True)
        ]
        files = [f"{'class of many' if i % 2 else 'a'} {seed * rows + i}.png" for i in range(rows)]
        return pl.DataFrame({"said": said, "file": files})

    for rows in (900, 7000):
        before = _written(tmp_path, "before.csv", texts(1, 8, rows))
        alike = drift_of_files(before, _written(tmp_path, "alike.csv", texts(2, 8, rows)))
        assert [(one.severity, one.compared) for one in alike.columns] == [
            (Severity.NONE, True),
            (Severity.NONE, False),
        ]
        longer = drift_of_files(before, _written(tmp_path, "longer.csv", texts(3, 16, rows)))
        assert [one.severity for one in longer.columns] == [Severity.MAJOR, Severity.NONE]
        assert longer.columns[0].message.startswith("the lengths moved")


def test_every_column_that_is_not_compared_is_told_with_the_reason(tmp_path: Path) -> None:
    """If this fails, somebody believes that what nobody looked at is as before."""
    rows = 400
    table = pl.DataFrame(
        {
            "x": [i % 9 for i in range(rows)],
            "day": pl.Series(range(rows), dtype=pl.Date),
            "id": [f"a{i}" for i in range(rows)],
            "parts": [[i] for i in range(rows)],
            "empty": pl.Series([None] * rows, dtype=pl.Float64),
            "left": [1.0] * rows,
        }
    )
    before = _written(tmp_path, "before.parquet", table)
    gaps = pl.when(pl.col("x") > 3).then(pl.col("day"))
    after = _written(tmp_path, "after.parquet", table.with_columns(gaps.alias("day")))
    report = drift_of_files(before, after, DriftConfig(ignore=["left"]))
    reasons = {
        "id": "nearly every row has a value of its own",
        "parts": "there is no comparison of List(Int64)",
        "empty": "no row of the reference and of the current data has a value",
        "left": "it is ignored",
    }
    assert dict(report.uncompared) == reasons
    day = report.columns[1]
    assert (day.severity, day.compared) == (Severity.MAJOR, False)
    assert day.message.endswith("; not compared: times pass: later rows have later ones")
    told = drift_text(report).splitlines()
    assert [line.split(maxsplit=3)[2:] for line in told[1:-1]] == [[*one] for one in reasons.items()]
    assert told[-1].startswith("major: 1 of 6 columns as before, 4 not compared; ")


def test_a_column_that_one_side_holds_as_sensitive_is_masked_on_both(tmp_path: Path) -> None:
    """If this fails, marking a column shows its old values, all of which seem to be gone."""
    before, after = (
        _written(tmp_path, f"{name}.csv", pl.DataFrame({"illness": ["flu", name] * 400}))
        for name in ("before", "after")
    )
    plain, other = load_profile(before), load_profile(after)
    for sides in ((plain, masked(other, ["illness"])), (masked(plain, ["illness"]), other)):
        (column,) = drift(*sides).columns
        assert column.severity is Severity.MAJOR
        assert not re.search("flu|before|after|#", column.message)
        (same,) = drift(plain, masked(plain, ["illness"])).columns
        assert same.severity is Severity.NONE


def test_predictions_of_a_sensitive_label_are_not_shown(tmp_path: Path) -> None:
    """If this fails, a diagnosis that is predicted for the first time stands in the report."""
    table = _written(tmp_path, "t.csv", pl.DataFrame({"y": ["flu", "cold"] * 400}))
    data = masked(load_profile(table), ["y"])
    then, now = (
        load_profile(_written(tmp_path, f"{name}.csv", pl.DataFrame({"prediction": ["flu", name] * 400})))
        for name in ("cold", "canary")
    )
    label, predicted = drift(data, data, roles=Roles("y"), predictions=(then, now)).columns
    assert (label.part, label.severity) == ("label", Severity.NONE)
    assert (predicted.part, predicted.severity) == ("prediction", Severity.MAJOR)
    assert not re.search("canary|cold|#", predicted.message)


def test_times_are_not_said_to_be_as_before(tmp_path: Path) -> None:
    """If this fails, columns that nobody compared are told as unchanged."""
    table = pl.DataFrame({"x": [i % 9 for i in range(400)], "t": pl.Series(range(400), dtype=pl.Date)})
    before, after = tmp_path / "before.parquet", tmp_path / "after.parquet"
    table.write_parquet(before)
    table.with_columns(pl.col("t") + pl.duration(days=900)).write_parquet(after)
    told = drift_text(drift_of_files(before, after))
    assert told.splitlines() == [
        "not compared t  times pass: later rows have later ones",
        "none: 1 of 2 columns as before, 1 not compared; 400 rows against 400",
    ]


def test_a_new_month_is_no_drift_and_an_unknown_text_is(tmp_path: Path) -> None:
    """A folder a month (`month=2026-10`) made every run after the first one major drift."""
    months = [f"2026-{month:02}" for month in range(1, 10) for _ in range(300)]
    before = pl.DataFrame({"month": months, "kind": ["old", "new"] * 1_350})
    later = pl.DataFrame({"month": ["2026-10"] * 300, "kind": ["2026-10"] * 300})
    files = _written(tmp_path, "a.csv", before), _written(tmp_path, "b.csv", pl.concat([before, later]))
    month, kind = drift_of_files(*files).columns
    assert month.severity is Severity.NONE
    assert month.message == "not compared: times pass: later rows have later ones"
    assert kind.severity is Severity.MAJOR


def test_report_for_people_and_programs(tmp_path: Path) -> None:
    """If this fails, what `ml-pipeline drift` prints cannot be read."""
    before, after = (_written(tmp_path, f"{seed}.csv", _table(seed, shift=seed / 2)) for seed in (0, 2))
    report = drift_of_files(before, after)
    text = drift_text(report).splitlines()
    assert text[0].startswith("major        weight  the distribution moved: population stability index")
    assert text[-1] == "major: 2 of 4 columns as before, 1 not compared; 3,000 rows against 3,000"
    assert '"severity": "major"' in drift_json(report)


def test_what_is_no_profile_and_no_table(tmp_path: Path) -> None:
    """If this fails, a wrong path ends in a traceback."""
    table = _written(tmp_path, "t.csv", _table(1))
    (tmp_path / "other.json").write_text('{"rows": 1}')
    with pytest.raises(UsageError, match=r"other.json is no profile"):
        drift_of_files(tmp_path / "other.json", table)
    with pytest.raises(UsageError, match=r"nowhere does not exist"):
        drift_of_files(table, tmp_path / "nowhere")
    (tmp_path / "text.csv").write_bytes(b"a\n\xff\n")
    with pytest.raises(DataError, match="line 2"):
        drift_of_files(table, tmp_path / "text.csv")


def test_design_effect_is_the_textbook_s() -> None:
    """If this fails, clustered rows count for too much or too little."""
    random = np.random.default_rng(1)
    effects = []
    for _ in range(30):
        shared = np.repeat(random.random(400) < 0.4, 10)
        own = random.random(4_000) < 0.4
        mixed = np.where(random.random(4_000) < 0.2**0.5, shared, own)  # intraclass correlation 0.2
        effects.append(design_effect(mixed, np.repeat(np.arange(400), 10)))
    assert float(np.mean(effects)) == pytest.approx(1 + 9 * 0.2, rel=0.05)
    independent = random.random(4_000) < 0.4
    assert design_effect(independent, np.arange(4_000)) == pytest.approx(1, abs=0.01)
    assert design_effect(np.zeros(5, dtype=bool), np.arange(5)) == 1.0


def test_clustered_rows_are_no_false_alarm(tmp_path: Path) -> None:
    """If this fails, ten visits of each patient raise alarms in most comparisons without drift."""
    random = np.random.default_rng(2)
    plain = counted = 0
    for draw in range(15):
        paths = []
        for side in ("before", "after"):
            patient = np.repeat(np.arange(60), 20)
            columns = {
                f"x{i}": np.repeat(random.normal(size=60), 20) + random.normal(size=1_200) for i in range(3)
            }
            table = pl.DataFrame({"patient": patient, **columns})
            paths.append(_written(tmp_path, f"{side}{draw}.parquet", table))
        for cluster in (None, "patient"):
            config, reading = DriftConfig(ignore=["patient"]), Reading(cluster=cluster)
            report = drift_of_files(paths[0], paths[1], config, reading)
            proven = any(d.adjusted_p_value <= 0.05 for c in report.columns for d in c.differences)
            plain += proven and cluster is None
            counted += proven and cluster is not None
    assert plain >= 10
    assert counted <= 3


def _of_all_kinds(seed: int, rows: int = 30_000) -> pl.DataFrame:
    """Columns nearly all of whose values differ, and others, some of them in kinds that count apart."""
    random, number = np.random.default_rng(seed), pl.int_range(rows, eager=True)
    counted = number + seed * rows
    return pl.DataFrame(
        {
            "id": counted,
            "name": "user-" + counted.cast(pl.String),
            "id with a sentinel": pl.select(pl.when(number % 40 == 0).then(0).otherwise(counted)).to_series(),
            "id some twice": (counted - (number % 25 == 0).cast(pl.Int64)),
            "id many twice": (counted - (number % 12 == 0).cast(pl.Int64)),
            "amount": random.normal(seed, size=rows).round(3),
            "share": pl.Series(random.random(rows)).set(number % 7 == 0, None),
            "odd": np.where(random.random(rows) < 0.01, np.nan, random.normal(size=rows)),
            "price": pl.Series(random.integers(0, 10**6, rows)).cast(pl.Decimal(12, 2)),
            "code": random.integers(0, 9, rows),
            "flag": random.random(rows) < 0.1 * seed,
            "town": random.choice(["Bonn", "Rome", "Oslo"], rows),
            "day": pl.Series(random.integers(0, 900, rows)).cast(pl.Date),
        }
    )


@pytest.mark.parametrize("name", ["now.parquet", "now.csv"])
def test_what_is_left_out_of_the_current_side_changes_no_word(tmp_path: Path, name: str) -> None:
    """If this fails, `ml-pipeline drift` says other things of a table than of its stored profile."""
    before = load_profile(_written(tmp_path, "before.parquet", _of_all_kinds(1)))
    _written(tmp_path, name, _of_all_kinds(2))
    config = DataConfig(path=name, label="")
    whole, part = (
        measure(
            open_table(tmp_path, config),
            config,
            "regression",
            Scope(sample_rows=4_000, rows=False, for_drift=for_drift),
        )
        for for_drift in (False, True)
    )
    report = drift(before, part)
    assert report == drift(before, whole)
    said = {column.column: column.message for column in report.columns}
    identifiers = {column for column, message in said.items() if "a value of its own" in message}
    assert identifiers == {"id", "name", "id some twice", "id with a sentinel"}
    left_out = {column.name for column in part.columns if column.std is None}
    assert left_out == {column.name for column in part.columns}
    assert {column.name for column in whole.columns if column.std is not None} >= {"amount", "price", "code"}
