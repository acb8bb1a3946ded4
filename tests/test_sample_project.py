"""The sample project, as `make run` runs it, with its quick profile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "sample_project"
LEFT_BY_RUNS = shutil.ignore_patterns(".ml-pipeline", "registry", "__pycache__", ".*_cache")


def test_it_goes_from_data_to_a_published_model(tmp_path: Path) -> None:
    """If this fails, the first command that a newcomer types fails.

    Installs the project's own environment, torch among it: the one slow test.
    """
    project = tmp_path / "project"
    shutil.copytree(SAMPLE, project, ignore=LEFT_BY_RUNS)
    command = [sys.executable, "-m", "ml_stages.cli", "run", str(project), "--profile", "quick"]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=1500, env={**os.environ, "CI": "true"}
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    verdict = json.loads((project / ".ml-pipeline" / "verdict.json").read_text())
    assert verdict["status"] == "passed"
    assert verdict["first_run"]
    assert (project / "registry" / "loan-approval" / "aliases" / "production" / "bundle").is_dir()
