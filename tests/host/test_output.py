"""The folder that a run writes for people."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_stages.errors import UsageError
from ml_stages.host.output import Output
from ml_stages.report.files import report_files
from tests.projects import TinyProject


def test_a_folder_belongs_to_one_run_at_a_time(tmp_path: Path) -> None:
    """If this fails, of two runs at once one deletes the other's logs, and one verdict stands for both."""
    first = Output(tmp_path / "output")
    first.prepare()
    (first.logs / "train.log").write_text("epoch 1")
    with pytest.raises(UsageError, match=r"another run is writing to .* --output"):
        Output(tmp_path / "output").prepare()
    assert (first.logs / "train.log").read_text() == "epoch 1"
    other = Output(tmp_path / "other")
    other.prepare()
    other.close()
    first.close()
    first.prepare()
    first.close()


@pytest.mark.parametrize("name", ["logs", "stages", "artifacts", ".gitignore"])
def test_what_no_run_wrote_is_not_deleted(tmp_path: Path, name: str) -> None:
    """If this fails, `--output .` deletes the logs and artifacts of a project, and its `.gitignore`."""
    file = tmp_path / name if name == ".gitignore" else tmp_path / name / "mine"
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine")
    with pytest.raises(UsageError, match=rf"holds {name}, which no run of the pipeline wrote .* --output"):
        Output(tmp_path).prepare()
    assert file.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_an_earlier_run_wrote_is_replaced(tmp_path: Path) -> None:
    """If this fails, a second run is refused, or leaves the first one's logs for its own."""
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "stages").mkdir()
    (tmp_path / "verdict.json").write_text("{}")  # as evaluate-gate on files leaves it
    for _ in range(2):
        output = Output(tmp_path)
        output.prepare()
        (output.logs / "train.log").write_text("epoch 1")
        output.close()
    output.prepare()
    output.close()
    assert not list(output.logs.iterdir())
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_run_that_cannot_begin_leaves_no_earlier_verdict(project: TinyProject) -> None:
    """If this fails, a CI host collects yesterday's green reports of what is misconfigured today."""
    project.run(command="lint")
    project.edit("pyproject.toml", 'metric = "accuracy"\nmin', 'metric = "acuracy"\nmin')
    ran = project.run(command="lint")
    assert ran.exit_status == 2
    assert (ran.folder / "logs").is_dir()
    assert not [name for name in report_files() if (ran.folder / name).exists()]


def test_a_run_that_another_keeps_from_beginning_leaves_its_reports(tmp_path: Path) -> None:
    """If this fails, the second of two runs deletes what the first one has just written."""
    first = Output(tmp_path)
    first.prepare()
    (tmp_path / "verdict.json").write_text("{}")
    Output(tmp_path).forget()
    assert (tmp_path / "verdict.json").exists()
    first.close()
    Output(tmp_path).forget()
    assert not (tmp_path / "verdict.json").exists()


def test_reports_that_no_run_wrote_are_not_forgotten(tmp_path: Path) -> None:
    """If this fails, a misspelt option deletes a `report.html` of somebody else."""
    (tmp_path / "report.html").write_text("mine")
    Output(tmp_path).forget()
    Output(tmp_path / "nowhere").forget()
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
