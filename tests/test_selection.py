"""Which stages a run has, and which of them wait for which."""

from __future__ import annotations

import tomllib
from typing import Any

from ml_stages.config.config import Config
from ml_stages.graph import waits_within
from ml_stages.selection import select
from tests.projects import TinyProject


def _config(project: TinyProject, **changes: Any) -> Config:
    table = tomllib.loads((project.root / "pyproject.toml").read_text())["tool"]["ml-pipeline"]
    return Config.model_validate(table | changes)


def _waits(config: Config) -> dict[str, set[str]]:
    return waits_within(select(config, fetches_data=False))


def test_a_stage_that_serves_gates_alone_runs_for_them_alone(project: TinyProject) -> None:
    """If this fails, every run predicts changed rows that nobody asked about."""
    gate = {"kind": "invariance", "column": "colour", "values": ["green", "red"]}
    assert "perturb" not in _waits(_config(project))
    assert "perturb" in _waits(_config(project, gates=[gate]))["evaluate"]


def test_no_stage_waits_for_one_that_does_not_run(project: TinyProject) -> None:
    """If this fails, a run never ends."""
    stages = select(_config(project), fetches_data=False, until="evaluate")
    names = {stage.name for stage in stages}
    assert "probe" not in names
    assert all(waited <= names for waited in waits_within(stages).values())
