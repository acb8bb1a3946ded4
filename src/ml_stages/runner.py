"""Run the table of stages: in order, in parallel where independent, and to the end of what can run.

A :class:`Runner` knows how to run one stage somewhere (folders on the host, containers in an
engine); everything else here is the same for all of them.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import anyio

from ml_stages.graph import waits_within
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.stages import BY_NAME, Environment, Stage

Artifact = TypeVar("Artifact")
_TAIL_LINES = 40


@dataclass(frozen=True)
class StageRun(Generic[Artifact]):
    """What a runner gives back for one stage."""

    outcome: StageOutcome
    report: str | None = None
    """The report as JSON; without one the stage did not pass."""
    outputs: Mapping[str, Artifact] = field(default_factory=dict)


class Runner(Protocol[Artifact]):
    """Runs one stage: the only thing that differs between a laptop and a container engine."""

    async def run(self, stage: Stage, inputs: Mapping[str, Artifact]) -> StageRun[Artifact]:
        """Run a stage on its inputs; never raises for a failure of the stage itself."""
        ...


class Watcher(Protocol):
    """Told of every beginning and end, as it happens."""

    def started(self, stage: Stage) -> None: ...

    def ended(self, outcome: StageOutcome) -> None: ...

    def noted(self, text: str) -> None:
        """Told of what takes time and is no stage: an environment that is being installed."""
        ...


CoreStage = Callable[[Mapping[str, "StageRun[Artifact]"]], Awaitable["StageRun[Artifact]"]]
"""A stage that runs in this process, on what the stages before it gave."""


class PipelineRun(Generic[Artifact]):
    """One run of some stages: what was given, what each stage gave back."""

    def __init__(
        self,
        stages: Sequence[Stage],
        runner: Runner[Artifact],
        core: Mapping[str, CoreStage[Artifact]],
        given: Mapping[str, Artifact],
        watcher: Watcher,
    ) -> None:
        self.stages = stages
        self.results: dict[str, StageRun[Artifact]] = {}
        self._runner = runner
        self._core = core
        self._artifacts = dict(given)
        self._watcher = watcher
        self._waits = waits_within(stages)
        self._done = {stage.name: anyio.Event() for stage in stages}

    async def run(self, jobs: int) -> None:
        """Run every stage, at most ``jobs`` at a time; ``results`` is whole when this returns."""
        slots = anyio.CapacityLimiter(jobs)
        async with anyio.create_task_group() as tasks:
            for stage in self.stages:
                tasks.start_soon(self._run_when_ready, stage, slots)

    async def _run_when_ready(self, stage: Stage, slots: anyio.CapacityLimiter) -> None:
        for name in self._waits[stage.name]:
            await self._done[name].wait()
        if reason := self._reason_to_skip(stage):
            outcome = StageOutcome(name=stage.name, status=StageStatus.SKIPPED, reason=reason)
            self._finish(stage, StageRun(outcome))
            return
        async with slots:
            self._watcher.started(stage)
            self._finish(stage, await self._run_stage(stage))

    async def _run_stage(self, stage: Stage) -> StageRun[Artifact]:
        try:
            return await self._attempt(stage)
        except Exception as error:  # noqa: BLE001 - a bug of ours must block, and not take the report with it
            tail = "".join(traceback.format_exception(error)).splitlines()[-_TAIL_LINES:]
            reason = f"the pipeline itself broke: {type(error).__name__}: {error}"
            outcome = StageOutcome(name=stage.name, status=StageStatus.ERROR, reason=reason, tail=tail)
            return StageRun(outcome)

    async def _attempt(self, stage: Stage) -> StageRun[Artifact]:
        if stage.environment is Environment.CORE:
            return await self._core[stage.name](self.results)
        wanted = (*stage.reads, *stage.optional)
        inputs = {name: self._artifacts[name] for name in wanted if name in self._artifacts}
        return await self._runner.run(stage, inputs)

    def _finish(self, stage: Stage, result: StageRun[Artifact]) -> None:
        self.results[stage.name] = result
        if result.outcome.made_outputs:
            self._artifacts.update(result.outputs)
        self._watcher.ended(result.outcome)
        self._done[stage.name].set()

    def _reason_to_skip(self, stage: Stage) -> str:
        """Why a stage cannot run: an artifact that it needs was not made."""
        missing = [name for name in stage.reads if name not in self._artifacts]
        if not missing:
            return ""
        maker = next((name for name in self._waits[stage.name] if missing[0] in BY_NAME[name].writes), None)
        if maker is None:
            return f"no {missing[0].replace('-', ' ')} was given"
        return _blame(maker, self.results)


def _blame(maker: str, results: Mapping[str, StageRun[Artifact]]) -> str:
    outcome = results[maker].outcome
    if outcome.status is StageStatus.SKIPPED:
        return outcome.reason
    ending = {StageStatus.FAILED: "failed", StageStatus.ERROR: "broke"}
    return f"{maker} {ending.get(outcome.status, 'gave no result')}"
