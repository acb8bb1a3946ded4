"""Behave: ask the project's predictor for rows that were changed, in a process of its own."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from ml_stages.wrapper.command import run_command


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of ``evidence.BehaveReport``."""
    inputs = job["inputs"]
    work = {
        "rows": inputs["perturbed-rows"],
        "output": job["outputs"]["perturbed-predictions"],
        "model": inputs["model"],
        "schema": str(Path(inputs["schema"], "schema.json")),
        "load": job["config"]["predictor"]["load"],
        "allowed": job["config"]["predictor"]["allow_pickle"],
    }
    with tempfile.TemporaryDirectory() as scratch:
        task = Path(scratch, "task.json")
        task.write_text(json.dumps(work), encoding="utf-8")
        command = [sys.executable, "-m", "ml_stages.wrapper.offline_parts", str(task)]
        package = job["config"].get("package")
        ended = run_command(command, Path(inputs["code"]), job["parameters"].get("timeout"), package=package)
    return {"run": {**ended, "command": ["predictor", work["load"]]}}
