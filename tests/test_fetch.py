"""Data that is fetched by the project's own command, on the host."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.projects import TinyProject

FETCH = '''\
"""Copy the apples from the orchard, for those who know the word."""

import os
import shutil
import sys

print("the word is", os.environ["ORCHARD_WORD"])
shutil.copy("{orchard}", sys.argv[1])
'''
WORD = "w0rd-that-no-log-may-show"


@pytest.fixture
def fetching(project: TinyProject, monkeypatch: pytest.MonkeyPatch) -> TinyProject:
    """The small project without a data folder: its data comes from elsewhere."""
    orchard = project.root.parent / "orchard" / "apples.csv"
    orchard.parent.mkdir()
    shutil.move(project.root / "data" / "apples.csv", orchard)
    (project.root / "data").rmdir()
    project.edit("pyproject.toml", "line-length = 100", "line-length = 200")
    project.write("fetch.py", FETCH.format(orchard=str(orchard)))
    table = '[tool.ml-pipeline.fetch]\ncommand = "python fetch.py {data}"\nsecrets = ["ORCHARD_WORD"]\n\n'
    project.edit("pyproject.toml", "[tool.ml-pipeline.train]", f"{table}[tool.ml-pipeline.train]")
    monkeypatch.setenv("ORCHARD_WORD", WORD)
    return project


def _everything_written(folder: Path) -> str:
    files = [Path(here, name) for here, _, names in os.walk(folder) for name in names]
    return "\n".join(file.read_bytes().decode("utf-8", "replace") for file in files)


def test_a_run_fetches_its_data_and_shows_no_credential(fetching: TinyProject) -> None:
    """If this fails, data must be put in place by hand, or a credential ends up in a log or a report."""
    ran = fetching.run()
    assert ran.exit_status == 0, ran.output
    assert ran.stage("fetch-data")["status"] == "passed"
    assert ran.verdict["lineage"]["data_digest"].startswith("sha256:")
    assert "the word is ***" in (ran.folder / "logs" / "fetch-data.log").read_text()
    assert WORD not in ran.output
    assert WORD not in _everything_written(ran.folder)


def test_data_that_did_not_change_trains_nothing_again(fetching: TinyProject) -> None:
    """If this fails, whoever fetches data pays for a training at each run."""
    fetching.run("--until", "train")
    again = fetching.run("--until", "train")
    assert not again.stage("fetch-data")["cached"]["hit"]
    assert again.stage("train")["cached"]["hit"]


def test_a_missing_credential_is_named(fetching: TinyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, a forgotten variable looks like a broken download."""
    monkeypatch.delenv("ORCHARD_WORD")
    ran = fetching.run()
    assert ran.exit_status == 1, ran.output
    assert "ORCHARD_WORD is empty or not set" in ran.output
    assert (ran.folder / "report.html").is_file()


def test_a_broken_download_is_the_projects_failure(fetching: TinyProject) -> None:
    """If this fails, a refused download looks like a broken pipeline, or passes without data."""
    fetching.edit("fetch.py", "shutil.copy(", "print(")
    ran = fetching.run()
    assert ran.exit_status == 3, ran.output
    assert "wrote no file into {data}" in ran.output


def test_given_data_is_not_fetched(fetching: TinyProject) -> None:
    """If this fails, nobody can try other data than what is fetched."""
    ran = fetching.run("--data", str(fetching.root.parent / "orchard"))
    assert ran.exit_status == 0, ran.output
    assert "fetch-data" not in {stage["name"] for stage in ran.verdict["stages"]}
    refused = fetching.run("--data", str(fetching.root.parent / "orchard"), command="fetch-data")
    assert refused.exit_status == 2, refused.output
