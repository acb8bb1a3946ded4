"""Run one stage on the host: a process in the right environment, or an earlier result."""

from __future__ import annotations

import functools
import os
import re
import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio.to_thread

from ml_stages import digest
from ml_stages.audit.parameters import AuditParameters
from ml_stages.code import ROOT, stage_files
from ml_stages.config.config import Config
from ml_stages.errors import StageError, wording
from ml_stages.host.artifact import Folder, HostArtifact
from ml_stages.host.entry import LOG, Entry, read_entry
from ml_stages.host.environment import (
    Environments,
    Interpreter,
    current_interpreter,
    is_changed,
    own_interpreter,
)
from ml_stages.host.stage_work import WRAPPER_MODULES, StageWork
from ml_stages.host.store import Key, Store
from ml_stages.host.whole_file import written_whole
from ml_stages.lock import python_version
from ml_stages.model.identity import packed_python
from ml_stages.outcome import CacheNote, StageOutcome, StageStatus
from ml_stages.result import (
    Ended,
    broken,
    command_failed,
    is_incomplete,
    passed_at_last,
    refusal,
)
from ml_stages.room import told_of_room
from ml_stages.runner import StageRun
from ml_stages.stages import Environment, Stage, modules
from ml_stages.wrapper.train import find_device

_CREDENTIAL = re.compile(r"TOKEN|KEY|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_LABELS = {"org.opencontainers.image.revision": "commit"}


@dataclass
class HostRunner:
    """Runs stages in folders and ``uv`` environments; a :class:`ml_stages.runner.Runner`."""

    project: Path
    config: Config
    lock: Path | None
    """The project's lock file; ``None`` runs the project in the pipeline's own interpreter."""
    lock_digest: str | None
    """What the lock file held when the run began."""
    store: Store
    environments: Environments
    logs: Path
    labels: Mapping[str, str] = field(default_factory=dict)
    """What the bundle says about itself."""
    kept: Mapping[str, Path] = field(default_factory=dict)
    """Artifacts whose files are added to a folder of the project before anything that follows from them
    is known, and the folder. What is there already is never changed."""

    async def run(self, stage: Stage, inputs: Mapping[str, HostArtifact]) -> StageRun[HostArtifact]:
        """Run a stage, or find its earlier result; how it ended is in the outcome, never raised.

        The stage's duration does not count the installation of an environment.
        """
        log = self.logs / f"{stage.name}.log"
        started = time.monotonic()
        try:
            self._check_lock()
            interpreter = await self._interpreter(stage, inputs)
            parameters = await self._parameters(stage, inputs)
            started = time.monotonic()
            result = await self._run(stage, inputs, interpreter, parameters, log)
            for name in result.outputs.keys() & self.kept.keys():
                await anyio.to_thread.run_sync(_add_files, result.outputs[name], self.kept[name])
        except (StageError, OSError) as error:
            said = wording(error)
            reason = said + told_of_room(self.store.root, [said])
            outcome = StageOutcome(name=stage.name, status=StageStatus.ERROR, reason=reason)
            result = StageRun(outcome)
        duration = round(time.monotonic() - started, 3)
        outcome = result.outcome.model_copy(update={"duration": duration})
        return StageRun(outcome, result.report, result.outputs)

    async def _run(
        self,
        stage: Stage,
        inputs: Mapping[str, HostArtifact],
        interpreter: Interpreter,
        parameters: Mapping[str, Any],
        log: Path,
    ) -> StageRun[HostArtifact]:
        key = await anyio.to_thread.run_sync(self._key, stage, inputs, interpreter, parameters)
        changed = key.changed_since(self.store.last_parts(stage.name))
        entry = self.store.find(key) if stage.cacheable else None
        if entry is not None:
            found = await anyio.to_thread.run_sync(read_entry, entry)
            if found is not None:
                self.store.remember(stage.name, key)
                shutil.copyfile(entry / LOG, log)
                same = CacheNote(hit=True, key=key.digest, reason="nothing changed")
                return passed_at_last(_passed(stage, found, same), self.store.failures(key))
            self.store.drop(entry)
            changed = "the earlier result is damaged"
        note = CacheNote(hit=False, key=key.digest, reason=changed) if stage.cacheable else None
        work = StageWork(stage, self.config, inputs, parameters, self.store.scratch(stage.name), log)
        try:
            ended = await work.run(interpreter, self._wrapper())
            return await anyio.to_thread.run_sync(self._conclude, work, key, note, ended, interpreter)
        finally:
            shutil.rmtree(work.scratch, ignore_errors=True)

    def _check_lock(self) -> None:
        """Tests, training and server shall have the same packages, those of the lineage."""
        if self.lock is not None and digest.of_file(self.lock) != self.lock_digest:
            raise StageError(f"{self.lock.name} changed since the run began; run again")

    async def _interpreter(self, stage: Stage, inputs: Mapping[str, HostArtifact]) -> Interpreter:
        if stage.environment is Environment.PIPELINE:
            return own_interpreter()
        lock, python = self.lock, python_version(self.project, self.config.environment)
        if stage.environment is Environment.BASELINE:
            lock, python = _baseline_environment(inputs["baseline-model"])
        if lock is None:
            return current_interpreter(self.project)
        return await self.environments.locked(lock, python, self.config.environment)

    async def _parameters(self, stage: Stage, inputs: Mapping[str, HostArtifact]) -> dict[str, Any]:
        """What a stage must know that is neither configuration nor an artifact."""
        if stage.environment is Environment.PROJECT:
            gpu = {"gpu": self.config.environment.gpu} if stage.gpu else {}
            ruff = _own_ruff() if stage.name == "lint" else {}
            return {"timeout": self.config.timeouts.of(stage.name), **gpu, **ruff, **self._as_of(stage)}
        if stage.name == "audit":
            return AuditParameters.of_project(self.project, self.lock).model_dump(mode="json")
        if stage.name == "build-image":
            python = await self._project_python()
            return {"python": str(python), "lock": self.lock and str(self.lock), "labels": dict(self.labels)}
        if stage.name == "probe":
            command = _serve(await self._project_python(), inputs["bundle"])
            return {"command": command, "baseline": await self._baseline_command(inputs)}
        if stage.name == "data-validate":
            return dict(self.config.data.as_of(datetime.now(UTC)))
        return {}

    async def _baseline_command(self, inputs: Mapping[str, HostArtifact]) -> list[str] | None:
        """How the baseline's server is started, where a gate compares with it."""
        baseline = inputs.get("baseline-model")
        if baseline is None or not self.config.compares_servers:
            return None
        lock, version = _baseline_environment(baseline)
        if lock is None:
            return _serve(own_interpreter().python, baseline)
        environment = await self.environments.locked(lock, version, self.config.environment)
        return _serve(environment.python, baseline)

    def _as_of(self, stage: Stage) -> dict[str, str]:
        fetch = self.config.fetch
        if fetch is None or stage.name != "fetch-data":
            return {}
        return {"as_of": fetch.as_of(datetime.now(UTC))}

    async def _project_python(self) -> Path:
        if self.lock is None:
            return own_interpreter().python
        version = python_version(self.project, self.config.environment)
        return (await self.environments.locked(self.lock, version, self.config.environment)).python

    def _key(
        self,
        stage: Stage,
        inputs: Mapping[str, HostArtifact],
        interpreter: Interpreter,
        parameters: Mapping[str, Any],
    ) -> Key:
        parts = {
            "the pipeline's own code": digest.of_files(ROOT, stage_files(*modules(stage))),
            "configuration": digest.of_value(self.config.slice(stage.config)),
            "environment": interpreter.digest,
            "parameters": digest.of_value({**parameters, "timeout": None, "day": None, "labels": None}),
            **{_LABELS.get(key, f"label {key}"): text for key, text in parameters.get("labels", {}).items()},
        }
        if "day" in parameters:
            parts["the day"] = parameters["day"]
        if stage.environment is not Environment.PIPELINE:
            parts |= self._variables()
        if stage.gpu:
            parts["device"] = digest.of_value(find_device())
        for name, artifact in inputs.items():
            parts |= artifact.parts(name)
        return Key(parts)

    def _variables(self) -> dict[str, str]:
        """The variables that the project asked for, but credentials, which may be others each time."""
        names = [name for name in self.config.environment.pass_variables if not _CREDENTIAL.search(name)]
        return {f"${name}": digest.of_value(os.environ.get(name)) for name in names}

    def _wrapper(self) -> Path:
        """A folder with the files of the wrapper alone, to put on the project's ``PYTHONPATH``."""
        files = stage_files(*WRAPPER_MODULES)
        name = digest.of_files(ROOT, files).removeprefix("sha256:")[:16]
        fill, is_whole = functools.partial(_copy_package, files), functools.partial(_is_package, files)
        return self.store.shared(f"wrapper-{name}", fill, is_whole)

    def _conclude(
        self, work: StageWork, key: Key, note: CacheNote | None, ended: Ended, interpreter: Interpreter
    ) -> StageRun[HostArtifact]:
        stage, report = work.stage, work.report()
        if ended.exit_status != 0 or report is None:
            room = told_of_room(self.store.root, ended.tail)
            return broken(stage, note, ended, self.config.timeouts.of(stage.name), room)
        command = refusal(report)
        if command is not None:
            room = told_of_room(self.store.root)
            if not room:
                self.store.note_failure(key)
            return command_failed(stage, note, report, command, room)
        if wrong := work.changed_inputs():
            raise StageError(_written(stage, wrong))
        if interpreter.lock is not None and is_changed(interpreter.python.parent.parent):
            raise StageError(
                f"the environment of {interpreter.lock.name} changed while {stage.name} ran: what a stage"
                " installs is on this machine alone; put it into the lock, or into the model"
            )
        work.seal()
        self.store.remember(stage.name, key)
        kept = stage.cacheable and not is_incomplete(report)
        folder = self.store.keep(key, work.scratch) if kept else work.scratch
        made = read_entry(folder)
        if made is None:
            raise StageError(f"what {stage.name} made was changed as soon as it was kept in {folder}")
        return passed_at_last(_passed(stage, made, note), self.store.failures(key))


def _passed(stage: Stage, entry: Entry, note: CacheNote | None) -> StageRun[HostArtifact]:
    """The result that stands in a folder of the store."""
    outcome = StageOutcome(name=stage.name, status=StageStatus.PASSED, cached=note)
    return StageRun(outcome, entry.report, entry.outputs)


def _written(stage: Stage, inputs: list[str]) -> str:
    """That a stage cannot be believed, since what it read was not what its key says."""
    names = " and ".join(name.replace("-", " ") for name in inputs)
    advice = (
        "run again when nothing writes there"
        if {*inputs} <= {"data", "ledger"}  # another run may have been answered meanwhile
        else "a stage may write into its own outputs alone: change a copy"
    )
    return f"the {names} changed while {stage.name} ran; {advice}"


def _add_files(artifact: HostArtifact, folder: Path) -> None:
    assert isinstance(artifact, Folder)  # noqa: S101 - stages of ours write folders
    for file in sorted(path for path in artifact.path.rglob("*") if path.is_file()):
        target = folder / file.relative_to(artifact.path)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(target) as partial:
                shutil.copyfile(file, partial)


def _own_ruff() -> dict[str, str]:
    """For projects that pin none: where it is, and which, since another one finds other things."""
    return {"ruff": str(Path(sys.executable).with_name("ruff")), "ruff_version": version("ruff")}


def _baseline_environment(baseline: HostArtifact) -> tuple[Path | None, str | None]:
    """The lock that a published bundle carries, and its Python version."""
    assert isinstance(baseline, Folder)  # noqa: S101 - a baseline is a published folder
    lock = baseline.path / "requirements.lock"
    manifest = (baseline.path / "bundle.json").read_text(encoding="utf-8", errors="replace")
    return (lock, packed_python(manifest)) if lock.is_file() else (None, None)


def _serve(python: Path, bundle: HostArtifact) -> list[str]:
    assert isinstance(bundle, Folder)  # noqa: S101 - stages of ours write folders, and a baseline is one
    return [str(python), str(bundle.path / "serve")]


def _copy_package(files: Iterable[Path], folder: Path) -> None:
    for file in files:
        target = folder / file.relative_to(ROOT.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def _is_package(files: Iterable[Path], folder: Path) -> bool:
    """Whether these files are there and no others: one more may stand before a module of Python's own."""
    copies = {folder / file.relative_to(ROOT.parent): file for file in files}
    return copies.keys() == set(digest.tree(folder)) and all(
        copy.read_bytes() == file.read_bytes() for copy, file in copies.items()
    )
