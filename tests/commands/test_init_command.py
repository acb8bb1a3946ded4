"""``ml-pipeline init`` as a newcomer calls it, on the sample project without its configuration."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.commands.process import ml_pipeline
from tests.test_sample_project import SAMPLE


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return ml_pipeline(*arguments, cwd=SAMPLE)


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """The sample project as it was before anybody knew of this pipeline."""
    project = tmp_path / "loans"
    shutil.copytree(SAMPLE, project, ignore=shutil.ignore_patterns(".*", "registry", "__pycache__"))
    text = (project / "pyproject.toml").read_text(encoding="utf-8")
    (project / "pyproject.toml").write_text(text[: text.index("[tool.ml-pipeline]")], encoding="utf-8")
    return project


def test_what_is_written_passes_on_that_data(stranger: Path) -> None:
    """If this fails, a newcomer's first run fails by rules that nobody wrote."""
    ended = command("init", stranger, "--data", stranger / "data" / "hmda.csv", "--label", "approved")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"Next: ml-pipeline run {stranger} --data {stranger / 'data'}" in ended.stdout
    table = tomllib.loads((stranger / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ml-pipeline"]
    assert (table["task"], table["data"]["key"]) == ("classification", ["application_id"])
    assert table["predictor"]["load"] == "loans.predictor:load"
    assert table["train"]["command"] == "python train.py --data {train} --model {model} --seed {seed}"
    assert set(table["data"]["columns"]) == set(
        (stranger / "data" / "hmda.csv").read_text().splitlines()[0].split(",")
    )
    assert command("config", stranger).returncode == 0
    ran = command("data-validate", stranger, "--data", stranger / "data")
    assert ran.returncode == 0, ran.stdout
    assert "2,380 rows, every rule holds" in ran.stdout


def test_a_table_that_is_there_is_never_overwritten(stranger: Path) -> None:
    """If this fails, `init` destroys a configuration that somebody wrote."""
    arguments = ("init", stranger, "--data", stranger / "data" / "hmda.csv", "--label", "approved")
    assert command(*arguments).returncode == 0
    before = (stranger / "pyproject.toml").read_bytes()
    ended = command(*arguments)
    assert ended.returncode == 2
    assert "configures the pipeline already" in ended.stderr
    assert (stranger / "pyproject.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("data", "label", "said"),
    [
        ("hmda.csv", "aproved", "no column 'aproved' to be the label"),
        ("nowhere.csv", "approved", "does not exist; expected a folder, a file or a glob"),
        ("make.py", "approved", "expected one of .csv"),
    ],
)
def test_what_is_not_there_is_wrong_usage(stranger: Path, data: str, label: str, said: str) -> None:
    """If this fails, a typing error ends in a traceback, or in half a configuration."""
    before = (stranger / "pyproject.toml").read_bytes()
    ended = command("init", stranger, "--data", stranger / "data" / data, "--label", label)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert (stranger / "pyproject.toml").read_bytes() == before


def test_a_full_disk_leaves_the_projects_settings(stranger: Path) -> None:
    """If this fails, `init` on a full disk empties the project's `pyproject.toml`."""
    before = (stranger / "pyproject.toml").read_bytes()
    words = [sys.executable, "-m", "ml_stages.cli", "init", str(stranger), "--label", "approved"]
    limit = len(before) + 100
    ended = subprocess.run(
        ["sh", "-c", f'ulimit -f {limit // 512}; exec "$@"', "--", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 2, ended.stderr
    assert "File too large" in ended.stderr
    assert (stranger / "pyproject.toml").read_bytes() == before
    assert not list(stranger.glob(".*.partial"))
