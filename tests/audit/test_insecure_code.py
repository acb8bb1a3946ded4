"""Insecure code is found by ruff's own rules, whatever the project tells ruff."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml_stages.audit import insecure_code
from ml_stages.audit.insecure_code import RuffBrokeError, count_files
from ml_stages.config.audit import Severity


def _findings(
    source: Path, blocks_from: Severity = "medium"
) -> list[tuple[str, str | None, int | None, str]]:
    found = [one.finding for one in insecure_code.insecure_code(source, blocks_from)]
    return sorted((one.rule, one.file, one.line, one.severity) for one in found)


def test_code_that_runs_what_it_reads_is_found(tmp_path: Path) -> None:
    """If this fails, a model goes out that runs what strangers send."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "model.py").write_text(
        "import random\n\nvalue = eval(input())\nrandom.random()\n"
    )
    assert _findings(tmp_path) == [
        ("S307", "package/model.py", 3, "error"),
        ("S311", "package/model.py", 4, "warning"),
    ]


def test_the_threshold_is_the_projects(tmp_path: Path) -> None:
    """If this fails, `severity` in the configuration does nothing."""
    (tmp_path / "model.py").write_text("value = eval(input())\n")
    assert _findings(tmp_path, "high")[0][3] == "warning"
    assert _findings(tmp_path, "low")[0][3] == "error"


def test_the_projects_own_settings_hide_nothing(tmp_path: Path) -> None:
    """If this fails, a setting for style or a line in .gitignore turns the audit off."""
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "model.py").write_text("value = eval(input())\n")
    (tmp_path / ".gitignore").write_text("build\n")
    (tmp_path / "ruff.toml").write_text('exclude = ["*"]\n[lint]\nignore = ["S"]\n')
    assert _findings(tmp_path) == [("S307", "build/model.py", 1, "error")]


def test_assertions_and_passwords_are_for_others(tmp_path: Path) -> None:
    """If this fails, every test of a project is a finding, or a password is found twice."""
    (tmp_path / "model.py").write_text('assert 1 + 1 == 2\npassword = "hunter2"\n')
    assert not _findings(tmp_path)


def test_a_reason_in_the_code_counts(tmp_path: Path) -> None:
    """If this fails, what a reviewer accepted in the code must be accepted again elsewhere."""
    (tmp_path / "model.py").write_text("value = eval(input())  # noqa: S307 - our own input\n")
    assert not _findings(tmp_path)


def test_new_syntax_is_no_finding(tmp_path: Path) -> None:
    """If this fails, a project on a new Python cannot be audited."""
    (tmp_path / "model.py").write_text(
        "type Row = list[int]\n\n\ndef first[T](row: list[T]) -> T:\n    return row[0]\n"
    )
    assert not _findings(tmp_path)


def test_what_cannot_be_parsed_was_not_searched(tmp_path: Path) -> None:
    """If this fails, a syntax error hides what stands in the file."""
    (tmp_path / "model.py").write_text("def broken(:\n    eval(input())\n")
    rules = {(rule, severity) for rule, _, _, severity in _findings(tmp_path, "critical")}
    assert rules == {("invalid-syntax", "error")}


def test_a_cell_of_a_notebook_is_named(tmp_path: Path) -> None:
    """If this fails, a finding in a notebook cannot be found."""
    cell: dict[str, object] = {
        "cell_type": "code",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        "source": "eval(input())",
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    (tmp_path / "look.ipynb").write_text(json.dumps(notebook))
    (found,) = insecure_code.insecure_code(tmp_path, "medium")
    assert found.finding.message.startswith("cell 1, line 1: ")
    assert found.finding.line is None
    assert count_files(tmp_path) == 1


def test_a_ruff_that_breaks_is_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, a search that did not happen counts as one that found nothing."""
    monkeypatch.setattr(insecure_code, "_COMMAND", ["check", "--no-such-option"])
    with pytest.raises(RuffBrokeError, match="status 2"):
        insecure_code.insecure_code(tmp_path, "medium")
