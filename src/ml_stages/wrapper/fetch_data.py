"""Fetch the data: the project's own command, with credentials that nothing else sees."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

from ml_stages.wrapper.command import run_command


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of ``evidence.FetchReport``; raises SystemExit when a credential lacks."""
    fetch, data = job["config"]["fetch"], Path(job["outputs"]["data"])
    if missing := [name for name in fetch["secrets"] if not os.environ.get(name)]:
        raise SystemExit(f"fetch-data: {missing[0]} is empty or not set, and fetch.secrets names it")
    ended = run_command(
        [word.replace("{data}", str(data)) for word in shlex.split(fetch["command"])],
        Path(job["inputs"]["source"]),
        job["parameters"].get("timeout"),
        package=job["config"].get("package"),
        hidden=[os.environ[name] for name in fetch["secrets"]],
    )
    files = sorted(path for path in data.rglob("*") if path.is_file())
    if ended["exit_status"] == 0 and not files:
        ended = {**ended, "exit_status": 1, "tail": [*ended["tail"], "the command wrote no file into {data}"]}
    return {
        "run": ended,
        "files": [path.relative_to(data).as_posix() for path in files],
        "data_bytes": sum(path.stat().st_size for path in files),
    }
