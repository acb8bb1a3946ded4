"""Test: the project's own pytest command, with a JUnit report that is read back."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from ml_stages.wrapper.command import project_paths, run_command
from ml_stages.wrapper.settings import end_search_of_pytest

_NOT_COLLECTED = "collection failure"
"""All that pytest says in JUnit's message of a file that it cannot import."""


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of ``evidence.TestReport``."""
    source = Path(job["inputs"]["source"])
    end_search_of_pytest(source)
    with tempfile.TemporaryDirectory() as scratch:
        junit, measured = Path(scratch, "junit.xml"), Path(scratch, "coverage")
        command = [*shlex.split(job["config"]["test"]["command"]), f"--junitxml={junit}"]
        ended = run_command(
            command,
            source,
            job["parameters"].get("timeout"),
            {"COVERAGE_FILE": str(measured)},
            package=job["config"].get("package"),
        )
        return {"run": ended, **_read_junit(junit), "coverage": _covered_share(source, measured)}


def _read_junit(file: Path) -> dict[str, Any]:
    counts: dict[str, Any] = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0, "failed_tests": []}
    if not file.is_file():
        return counts
    suites = list(ET.parse(file).getroot().iter("testsuite"))  # noqa: S314 - pytest wrote it just now
    for key in ("tests", "failures", "errors", "skipped"):
        counts[key] = sum(int(suite.get(key, 0)) for suite in suites)
    for case in (case for suite in suites for case in suite.iter("testcase")):
        problem = case.find("failure") if case.find("failure") is not None else case.find("error")
        if problem is not None:
            counts["failed_tests"].append({"name": _name(case), "message": _first_line(problem)})
    return counts


def _name(case: ET.Element) -> str:
    return "::".join(part for part in (case.get("classname"), case.get("name")) if part)


def _first_line(problem: ET.Element) -> str:
    text = (problem.get("message") or problem.text or "failed").strip()
    if text == _NOT_COLLECTED:
        return ": ".join([text, *_raised(problem.text or "")[-1:]])
    return text.splitlines()[0] if text else "failed"


def _raised(shown: str) -> list[str]:
    """The lines of an exception in what pytest shows of a file that it cannot import."""
    return [line[2:].strip() for line in shown.splitlines() if line.startswith("E ")]


def _covered_share(source: Path, measured: Path) -> float | None:
    """What coverage.py measured, where the project's command ran it."""
    if not measured.is_file():
        return None
    command = [sys.executable, "-m", "coverage", "json", f"--data-file={measured}", "-q", "-o", "-"]
    environment = {"PYTHONPATH": project_paths(source)["PYTHONPATH"]}
    shown = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    if shown.returncode != 0:
        print(shown.stderr, file=sys.stderr)
        return None
    return float(json.loads(shown.stdout)["totals"]["percent_covered"]) / 100
