"""`ml-pipeline holdout-size`: rows and labels before anyone labels."""

from __future__ import annotations

import json
from pathlib import Path

from ml_stages.sealed.budget import Budget
from ml_stages.sealed.holdout_size import rows_for_bound
from tests.commands.process import ml_pipeline


def test_rows_and_labels_are_printed(tmp_path: Path) -> None:
    """A team would label too few rows, or thousands for nothing."""
    ran = ml_pipeline(
        *("holdout-size", "--tolerance", 0.1, "--runs", 32, "--accuracy", "--difference", "0.3", "--json"),
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    plan = json.loads(ran.stdout)
    accuracy, difference = plan["conditions"]
    assert (accuracy["rows"], accuracy["labels"]) == (1203, 1203)
    assert difference["labels"] < difference["rows"] < 5_496
    assert plan["rows"] == max(accuracy["rows"], difference["rows"])


def test_the_table_is_for_people(tmp_path: Path) -> None:
    """The command would print numbers that nobody knows the meaning of."""
    arguments = ("--tolerance", 0.05, "--bound", 0.9, "--adaptivity", "first-change", "--runs", 10)
    ran = ml_pipeline("holdout-size", *arguments, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    rows = rows_for_bound(0.9, 0.05, Budget(0.01, 10).error / 10)
    assert f"accuracy above 0.9          {rows:,} rows" in ran.stdout
    assert "10 answers (first-change), tolerance 0.05" in ran.stdout


def test_what_cannot_be_met_is_wrong_usage(tmp_path: Path) -> None:
    """The command would search for rows without end."""
    for arguments in (("--bound", 0.98), ("--runs", 0), ("--reliability", 1)):
        ran = ml_pipeline("holdout-size", "--tolerance", 0.05, *arguments, cwd=tmp_path)
        assert ran.returncode == 2
        assert ran.stderr.count("\n") == 1, ran.stderr
