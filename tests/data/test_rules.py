"""Rules that look beyond the single value: age, slices, versions, digests, and who is on which side."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from ml_stages.config.data import ColumnRule, DataConfig
from ml_stages.data.files import data_files
from ml_stages.data.profile import Profile
from ml_stages.errors import UsageError
from ml_stages.gates.data_validation import DataValidation
from ml_stages.gates.gate import Evidence, GateStatus
from ml_stages.host.artifact import data_folder
from tests.data.job import DataFolder, folder

TIMES = "at,x,y\n" + "".join(f"2026-03-{day:02d}T08:00,{day},{'ab'[day % 2]}\n" for day in range(1, 21))


def _at(data: DataFolder, as_of: str) -> DataFolder:
    return replace(data, as_of=as_of)


@pytest.mark.parametrize("text", ["at", "at,zone", "date"])
def test_old_data_is_told_with_its_age(tmp_path: Path, text: str) -> None:
    """If this fails, a feed that stopped a week ago trains today's model."""
    content = TIMES.replace("T08:00", {"at": "T08:00", "at,zone": "T08:00+00:00", "date": ""}[text])
    data = folder(tmp_path, content, columns={"at": {"max_age": "3d"}})
    assert _at(data, "2026-03-22T10:00:00+00:00").findings() == []
    found = _at(data, "2026-03-25T10:00:00+00:00").finding("freshness")
    newest = "2026-03-20T00:00Z" if text == "date" else "2026-03-20T08:00Z"
    assert (found.observed, found.expected, found.column) == (newest, "3d", "at")
    assert found.message == f"at: the newest time is {newest}, 5 days ago; expected at most 3d"


def test_times_in_the_future_are_told(tmp_path: Path) -> None:
    """If this fails, one row of next year makes every feed fresh for ever."""
    data = folder(tmp_path, TIMES.replace("2026-03-20", "2027-03-20"), columns={"at": {"max_age": "3d"}})
    assert "in the future" in _at(data, "2026-03-21T08:00:00+00:00").finding("freshness").message


def test_an_age_of_what_is_no_time_is_told(tmp_path: Path) -> None:
    """If this fails, a rule for the wrong column never fails."""
    data = folder(tmp_path, TIMES, columns={"x": {"max_age": "3d"}})
    assert "holds no times" in _at(data, "2026-03-21T08:00:00+00:00").finding("freshness").message


def test_the_hour_is_in_the_key_only_where_a_rule_asks() -> None:
    """If this fails, a pass of last month is found in the cache, or nothing ever is."""
    now = datetime(2026, 3, 21, 8, 59, 30, tzinfo=UTC)
    rules = DataConfig(path="t.csv", label="y", columns={"at": ColumnRule(max_age="36h")})
    assert rules.as_of(now) == {"as_of": "2026-03-21T08:00:00+00:00"}
    assert DataConfig(path="t.csv", label="y").as_of(now) == {}
    assert rules.columns["at"].max_age_seconds == 36 * 3600
    with pytest.raises(ValidationError):
        ColumnRule(max_age="3 days")


