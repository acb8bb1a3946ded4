"""What a call asks for, before anything runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, cast

import dagger
import pytest
from dagger import dag

from ml_pipeline.containers import Lock
from ml_pipeline.order import Order, collect, missing, passed_on
from ml_pipeline.project import Project
from ml_pipeline.runner import DaggerRunner
from ml_stages.config.load import load_config
from ml_stages.errors import UsageError
from ml_stages.stages import BY_NAME
from tests.pipeline.recorded import of
from tests.projects import TinyProject


@dataclass
class _Source:
    """A project's folder on an engine."""

    has_data: bool

    async def exists(self, path: str, **_: Any) -> bool:
        return path == "data" and self.has_data

    def directory(self, path: str) -> str:
        return path


@pytest.mark.parametrize(("has_data", "until", "found"), [(True, None, True), (False, "lint", False)])
def test_the_source_s_data_is_the_default(
    project: TinyProject, until: str | None, *, has_data: bool, found: bool
) -> None:
    """If this fails, a folder `data` is not found, or a lint needs one."""
    assert ("data" in _collected(project, _Source(has_data), until)) is found


@pytest.mark.parametrize("until", [None, "train"])
def test_data_that_is_missing_is_told_before_anything_runs(project: TinyProject, until: str | None) -> None:
    """If this fails, a forgotten --data is a broken engine: "failed to make directory content hashed"."""
    with pytest.raises(UsageError, match="name it with --data"):
        _collected(project, _Source(has_data=False), until)


def _collected(project: TinyProject, source: _Source, until: str | None) -> dict[str, dagger.Directory]:
    config = load_config(project.root).config
    lock = Lock("requirements.lock", "", "3.12")
    read = Project(config, dag.directory(), lock, (), source_digest="", profile=None)
    order = Order(source=cast("dagger.Directory", source), data=None)
    return asyncio.run(collect(order, read, until))


def test_stages_see_the_variables_that_were_given(project: TinyProject) -> None:
    """If this fails, a project that reads a variable trains another model in CI, without a word."""
    project.edit("pyproject.toml", 'interpreter = "current"', 'pass_variables = ["REGION", "ZONE"]')
    config = load_config(project.root).config
    variables = passed_on(["REGION=a=b"], config)
    lock = Lock("requirements.lock", "pandas==3.0.0\n", "3.12")
    runner = DaggerRunner(config=config, lock=lock, gpu=False, variables=variables)
    for name in ("lint", "test", "train", "predict", "evaluate"):
        given = of(runner._container(BY_NAME[name], {}, ""), "withEnvVariable")
        assert {"name": "REGION", "value": "a=b"} in given, name
    (told,) = missing(variables, config)
    assert told.endswith("gives ZONE")
    assert not missing(passed_on(["REGION=", "ZONE=x"], config), config)


@pytest.mark.parametrize("given", ["REGION", "OTHER=secret"])
def test_a_variable_that_is_none_is_refused(project: TinyProject, given: str) -> None:
    """If this fails, a mistyped name is seen by nobody, or its value is printed."""
    with pytest.raises(UsageError, match=r"environment\.pass_variables, which is empty") as caught:
        passed_on([given], load_config(project.root).config)
    assert "secret" not in str(caught.value)
