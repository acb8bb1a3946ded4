"""Servers that do not start, or fail: they are services of the engine, whose output no stage can see.

Then the probe is run once more with the server as a process beside it, as on the host, where it reads what
the server prints.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import dagger

from ml_pipeline.containers import PACKING_PYTHON, PROJECT_PYTHON, UNPACK_CODE, packing_container
from ml_pipeline.stage_container import WORK, Ran, executed, prepared
from ml_stages.config.config import Config
from ml_stages.serving.probing.probe_report import MODEL_RAISED, ProbeReport
from ml_stages.stages import BY_NAME

_PROBE = BY_NAME["probe"]


async def starts(image: dagger.Container) -> bool:
    """Whether an image's server starts; it is stopped again."""
    service = image.as_service(use_entrypoint=True)
    try:
        await service.start()
    except dagger.QueryError:
        return False
    await service.stop()
    return True


def beside(
    environment: dagger.Container, python: str, config: Config, inputs: Mapping[str, dagger.Directory]
) -> dagger.Container:
    """The probe with the server in its own container: the project's environment, and our pins."""
    server = {"command": [PROJECT_PYTHON, f"{WORK}/in/bundle/serve"]}
    packing = packing_container(environment, python)
    run = [PACKING_PYTHON, "-m", "ml_stages.execute", _PROBE.module, f"{WORK}/job.json"]
    seconds = config.timeouts.of(_PROBE.name) or 0
    return executed(
        prepared(packing, _PROBE, config.slice(_PROBE.config), server, inputs),
        [PACKING_PYTHON, UNPACK_CODE, f"{seconds:g}", *run],
    )


async def model_errors(beside: dagger.Container) -> list[str]:
    """The notes of that probe that say what the model raised; none where it raised nothing this time."""
    try:
        report = (await Ran.read(await beside.sync())).report
    except (dagger.QueryError, ExceptionGroup):
        return []
    notes = json.loads(report)["notes"] if report else []
    return [note for note in notes if note.startswith(MODEL_RAISED)]


def did_not_start(report: str) -> bool:
    """Whether a report of that probe says why the server does not start, and nothing else."""
    checks = ProbeReport.model_validate_json(report).checks
    return [(check.name, check.status) for check in checks] == [("ready", "failed")]
