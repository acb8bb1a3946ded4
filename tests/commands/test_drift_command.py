"""``ml-pipeline drift`` as people and CI files call it: a process, files, a table and an exit status."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ml_stages.drift.files import load_profile
from tests.commands.process import ml_pipeline
from tests.test_sample_project import SAMPLE

HMDA = SAMPLE / "data" / "hmda.csv"


def drift(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return ml_pipeline("drift", *arguments, cwd=SAMPLE)


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sample project's applications, divided by chance."""
    folder = tmp_path_factory.mktemp("halves")
    table = pl.read_csv(HMDA, infer_schema=False)
    first = np.random.default_rng(3).random(table.height) < 0.5
    paths = folder / "first.csv", folder / "second.parquet"
    table.filter(first).write_csv(paths[0])
    pl.read_csv(HMDA).filter(~first).write_parquet(paths[1])
    return paths


def test_halves_of_one_table_do_not_drift(halves: tuple[Path, Path]) -> None:
    """If this fails, every comparison of real data is an alarm."""
    ended = drift(*halves)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(
        "not compared application_id  nearly every row has a value of its own\n"
        "none: 13 of 14 columns as before, 1 not compared; "
    )


def test_major_drift_ends_with_three_and_names_the_column(halves: tuple[Path, Path], tmp_path: Path) -> None:
    """If this fails, a nightly job stays green while the applicants change."""
    moved = tmp_path / "moved.csv"
    pl.read_parquet(halves[1]).with_columns(pl.col("loan_to_value") + 0.3).write_csv(moved)
    ended = drift(halves[0], moved, "--json", tmp_path / "drift.json", "--label", "approved")
    assert ended.returncode == 3
    assert ended.stdout.startswith("major        loan_to_value   the distribution moved: ")
    report = json.loads((tmp_path / "drift.json").read_text())
    columns = {column["column"]: column for column in report["columns"]}
    assert report["severity"] == columns["loan_to_value"]["severity"] == "major"
    assert columns["loan_to_value"]["differences"][1]["adjusted_p_value"] < 1e-6
    assert columns["approved"]["part"] == "label"
    assert drift(halves[0], moved, "--ignore", "loan_to_value").returncode == 0


def test_fail_on_minor_is_stricter(tmp_path: Path) -> None:
    """If this fails, `--fail-on` does nothing."""
    random = np.random.default_rng(4)
    before, after = tmp_path / "before.csv", tmp_path / "after.csv"
    pl.DataFrame({"x": random.normal(size=4_000)}).write_csv(before)
    pl.DataFrame({"x": random.normal(0.4, size=4_000)}).write_csv(after)
    assert drift(before, after).returncode == 0
    assert drift(before, after, "--fail-on", "minor").returncode == 3


@pytest.mark.parametrize("stored", [False, True])
def test_no_value_of_a_sensitive_column_is_shown(tmp_path: Path, stored: bool) -> None:
    """If this fails, a nightly job writes patients' diagnoses into a public log."""
    before, after = tmp_path / "before.csv", tmp_path / "after.csv"
    pl.DataFrame({"illness": ["flu", "cold"] * 400}).write_csv(before)
    pl.DataFrame({"illness": ["flu", "canary"] * 400}).write_csv(after)
    if stored:
        plain = tmp_path / "profile.json"
        plain.write_text(load_profile(before).model_dump_json(), encoding="utf-8")
        before = plain
    said = drift(before, after)
    assert "1 value that the reference lacks, 50.00 % of its rows: 'canary'" in said.stdout
    ended = drift(before, after, "--sensitive", "illness", "--json", tmp_path / "drift.json")
    assert (ended.returncode, ended.stderr) == (3, "")
    assert "1 value that the reference lacks, 50.00 % of its rows" in ended.stdout
    everything = ended.stdout + (tmp_path / "drift.json").read_text()
    assert not re.search("canary|flu|cold|#", everything)


def test_too_few_rows_are_no_pass_unless_chosen(halves: tuple[Path, Path], tmp_path: Path) -> None:
    """If this fails, fifty rows, which prove nothing, count as "no drift"."""
    few = tmp_path / "few.csv"
    pl.read_csv(halves[0]).head(50).write_csv(few)
    ended = drift(halves[0], few)
    assert ended.returncode == 3
    assert "inconclusive debt_to_income" in ended.stdout
    assert "50 rows are too few to tell, at least 100 needed" in ended.stdout
    assert drift(halves[0], few, "--allow-inconclusive").returncode == 0
    assert drift(halves[0], few, "--min-rows", "20").returncode == 0


def test_report_is_printed_as_json(halves: tuple[Path, Path]) -> None:
    """If this fails, `ml-pipeline drift A B --json - | jq` breaks."""
    assert json.loads(drift(*halves, "--json", "-").stdout)["severity"] == "none"


def test_folders_globs_and_stored_profiles(halves: tuple[Path, Path], tmp_path: Path) -> None:
    """If this fails, only single files can be compared."""
    parts = tmp_path / "parts"
    parts.mkdir()
    table = pl.read_csv(halves[0])
    table.head(600).write_parquet(parts / "a.parquet")
    table.tail(-600).write_parquet(parts / "b.parquet")
    for current in (parts, parts / "*.parquet"):
        assert f"{table.height:,} rows against" in drift(halves[1], current).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.csv", HMDA), "nowhere.csv does not exist; expected a profile.json or a table"),
        ((HMDA, HMDA, "--ignore", "incme"), "there is no column 'incme'"),
        ((HMDA, HMDA, "--sensitive", "incme"), "there is no column 'incme'"),
        ((HMDA, HMDA, "--label", "aproved"), "there is no column 'aproved'"),
        ((HMDA, HMDA, "--cluster", "family"), "no column 'family' to cluster by"),
        ((HMDA, HMDA, "--alpha", "2"), "--alpha 2.0: input should be less than 1"),
        (
            (HMDA, HMDA, "--json", "nowhere/drift.json"),
            "--json nowhere/drift.json: No such file or directory",
        ),
        ((HMDA, SAMPLE / "pyproject.toml"), "expected one of .csv"),
    ],
)
def test_bad_input_is_one_line_and_two(arguments: tuple[str | Path, ...], said: str) -> None:
    """If this fails, a mistyped option counts as drift, or ends in a traceback."""
    ended = drift(*arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    """If this fails, somebody searches a million lines for the one that is too short."""
    broken = tmp_path / "broken.csv"
    broken.write_text("a,b\n1,2\n3\n")
    ended = drift(HMDA, broken)
    assert ended.returncode == 2
    assert "broken.csv, line 3: has 1 field, expected 2 fields" in ended.stderr


def test_a_wrong_separator_is_ours_to_leave_out(tmp_path: Path) -> None:
    """If this fails, who gave an option is told to edit a configuration that drift does not read."""
    file = tmp_path / "t.csv"
    file.write_text("a;b\n" + "1;2\n" * 200)
    assert drift(file, file).returncode == 0
    ended = drift(file, file, "--separator", "|")
    assert ended.returncode == 2
    assert ended.stderr.strip().endswith("its fields look separated by ';'. Leave out --separator")
