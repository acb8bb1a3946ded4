"""What surrounds the execution of a stage in a container: its job before it, what it left after it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio
import dagger
from dagger import dag

from ml_pipeline.containers import with_stage_code
from ml_stages.code import stage_files
from ml_stages.result import TAIL_LINES
from ml_stages.stages import Stage, modules

WORK = "/stage"
TIMED_OUT = 124
"""Exit status of a command that `timeout` ended."""
# The time of the execution is part of its result: a result from before this run came from the cache.
_STAMPED = 'date +%s.%N > /stage/started; "$1" -c "$2"; shift 2; exec timeout --kill-after=10 "$@"'


def prepared(
    environment: dagger.Container,
    stage: Stage,
    config: Mapping[str, Any],
    parameters: Mapping[str, Any],
    inputs: Mapping[str, dagger.Directory],
) -> dagger.Container:
    """The environment with all that the stage finds there: its code, its inputs, its job."""
    job = {
        "stage": stage.name,
        "config": config,
        "parameters": parameters,
        "inputs": {name: f"{WORK}/in/{name}" for name in inputs},
        "outputs": {name: f"{WORK}/out/{name}" for name in stage.writes},
        "report": f"{WORK}/report.json",
    }
    container = with_stage_code(environment, stage_files(*modules(stage)))
    for name, folder in inputs.items():
        container = container.with_mounted_directory(f"{WORK}/in/{name}", folder)
    for name in stage.writes:
        container = container.with_directory(f"{WORK}/out/{name}", dag.directory())
    return container.with_new_file(f"{WORK}/job.json", json.dumps(job, sort_keys=True)).with_workdir(WORK)


def executed(container: dagger.Container, command: Sequence[str]) -> dagger.Container:
    """The container after the stage's command, which may fail."""
    return container.with_exec(["sh", "-c", _STAMPED, "--", *command], expect=dagger.ReturnType.ANY)


@dataclass
class Ran:
    """What an execution left."""

    exit_status: int
    tail: Sequence[str] = ()
    started: float = 0.0
    report: str | None = None

    @classmethod
    async def read(cls, container: dagger.Container) -> Ran:
        """Run the container; raises :class:`dagger.QueryError` when it cannot be run at all."""
        found = cls(await container.exit_code())

        async def tail() -> None:
            found.tail = (await container.combined_output()).splitlines()[-TAIL_LINES:]

        async def started() -> None:
            found.started = float(await container.file(f"{WORK}/started").contents())

        async def report() -> None:
            if found.exit_status == 0:
                found.report = await container.file(f"{WORK}/report.json").contents()

        async with anyio.create_task_group() as tasks:  # at once: each question costs a round trip
            for ask in (tail, started, report):
                tasks.start_soon(ask)
        return found
