"""Lint: ruff over the source, and mypy where the project configures it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ml_stages.ending import ending
from ml_stages.wrapper.command import TAIL_LINES, run_command
from ml_stages.wrapper.settings import configures_mypy, end_search_of_ruff

_PLACE = r"(?P<file>[^:]+):(?:cell (?P<cell>\d+):)?(?P<line>\d+):(?P<column>\d+)"
_RUFF = re.compile(rf"^{_PLACE}: (?P<rule>[\w-]+):? (?P<message>.*)$")
_MYPY = re.compile(
    r"^(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): error: (?P<message>.*?)(?:  \[(?P<rule>[\w-]+)\])?$"
)
_FORMAT = re.compile(rf"^(?: +--> {_PLACE}|Would reformat: (?P<alone>[^:]+))$")
"""Older versions of ruff name the file alone."""


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of ``evidence.LintReport``."""
    source, config = Path(job["inputs"]["source"]), job["config"]["lint"]
    end_search_of_ruff(source)
    ruff = [sys.executable, "-m", "ruff"] if find_spec("ruff") else [job["parameters"]["ruff"]]
    tools, findings = [], []
    for name, program, arguments, pattern in _tools(source, config, ruff):
        command = [*program, *arguments, *config["paths"]]
        ended = run_command(command, source, job["parameters"].get("timeout"), keep=None)
        findings += _findings(name, ended, pattern, source)
        if name == "ruff check" and ended["exit_status"] == 0:
            findings += _nothing_seen(program, config["paths"], source)
        ended["tail"] = ended["tail"][-TAIL_LINES:]
        tools.append({"name": name, "version": _version(program), "run": ended})
    return {"tools": tools, "findings": findings}


def by_ruff() -> Iterator[tuple[str, list[str], re.Pattern[str]]]:
    """What ruff is called with in a copy of the source, and the lines in which it tells what it found."""
    # What git ignores is no source, and is not in the copy. What stands above that is about something else:
    # in a cache below a folder that git ignores, ruff would see no file.
    common = ["--no-cache", "--no-respect-gitignore"]
    # A project's `fix = true` would mend the copy, and nothing be found in it.
    unmended = ["--no-fix", "--no-fix-only"]
    yield "ruff check", ["check", "--output-format=concise", "--quiet", *unmended, *common], _RUFF
    yield "ruff format", ["format", "--check", *common], _FORMAT


def _tools(
    source: Path, config: dict[str, Any], ruff: list[str]
) -> Iterator[tuple[str, list[str], list[str], re.Pattern[str]]]:
    if config["ruff"]:
        yield from ((name, ruff, arguments, pattern) for name, arguments, pattern in by_ruff())
    wanted = config["mypy"]
    has_settings = configures_mypy(source)
    if wanted or (wanted is None and has_settings):
        arguments = ["--show-column-numbers", "--no-error-summary", f"--cache-dir={os.devnull}"]
        if not has_settings:
            arguments.append("--config-file=")  # not the user's own
        yield "mypy", [sys.executable, "-m", "mypy"], arguments, _MYPY


def _nothing_seen(ruff: list[str], paths: list[str], source: Path) -> list[dict[str, Any]]:
    """A finding where there is code and all of it is excluded: then nothing was found since nobody looked."""
    command = [*ruff, "check", "--show-files", "--no-cache", "--no-respect-gitignore", *paths]
    shown = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    count = sum(1 for _ in source.rglob("*.py"))
    # Of pyproject.toml ruff looks at the metadata alone.
    if not count or any(Path(line).name != "pyproject.toml" for line in shown.stdout.splitlines()):
        return []
    what = (
        f"looked at none of the {count:,} Python files: its settings exclude them all, or lint.paths"
        " does; lint.ruff = false turns it off"
    )
    return [{"rule": "ruff", "message": what}]


def _findings(
    name: str, ended: dict[str, Any], pattern: re.Pattern[str], source: Path
) -> list[dict[str, Any]]:
    """What a tool printed, as findings; a tool that failed without any is a finding itself."""
    found = [_finding(name, match, source) for line in ended["tail"] if (match := pattern.match(line))]
    if found or ended["exit_status"] == 0:
        return found
    last = next((line for line in reversed(ended["tail"]) if line.strip()), "no output")
    what = "ran out of time" if ended["timed_out"] else f"{ending(ended['exit_status'])}: {last}"
    return [{"rule": name, "message": what}]


def _finding(name: str, match: re.Match[str], source: Path) -> dict[str, Any]:
    fields = match.groupdict()
    cell, line = fields.get("cell"), fields.get("line")
    inside = os.path.relpath(source / (fields["file"] or fields["alone"]), source)
    message = fields.get("message") or "is not formatted as ruff would"
    return {
        "rule": fields.get("rule") or name,
        # A line of a cell is none of the notebook's file.
        "message": f"cell {cell}, line {line}: {message}" if cell else message,
        "file": Path(inside).as_posix(),
        "line": int(line) if line and not cell else None,
        "column": None if cell else fields.get("column"),
    }


def _version(program: list[str]) -> str:
    try:
        shown = subprocess.run([*program, "--version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "not installed"
    return shown.stdout.strip() or "not installed"
