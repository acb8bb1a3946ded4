"""Servers that do not start, or fail: they are services of the engine, whose output no stage can see.

So the start is timed in an execution of the image itself; and where the model fails, the probe is run once
more with the server as a process beside it, as on the host, where it reads what the server prints.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import dagger

from ml_pipeline.containers import PACKING_PYTHON, PROJECT_PYTHON, UNPACK_CODE, packing_container
from ml_pipeline.stage_container import TIMED_OUT, WORK, Ran, executed, prepared
from ml_stages.config.config import Config
from ml_stages.serving.probing.probe_report import MODEL_RAISED, ProbeCheck, ProbeReport
from ml_stages.stages import BY_NAME

_PROBE = BY_NAME["probe"]
_START = """
import subprocess, sys, time, urllib.request
began, lines, url = time.perf_counter(), [], ""
command = [sys.executable, "/app/serve", "--port", "0"]
server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
while not url:
    line = server.stdout.readline()
    if not line:
        ended = f"it ended with exit status {server.wait()} before it was ready; its last lines:\\n"
        sys.exit(ended + "".join(lines[-15:]))
    lines.append(line)
    if line.startswith("listening on "):
        url = line.split()[-1]
ready = False
while not ready:
    try:
        ready = urllib.request.urlopen(url + "/health/ready").status == 200
    except OSError:
        time.sleep(0.01)
print(time.perf_counter() - began)
server.terminate()
"""


@dataclass(frozen=True)
class Start:
    """How the server of a model image started."""

    seconds: float | None
    """Until it was ready; ``None`` where it never was."""
    said: str = ""
    """Why it did not start."""

    def report(self, probed: str | None = None) -> str:
        """A probe's report with the start, which was apart from it; without a probe, the start's alone."""
        report = ProbeReport.model_validate_json(probed or '{"subject": "the model image", "checks": []}')
        if self.seconds is None:
            check = ProbeCheck(
                name="ready", status="failed", message=f"the server did not start: {self.said}"
            )
        else:
            check = ProbeCheck(name="ready", status="passed", message=f"ready after {self.seconds:.2f} s")
        checks = [check, *report.checks]
        return report.model_copy(update={"cold_start": self.seconds, "checks": checks}).model_dump_json()


async def timed_start(image: dagger.Container, python: str, startup: float, retry: str = "") -> Start:
    """Start the server of an image once, inside it, with the image's own interpreter."""
    asked = image.with_env_variable("ML_PIPELINE_RETRY", retry) if retry else image
    command = ["timeout", f"{startup:g}", python, "-c", _START]
    ran = asked.with_exec(command, expect=dagger.ReturnType.ANY)
    status = await ran.exit_code()
    if status == 0:
        return Start(float(await ran.stdout()))
    said = f"it was not ready within {startup:g} s" if status == TIMED_OUT else (await ran.stderr()).strip()
    return Start(None, said)


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
