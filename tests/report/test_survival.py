"""Reports that come about although something is wrong with what they are about."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ml_stages.host import output
from ml_stages.lineage import Lineage
from ml_stages.report.files import report_files
from ml_stages.verdict import Verdict, VerdictStatus
from tests.projects import TinyProject


def test_a_file_whose_name_is_no_text_takes_no_report_along(project: TinyProject) -> None:
    """If this fails, an edit of `caf\\xe9.txt` out of an old archive ends the run without any report."""
    strange = project.root / os.fsdecode(b"caf\xe9.txt")
    project.run(command="lint")
    strange.write_text("x")
    ran = project.run(command="lint")
    assert ran.exit_status == 0, ran.output
    assert ran.stage("lint")["cached"]["reason"] == "caf\\udce9.txt changed"


def _verdict(reason: str) -> Verdict:
    return Verdict(
        name="apples",
        status=VerdictStatus.FAILED,
        should_deploy=True,
        forced=reason,
        started="2026-01-01T00:00:00+00:00",
        duration=1.0,
        gates=[],
        stages=[],
        lineage=Lineage(pipeline_version="1", seed=0),
    )


def test_a_reason_that_is_no_text_is_written_as_one() -> None:
    """If this fails, `--force` with a letter of an old terminal lets a model out and leaves no verdict."""
    verdict = _verdict("f\udcfcr alle").writable()
    assert json.loads(verdict.model_dump_json())["forced"] == "f\\udcfcr alle"
    for render in report_files().values():
        render(verdict, {}).encode()
    plain = _verdict("für alle")
    assert plain.writable() is plain


def test_a_report_that_cannot_be_made_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a bug in the HTML page takes the verdict with it."""

    def broken(verdict: Verdict, results: object) -> str:
        raise ZeroDivisionError("division by zero")

    files = {**report_files(), "junit.xml": broken}
    monkeypatch.setattr(output, "report_files", lambda: files)
    (problem,) = output.write_reports(tmp_path, _verdict("x"), {})
    assert problem == f"{tmp_path / 'junit.xml'}: ZeroDivisionError: division by zero"
    assert {path.name for path in tmp_path.iterdir()} == set(files) - {"junit.xml"}
