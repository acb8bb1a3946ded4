"""One stage as a process on the host: its folders, its job file, its command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread

from ml_stages.config.config import Config
from ml_stages.host.artifact import Folder, HostArtifact
from ml_stages.host.entry import LOG, REPORT, seal
from ml_stages.host.environment import Interpreter
from ml_stages.host.process import run_logged
from ml_stages.result import Ended
from ml_stages.stages import Environment, Stage

_WRAPPER_GRACE_SECONDS = 30.0
"""How much later than the wrapper's own time-out the runner gives a stage up."""

WRAPPER_MODULES = tuple(
    f"ml_stages.wrapper.{name}"
    for name in (
        "__main__",
        "fetch_data",
        "lint",
        "test",
        "train",
        "predict",
        "offline",
        "behave",
        "offline_parts",
    )
)


@dataclass(frozen=True)
class StageWork:
    """What one run of one stage needs, and the scratch folder where it happens."""

    stage: Stage
    config: Config
    inputs: Mapping[str, HostArtifact]
    parameters: Mapping[str, Any]
    scratch: Path
    log: Path

    async def run(self, interpreter: Interpreter, wrapper: Path) -> Ended:
        """Write the job, and run the stage's process to its end or its time-out."""
        await anyio.to_thread.run_sync(self._write_job)
        variables = interpreter.variables([*self.config.environment.pass_variables, *self._credentials()])
        limit = self.config.timeouts.of(self.stage.name)
        start = "ml_stages.execute"
        if self.stage.environment is not Environment.PIPELINE:
            start, limit = "ml_stages.wrapper", None if limit is None else limit + _WRAPPER_GRACE_SECONDS
            variables["PYTHONPATH"] = str(wrapper)
        command = [str(interpreter.python), "-m", start, self.stage.module, str(self._job)]
        self.log.write_bytes(b"")
        return await run_logged(command, self.log, environment=variables, folder=self.scratch, timeout=limit)

    def report(self) -> str | None:
        """The report that the stage wrote, as JSON."""
        file = self.scratch / REPORT
        return file.read_text(encoding="utf-8") if file.is_file() else None

    def seal(self) -> None:
        """Turn the scratch folder into what is kept: report, outputs with their digests, log."""
        shutil.rmtree(self.scratch / "in", ignore_errors=True)
        self._job.unlink()
        shutil.copyfile(self.log, self.scratch / LOG)
        seal(self.scratch, self.stage.writes)

    def changed_inputs(self) -> list[str]:
        """What the stage was to read and is no longer what it was: it, or somebody beside it, wrote there."""
        folders = {name: made for name, made in self.inputs.items() if isinstance(made, Folder)}
        return [name for name, folder in folders.items() if not folder.is_unchanged]

    def _credentials(self) -> list[str]:
        fetch = self.config.fetch
        return fetch.secrets if fetch is not None and self.stage.name == "fetch-data" else []

    @property
    def _job(self) -> Path:
        return self.scratch / "job.json"

    def _outputs(self) -> dict[str, Path]:
        return {name: self.scratch / "out" / name for name in self.stage.writes}

    def _write_job(self) -> None:
        for folder in self._outputs().values():
            folder.mkdir(parents=True)
        job = {
            "stage": self.stage.name,
            "config": self.config.slice(self.stage.config),
            "parameters": dict(self.parameters),
            "inputs": {name: str(self._place(name, artifact)) for name, artifact in self.inputs.items()},
            "outputs": {name: str(folder) for name, folder in self._outputs().items()},
            "report": str(self.scratch / REPORT),
        }
        self._job.write_text(json.dumps(job), encoding="utf-8")

    def _place(self, name: str, artifact: HostArtifact) -> Path:
        place = self.scratch / "in" / name
        place.mkdir(parents=True)
        return artifact.place(place).resolve()
