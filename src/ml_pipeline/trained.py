"""Models that were trained before, in a registry: an engine that starts empty does not train them again.

A trained model is an image of nothing but its files and the report of its training, under a tag that stands
for all that made it. A run that trained it and one that found it go on from that same image, so that what
comes after the training is answered from the engine's cache in both.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import dagger
from dagger import dag

from ml_pipeline.containers import base_image
from ml_pipeline.oci import Address
from ml_pipeline.runner import DaggerRunner
from ml_stages import digest
from ml_stages.code import ROOT, stage_files
from ml_stages.errors import UsageError
from ml_stages.outcome import CacheNote, StageOutcome, StageStatus
from ml_stages.runner import StageRun
from ml_stages.stages import Stage, modules

_MODEL, _REPORT = "/model", "/report.json"
_ABSENT = ": not found"


@dataclass(frozen=True)
class Trained:
    """A model as its training left it."""

    address: str
    model: dagger.Directory
    report: str


class RegistryError(Exception):
    """The registry did not answer, or refused: whether the model is there is not known."""


@dataclass(frozen=True)
class TrainedModels:
    """A repository of trained models, reached with the credentials of whoever calls."""

    where: Address

    @classmethod
    def at(cls, text: str) -> TrainedModels:
        """Raises :class:`UsageError` for what is no repository."""
        where = Address.parse(text)
        if where.tag or where.digest:
            raise UsageError(
                f"--trained {text} names one image; expected a repository: registry.example.com/team/trained"
            )
        return cls(where)

    async def find(self, key: str) -> Trained | None:
        """The model with this key; raises :class:`RegistryError` where that cannot be known."""
        tagged = self.where.tagged(key)
        try:
            return await self._read(await dag.container().from_(tagged).image_ref())
        except dagger.QueryError as error:
            if str(error).endswith(_ABSENT):
                return None
            raise RegistryError(f"{tagged} could not be looked for: {_reason(error)}") from None

    async def keep(self, key: str, model: dagger.Directory, report: str) -> Trained:
        """Push a model under its key; raises :class:`RegistryError` where the registry refuses."""
        image = dag.container().with_directory(_MODEL, model).with_new_file(_REPORT, report)
        tagged = self.where.tagged(key)
        try:
            return await self._read(await image.publish(tagged))
        except dagger.QueryError as error:
            raise RegistryError(f"{tagged} could not be kept: {_reason(error)}") from None

    async def _read(self, reference: str) -> Trained:
        address = self.where.at(reference.rpartition("@")[2])
        image = dag.container().from_(address)
        return Trained(address, image.directory(_MODEL), await image.file(_REPORT).contents())


@dataclass(frozen=True)
class TrainsOnce:
    """A runner that looks for a model before it trains one, and keeps what it trained."""

    runner: DaggerRunner
    kept: TrainedModels

    async def run(self, stage: Stage, inputs: Mapping[str, dagger.Directory]) -> StageRun[dagger.Directory]:
        """As the runner; where the registry cannot say, the model is trained, and that is said."""
        if stage.name != "train":
            return await self.runner.run(stage, inputs)
        clock = time.monotonic()
        key = await _key(self.runner, stage, inputs)
        notes = []
        try:
            if found := await self.kept.find(key):
                return _found(found, key, time.monotonic() - clock)
        except RegistryError as error:
            notes.append(str(error))
        result = await self.runner.run(stage, inputs)
        outputs = result.outputs
        if outputs and result.report is not None:
            try:
                outputs = {"model": (await self.kept.keep(key, outputs["model"], result.report)).model}
            except RegistryError as error:
                notes.append(str(error))
        outcome = result.outcome.model_copy(update={"notes": [*result.outcome.notes, *notes]})
        return StageRun(outcome, result.report, outputs)


def _found(trained: Trained, key: str, seconds: float) -> StageRun[dagger.Directory]:
    note = CacheNote(hit=True, key=key, reason=f"trained before: {trained.address}")
    outcome = StageOutcome(name="train", status=StageStatus.PASSED, duration=round(seconds, 3), cached=note)
    return StageRun(outcome, trained.report, {"model": trained.model})


async def _key(runner: DaggerRunner, stage: Stage, inputs: Mapping[str, dagger.Directory]) -> str:
    """A tag that stands for all that a training depends on."""
    environment = runner.config.environment
    # A Dockerfile of the project's own may copy any of its source.
    read = {**inputs, **({"source": runner.source} if environment.dockerfile and runner.source else {})}
    parts = {
        "code": digest.of_files(ROOT, stage_files(*modules(stage))),
        "config": runner.config.slice(stage.config),
        "environment": environment.model_dump(mode="json"),
        "base": base_image(environment, runner.lock, gpu=runner.gpu),
        "gpu": runner.gpu,
        "platform": await dag.default_platform(),
        "lock": [runner.lock.text, runner.lock.python],
        "variables": dict(runner.variables),
        "inputs": {name: await folder.digest() for name, folder in read.items()},
    }
    return digest.of_value(parts).removeprefix("sha256:")[:40]


def _reason(error: dagger.QueryError) -> str:
    """What the registry or the network said, without the address that stands before it."""
    return str(error).strip().splitlines()[0].rpartition('": ')[2]
