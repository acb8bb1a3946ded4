"""Which stages a run has, and what each of them waits for."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from ml_stages.config.config import Config
from ml_stages.graph import waits_within
from ml_stages.selection import select
from tests.projects import TinyProject


def _config(project: TinyProject, **changes: Any) -> Config:
    table = tomllib.loads((project.root / "pyproject.toml").read_text())["tool"]["ml-pipeline"]
    return Config.model_validate(table | changes)


def _waits(config: Config) -> dict[str, set[str]]:
    return waits_within(select(config, fetches_data=False))


def test_a_model_that_is_served_as_it_is_is_packed_while_it_predicts(project: TinyProject) -> None:
    """If this fails, every run is longer by the packing of the image."""
    assert "predict" not in _waits(_config(project))["build-image"]


@pytest.mark.parametrize("predictor", [{"load": "model:load", "export": "model:export"}, {}])
def test_a_model_that_may_be_converted_is_packed_after_its_predictions(
    project: TinyProject, predictor: dict[str, str]
) -> None:
    """If this fails, a model is converted to ONNX and compared with nothing."""
    assert {"predict", "split"} <= _waits(_config(project, predictor=predictor))["build-image"]


def test_no_stage_waits_for_one_that_does_not_run(project: TinyProject) -> None:
    """If this fails, a run never ends."""
    stages = select(_config(project), fetches_data=False, until="evaluate")
    names = {stage.name for stage in stages}
    assert "probe" not in names
    assert all(waited <= names for waited in waits_within(stages).values())