def test_the_kept_profile_does_not_change_with_the_hour(tmp_path: Path) -> None:
    """If this fails, the same model is a new bundle every hour."""
    data = folder(tmp_path, TIMES, columns={"at": {"max_age": "3d"}})
    profiles = []
    for hour in (10, 11):
        _at(data, f"2026-03-22T{hour}:00:00+00:00").validate()
        profiles.append(data.validated_profile())
    assert profiles[0] == profiles[1]
    column = profiles[0].column("at")
    assert column is not None
    assert column.newest == datetime(2026, 3, 20, 8, tzinfo=UTC).timestamp()
    assert column.oldest == datetime(2026, 3, 1, 8, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("sensitive", [False, True])
def test_values_with_few_rows_are_told(tmp_path: Path, sensitive: bool) -> None:
    """If this fails, nobody learns that a state has 3 rows left, or none, before anybody asks."""
    states = ["CA"] * 60 + ["NY"] * 30 + ["WY"] * 3
    table = pl.DataFrame({"state": states, "x": np.arange(93.0), "y": ["a", "b", "c"] * 31})
    rule = {"min_slice": 30, "allowed": ["CA", "NY", "WY", "TX"], "sensitive": sensitive}
    found = folder(tmp_path, table, columns={"state": rule}).finding("slice-size")
    assert (found.count, found.expected) == (2, 30)
    values = ["(masked)", "(masked)"] if sensitive else ["'TX'", "'WY'"]
    assert found.examples == [f"{values[0]} (0 rows)", f"{values[1]} (3 rows)"]


def test_every_row_counts_towards_a_slice(tmp_path: Path) -> None:
    """If this fails, slices of large tables are counted in a sample."""
    rows = 300_000
    table = pl.DataFrame({"s": np.arange(rows) % 3, "x": np.arange(rows), "y": np.arange(rows) % 2})
    at_least = folder(tmp_path, table, columns={"s": {"min_slice": rows // 3}})
    assert [rule for rule, _ in at_least.findings()] == []
    more = folder(tmp_path, table, columns={"s": {"min_slice": rows // 3 + 1}})
    assert more.finding("slice-size").count == 3


def test_the_schema_s_version_is_what_was_agreed_on(tmp_path: Path) -> None:
    """If this fails, a producer changes what columns mean, says so, and nobody listens."""
    table = pl.DataFrame({"x": np.arange(20.0), "y": ["a", "b"] * 10})
    data = folder(tmp_path, table, schema_version="2")
    assert data.finding("schema-version").message == "the data states no version of its schema, expected 2"
    (tmp_path / "data" / "SCHEMA_VERSION").write_text("3\n")
    assert "has the schema of version 3, expected 2" in data.finding("schema-version").message
    table.write_parquet(tmp_path / "data" / "t.parquet", metadata={"schema_version": "2"})
    assert data.findings() == []


def test_files_of_several_versions_are_told(tmp_path: Path) -> None:
    """If this fails, half of a table is of another version."""
    table = pl.DataFrame({"x": np.arange(20.0), "y": ["a", "b"] * 10})
    data = folder(tmp_path, table, path="*.parquet", schema_version="2")
    for version in ("2", "3"):
        table.write_parquet(tmp_path / "data" / f"{version}.parquet", metadata={"schema_version": version})
    (tmp_path / "data" / "t.parquet").unlink()
    assert data.finding("schema-version").observed == "2 and 3"


def _digest(root: Path, **config: Any) -> str:
    return data_folder(root / "data", DataConfig(path="t", label="y", **config)).digest


def test_a_folder_s_files_and_those_referred_to_are_in_the_digest(tmp_path: Path) -> None:
    """If this fails, new data in a folder of files is found in the cache as the old."""
    place = tmp_path / "data" / "t" / "year=2026"
    place.mkdir(parents=True)
    (place / "a.csv").write_text("x,y\n1,2\n")
    seen = {_digest(tmp_path)}
    (place / "b.csv").write_text("x,y\n1,2\n")
    seen.add(_digest(tmp_path))
    (tmp_path / "data" / "states.csv").write_text("code\nCA\n")
    assert _digest(tmp_path) in seen
    reference = [{"column": "x", "file": "states.csv", "to": "code"}]
    seen.add(_digest(tmp_path, references=reference))
    (tmp_path / "data" / "states.csv").write_text("code\nNY\n")
    seen.add(_digest(tmp_path, references=reference))
    (tmp_path / "data" / "SCHEMA_VERSION").write_text("2")
    seen.add(_digest(tmp_path))
    assert len(seen) == 5
    files = data_files(tmp_path / "data", DataConfig(path="t", label="y"))
    assert [file.name for file in files] == ["SCHEMA_VERSION", "a.csv", "b.csv"]


def test_a_pattern_outside_the_data_folder_is_wrong_usage(tmp_path: Path) -> None:
    """If this fails, an absolute path in data.path is a traceback."""
    with pytest.raises(UsageError, match="no file or glob below the data folder"):
        data_folder(tmp_path, DataConfig(path="/etc/passwd", label="y"))


def test_data_that_changes_during_the_run_is_told(tmp_path: Path) -> None:
    """If this fails, a model is trained on other data than was checked."""
    data = folder(tmp_path, TIMES)
    report = data.validate()
    digest = data_folder(tmp_path / "data", data.rules).digest
    assert report.digest == digest
    gate = DataValidation.model_validate({"kind": "data-validation"})
    assert gate.judge(Evidence(data=report, data_digest=digest)).status is GateStatus.PASSED
    assert gate.judge(Evidence(data=report)).status is GateStatus.PASSED
    judged = gate.judge(Evidence(data=report, data_digest="sha256:0"))
    assert judged.status is GateStatus.FAILED
    assert "the data changed during the run" in judged.message


VISITS = pl.DataFrame(
    {
        "visit": np.arange(600),
        "patient": np.arange(600) // 6,
        "day": np.arange(600) % 90,
        "y": np.where(np.random.default_rng(1).random(600) < 0.3, "ill", "well"),
    }
)


@pytest.mark.parametrize(("method", "low", "high"), [("key", 0.15, 0.35), ("stratified", 0.24, 0.26)])
def test_a_cluster_s_rows_stay_together(tmp_path: Path, method: str, low: float, high: float) -> None:
    """If this fails, a model is judged on visits of patients that it knows."""
    data = folder(tmp_path, VISITS, key=["visit"], split={"method": method})
    report = data.split(cluster="patient")
    held = data.labels()
    train = pl.read_parquet(tmp_path / "train-set" / "train.parquet")
    assert not set(held["patient"]) & set(train["patient"])
    assert low < held.height / 600 < high
    assert "patient" in report.method
    assert data.validate(cluster="patient").findings == []


def test_the_cluster_stays_a_feature_where_it_is_one(tmp_path: Path) -> None:
    """If this fails, naming a cluster takes a column away from the model, or from the intervals."""
    data = folder(tmp_path, VISITS, key=["visit"])
    data.split(cluster="patient")
    assert data.labels().columns == ["key", "label", "visit", "patient"]
    assert pl.read_parquet(tmp_path / "holdout-features" / "features.parquet").columns == ["patient", "day"]


def test_a_cluster_on_both_sides_is_a_finding(tmp_path: Path) -> None:
    """If this fails, files that the user split may share patients, and nobody is told."""
    data = folder(tmp_path, VISITS.head(303), path="*.parquet", split={"method": "files", "files": "late*"})
    VISITS.tail(-303).write_parquet(tmp_path / "data" / "late.parquet")
    (found,) = data.validate(cluster="patient").findings
    assert (found.rule, found.column, found.count, found.examples) == ("group-leakage", "patient", 3, ["50"])
    assert data.validate().findings == []


def test_training_rows_of_later_times_are_a_finding(tmp_path: Path) -> None:
    """If this fails, a model that knows the future is judged by the past."""
    data = folder(tmp_path, VISITS, key=["visit"], split={"time": "day"})
    found = data.finding("time-overlap")
    assert found.expected == "before 0"
    assert found.observed == "89"
    assert [set(row) for row in found.examples] == [{"visit", "day"}] * 5
    assert 'method = "time"' in found.message
    apart = folder(tmp_path, VISITS, key=["visit"], split={"method": "time", "column": "day", "time": "day"})
    assert apart.findings() == []
    wrong = folder(tmp_path, VISITS, key=["visit"], split={"time": "y"})
    assert "holds no times" in wrong.finding("split").message


def test_profiles_of_earlier_versions_can_be_read() -> None:
    """If this fails, an update makes every published reference unreadable."""
    columns = '[{"name": "x", "type": "int", "nulls": 0}]'
    old = f'{{"rows": 1, "columns": {columns}, "duplicates": 0, "key_duplicates": 0}}'
    assert Profile.model_validate_json(old).columns[0].newest is None


def test_rules_alone_find_the_same(tmp_path: Path) -> None:
    """If this fails, the quick way passes over what the thorough one finds."""
    table = VISITS.with_columns(pl.when(pl.col("visit") == 5).then(None).otherwise("day").alias("day"))
    rules = {
        "day": {"max": 80, "unique": True},
        "y": {"allowed": ["well"], "min_slice": 500},
        "visit": {"pattern": "[0-4].*"},
    }
    data = folder(tmp_path, table, key=["visit"], columns=rules, min_rows=10**4)
    found = data.validate().findings
    quick = replace(data, config={**data.config, "distributions": False})
    assert quick.validate().findings == found
    assert len(found) >= 6
    assert all(column.distribution is None for column in quick.validated_profile().columns)
    with pytest.raises(ValidationError, match="max_outliers needs them"):
        DataConfig(path="t", label="y", distributions=False, columns={"x": ColumnRule(max_outliers=0.1)})
