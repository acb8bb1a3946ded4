"""Run one stage in a container: the Dagger side of :class:`ml_stages.runner.Runner`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import dagger
from dagger import dag

from ml_pipeline.containers import (
    PACKING_PYTHON,
    PROJECT_PYTHON,
    SERVING_PORT,
    SYSTEM_PYTHON,
    UNPACK_CODE,
    Lock,
    base_image,
    packing_container,
    pipeline_container,
    project_container,
    serving_image,
    without_tools,
)
from ml_pipeline.servers import Start, beside, did_not_start, model_errors, starts, timed_start
from ml_pipeline.stage_container import TIMED_OUT, WORK, Ran, executed, prepared
from ml_stages.audit.parameters import AuditParameters, LockText
from ml_stages.config.config import Config
from ml_stages.outcome import CacheNote, StageOutcome, StageStatus
from ml_stages.result import (
    TAIL_LINES,
    Ended,
    broken,
    command_failed,
    is_incomplete,
    passed_at_last,
    refusal,
)
from ml_stages.runner import StageRun
from ml_stages.stages import Environment, Stage

_MODEL_FAILED = "the model failed on this request"  # what the server answers, which no check leaves out
_SERVER_LOG = (
    'what the model raised is in the output of its server: look for "the model failed" in the progress of '
    "the call that ran this stage (--progress=plain)"
)


@dataclass
class DaggerRunner:
    """Runs stages in containers; every artifact is a directory of the engine."""

    config: Config
    lock: Lock
    gpu: bool
    """Whether the engine has a GPU and the project wants it."""
    source: dagger.Directory | None = None
    """The project, where its own Dockerfile makes the base image."""
    baseline: dagger.Container | None = None
    """The image that the model is compared with, where there is one."""
    baseline_lock: Lock | None = None
    """What the baseline was released with, where there is one."""
    secrets: Sequence[dagger.Secret] = ()
    """Credentials for fetching the data, in the order of ``fetch.secrets``."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What every stage sees of the host."""
    bundle_labels: Mapping[str, str] = field(default_factory=dict)
    """What the bundle says about itself."""
    labels: Callable[[], Mapping[str, str]] = dict
    """What the image says besides, asked for once: when its bundle is there."""
    platform: dagger.Platform | None = None
    """What the model image is built for; by default the engine's own platform."""
    retry: str = ""
    """A token: stages that failed, or could not look at everything, are run once more under it."""
    started: float = field(default_factory=time.time)
    _image: dagger.Container | None = None
    _is_onnx: bool = False
    _is_baseline_down: bool = False
    """Whether the baseline's server was seen not to start."""

    async def run(self, stage: Stage, inputs: Mapping[str, dagger.Directory]) -> StageRun[dagger.Directory]:
        """Run a stage in its container; how it ended is in the outcome, never raised."""
        clock = time.monotonic()
        result = await self._attempt(stage, inputs, retry="")
        if self.retry and not _came_to_its_end(result):
            failures = ["before --retry"] if refusal(result.report) else []
            result = await self._attempt(stage, inputs, self.retry)
            if _came_to_its_end(result):
                result = passed_at_last(result, failures)
        duration = round(time.monotonic() - clock, 3)
        if stage.name == "build-image" and result.report is not None:
            self._is_onnx = json.loads(result.report)["format"] == "onnx"
        return StageRun(
            result.outcome.model_copy(update={"duration": duration}), result.report, result.outputs
        )

    async def _attempt(
        self, stage: Stage, inputs: Mapping[str, dagger.Directory], retry: str
    ) -> StageRun[dagger.Directory]:
        try:
            if stage.name == "probe":
                return await self._probe(stage, inputs, retry)
            return await self._read(stage, self._container(stage, inputs, retry))
        except (dagger.QueryError, ExceptionGroup) as found:
            error = found.exceptions[0] if isinstance(found, ExceptionGroup) else found
            reason = str(error).strip().splitlines()
            outcome = StageOutcome(
                name=stage.name, status=StageStatus.ERROR, reason=reason[0], tail=reason[-TAIL_LINES:]
            )
            return StageRun(outcome)

    def image(self, bundle: dagger.Directory) -> dagger.Container:
        """The model image: what is probed, and what is published."""
        if self._image is None:
            environment, python = self._serves_in()
            self._image = serving_image(environment, bundle, self.labels().items(), python)
        return self._image

    def _serves_in(self) -> tuple[dagger.Container, str]:
        """What the server runs in: a converted model needs nothing of the project's environment."""
        environment = self.config.environment
        if self._is_onnx and environment.image is None and environment.dockerfile is None:
            return self._base(self.lock), SYSTEM_PYTHON
        return without_tools(self._serving_environment), PROJECT_PYTHON

    @cached_property
    def _pipeline(self) -> dagger.Container:
        return pipeline_container()

    @cached_property
    def _serving_environment(self) -> dagger.Container:
        return project_container(self.config.environment, self.lock, self._base(self.lock))

    def _base(self, lock: Lock, *, gpu: bool = False) -> dagger.Container:
        environment = self.config.environment
        if environment.dockerfile is not None and self.source is not None:
            return self.source.docker_build(dockerfile=environment.dockerfile, platform=self.platform)
        return dag.container(platform=self.platform).from_(base_image(environment, lock, gpu=gpu))

    @cached_property
    def _training_environment(self) -> dagger.Container:
        base = self._base(self.lock, gpu=self.gpu)
        environment = project_container(self.config.environment, self.lock, base)
        return environment.experimental_with_all_gp_us() if self.gpu else environment

    def _container(
        self, stage: Stage, inputs: Mapping[str, dagger.Directory], retry: str
    ) -> dagger.Container:
        """The container in which the stage has run, as a plan: nothing happens before it is read."""
        parameters, environment = self._parameters(stage), self._environment(stage)
        container = prepared(environment, stage, self.config.slice(stage.config), parameters, inputs)
        for name, value in sorted(self.variables.items()):
            container = container.with_env_variable(name, value)
        if stage.name == "build-image":
            container = container.with_new_file(f"{WORK}/{self.lock.name}", self.lock.text)
        if stage.name == "probe":
            service = self.image(inputs["bundle"]).as_service(use_entrypoint=True)
            container = container.with_service_binding("model", service)
            if self._compared is not None and not self._is_baseline_down:
                service = self._compared.as_service(use_entrypoint=True)
                container = container.with_service_binding("baseline", service)
        if stage.name == "fetch-data":
            for variable, secret in zip(self._credentials(), self.secrets, strict=True):
                container = container.with_secret_variable(variable, secret)
        if retry:
            container = container.with_env_variable("ML_PIPELINE_RETRY", retry)
        return executed(container, self._command(stage))

    def _environment(self, stage: Stage) -> dagger.Container:
        if stage.name == "build-image":
            # What is packed for the server must fit the Python that will run it.
            if self._converts:
                return packing_container(self._serving_environment, self.lock.python)
            return pipeline_container(self.lock.python, self.platform)
        if stage.environment is Environment.PIPELINE:
            return self._pipeline
        if stage.environment is Environment.BASELINE and self.baseline_lock is not None:
            base = dag.container().from_(base_image(self.config.environment, self.baseline_lock))
            return project_container(self.config.environment, self.baseline_lock, base)
        if stage.name == "lint":
            # For a project that pins no ruff of its own.
            ruff = self._pipeline.file("/usr/local/bin/ruff")
            return self._serving_environment.with_file("/usr/local/bin/ruff", ruff)
        return self._training_environment if stage.gpu else self._serving_environment

    def _command(self, stage: Stage) -> list[str]:
        pipeline = stage.environment is Environment.PIPELINE
        python, start = ("python", "ml_stages.execute") if pipeline else (PROJECT_PYTHON, "ml_stages.wrapper")
        grace = 0 if pipeline else 30
        seconds = (self.config.timeouts.of(stage.name) or 0) + grace
        if stage.name == "build-image" and self._converts:
            python = PACKING_PYTHON
        run = [python, "-m", start, stage.module, f"{WORK}/job.json"]
        return [python, UNPACK_CODE, f"{seconds:g}", *run]

    def _parameters(self, stage: Stage) -> dict[str, Any]:
        timeout: dict[str, Any] = {"timeout": self.config.timeouts.of(stage.name)}
        known: dict[str, dict[str, Any]] = {
            "lint": {**timeout, "ruff": "ruff"},
            "test": timeout,
            "train": {**timeout, "gpu": self.config.environment.gpu if self.gpu else "off"},
            "predict": timeout,
            "predict-perturbed": timeout,
            "baseline": timeout,
            "build-image": {
                "python": PROJECT_PYTHON if self._converts else SYSTEM_PYTHON,
                "lock": f"{WORK}/{self.lock.name}",
                "labels": dict(self.bundle_labels),
            },
            "audit": self._audit(),
            "probe": self._servers(),
        }
        if stage.name == "fetch-data" and self.config.fetch is not None:
            return {**timeout, "as_of": self.config.fetch.as_of(self._now)}
        if stage.name == "data-validate":
            return dict(self.config.data.as_of(self._now))
        return known.get(stage.name, {})

    @property
    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.started, UTC)

    @property
    def _converts(self) -> bool:
        """Whether packing runs the project's own code, which writes its model as ONNX."""
        return self.config.predictor.export is not None

    @property
    def _compared(self) -> dagger.Container | None:
        """The baseline's image, where a gate holds the two servers beside each other."""
        return self.baseline if self.config.compares_servers else None

    def _servers(self) -> dict[str, str]:
        urls = {"url": f"http://model:{SERVING_PORT}"}
        return urls | ({"baseline_url": f"http://baseline:{SERVING_PORT}"} if self._compared else {})

    def _credentials(self) -> list[str]:
        return self.config.fetch.secrets if self.config.fetch is not None else []

    def _audit(self) -> dict[str, Any]:
        lock = LockText(name=self.lock.name, text=self.lock.text)
        return AuditParameters(day=self._now.date(), lock=lock).model_dump(mode="json")

    async def _read(self, stage: Stage, container: dagger.Container) -> StageRun[dagger.Directory]:
        # Known to the engine from here on: what follows sends a handle instead of the whole plan.
        container = await container.sync()
        ran = await Ran.read(container)
        note = self._cache_note(ran.started)
        if ran.exit_status != 0 or ran.report is None:
            ended = Ended(None if ran.exit_status == TIMED_OUT else ran.exit_status, [*ran.tail])
            return broken(stage, note, ended, self.config.timeouts.of(stage.name))
        report = ran.report
        command = refusal(report)
        if command is not None:
            return command_failed(stage, note, report, command)
        outcome = StageOutcome(name=stage.name, status=StageStatus.PASSED, cached=note)
        outputs = {name: container.directory(f"{WORK}/out/{name}") for name in stage.writes}
        return StageRun(outcome, report, outputs)

    async def _probe(
        self, stage: Stage, inputs: Mapping[str, dagger.Directory], retry: str
    ) -> StageRun[dagger.Directory]:
        """Time the image's start, and probe it; one that does not start is a failed check, as on the host."""
        image = self.image(inputs["bundle"])
        start = await timed_start(image, self._serves_in()[1], self.config.probe.startup, retry)
        if start.seconds is None:
            return StageRun(StageOutcome(name=stage.name, status=StageStatus.PASSED), start.report())
        try:
            result = await self._read(stage, self._container(stage, inputs, retry))
        except (dagger.QueryError, ExceptionGroup):
            if self._compared is None or await starts(self._compared):
                raise
            self._is_baseline_down = True  # it is not compared with, and the report says so
            result = await self._read(stage, self._container(stage, inputs, retry))
        return result if result.report is None else await self._explained(inputs, result, start)

    async def _explained(
        self, inputs: Mapping[str, dagger.Directory], result: StageRun[dagger.Directory], start: Start
    ) -> StageRun[dagger.Directory]:
        """The result with the start, and with what the model raised, where it failed."""
        report = start.report(result.report)
        if _MODEL_FAILED not in report:
            return replace(result, report=report)
        notes = [*result.outcome.notes, *(await model_errors(self._beside(inputs)) or [_SERVER_LOG])]
        return replace(result, report=report, outcome=result.outcome.model_copy(update={"notes": notes}))

    def _beside(self, inputs: Mapping[str, dagger.Directory]) -> dagger.Container:
        return beside(self._serving_environment, self.lock.python, self.config, inputs)

    def _cache_note(self, ran_at: float) -> CacheNote:
        hit = ran_at < self.started
        reason = "nothing changed" if hit else "something that it reads changed"
        return CacheNote(hit=hit, key="the engine's", reason=reason)


def _came_to_its_end(result: StageRun[dagger.Directory]) -> bool:
    """Whether nothing is to be tried again: no command failed, and everything could be looked at."""
    if result.outcome.status is not StageStatus.PASSED:
        return False
    report = result.report
    if report is not None and result.outcome.name == "probe":
        return not did_not_start(report)
    return report is None or not (is_incomplete(report) or refusal(report))
