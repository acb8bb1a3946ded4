"""Nobody who reads along decides how a command ends."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.projects import TinyProject


def _run_unread(project: TinyProject, *arguments: str) -> int:
    """Run a command whose reader has left already; returns its exit status."""
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        project.command(*arguments), stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )
    os.close(writer)
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode


def test_a_reader_that_left_does_not_make_a_failed_run_pass(project: TinyProject) -> None:
    """If this fails, `ml-pipeline run . | head` ends with 0, or without any report, whatever was found."""
    project.write("ugly.py", "import os\n")
    assert _run_unread(project, "lint", str(project.root)) == 3
    assert (project.root / ".ml-pipeline" / "verdict.json").is_file()


def test_a_reader_that_left_does_not_make_failed_predictions_pass(
    project: TinyProject, tmp_path: Path
) -> None:
    """If this fails, `ml-pipeline evaluate-gate ... | head -1` ends with 0 whatever was judged."""
    predictions = tmp_path / "predictions.csv"
    rows = "\n".join(f"{key},{key % 2},0" for key in range(400))
    predictions.write_text(f"key,label,prediction\n{rows}\n")
    config = tmp_path / "gates.toml"
    config.write_text(
        'task = "classification"\n\n[[gates]]\nkind = "threshold"\nmetric = "accuracy"\nmin = 0.9\n'
    )
    given = ("--predictions", str(predictions), "--config", str(config), "--output", str(tmp_path / "out"))
    assert _run_unread(project, "evaluate-gate", *given) == 3
    assert (tmp_path / "out" / "verdict.json").is_file()


def test_a_terminal_without_our_characters_gets_a_verdict(project: TinyProject) -> None:
    """If this fails, a run under an old locale ends in a traceback, without any report."""
    ended = subprocess.run(
        project.command("lint", str(project.root)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "CI": "true", "PYTHONIOENCODING": "ascii"},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "\\u2713 lint" in ended.stdout


def test_a_closed_output_is_no_reason_to_break(project: TinyProject) -> None:
    """If this fails, a scheduler that closes standard output gets a traceback and no report."""
    ended = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "--", *project.command("lint", str(project.root))],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert (project.root / ".ml-pipeline" / "verdict.json").is_file()
