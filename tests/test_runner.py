"""Running the table: parallel where independent, to the end of what can run."""

from __future__ import annotations

from collections.abc import Mapping

import anyio

from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.runner import PipelineRun, StageRun
from ml_stages.stages import BY_NAME, Stage

NAMES = ("lint", "data-validate", "split", "train", "predict", "baseline", "evaluate", "build-image")


class Recorder:
    """A runner that says for each stage how it ends, and remembers what it was given."""

    def __init__(self, endings: Mapping[str, StageStatus]) -> None:
        self.endings = endings
        self.inputs: dict[str, set[str]] = {}
        self.running: set[str] = set()
        self.together: set[frozenset[str]] = set()
        self.most = 0

    async def run(self, stage: Stage, inputs: Mapping[str, str]) -> StageRun[str]:
        self.inputs[stage.name] = set(inputs)
        self.running.add(stage.name)
        self.most = max(self.most, len(self.running))
        await anyio.sleep(0.02)
        self.together.add(frozenset(self.running))
        self.running.discard(stage.name)
        status = self.endings.get(stage.name, StageStatus.PASSED)
        outputs = dict.fromkeys(stage.writes, "made")
        return StageRun(StageOutcome(name=stage.name, status=status), "{}", outputs)

    def started(self, stage: Stage) -> None:
        pass

    def ended(self, outcome: StageOutcome) -> None:
        pass

    def noted(self, text: str) -> None:
        pass


def _run(
    endings: Mapping[str, StageStatus], given: tuple[str, ...] = ("source", "code", "data"), jobs: int = 8
) -> tuple[dict[str, StageOutcome], Recorder]:
    recorder = Recorder(endings)
    stages = [BY_NAME[name] for name in NAMES]
    pipeline = PipelineRun(stages, recorder, {}, dict.fromkeys(given, "given"), recorder)
    anyio.run(pipeline.run, jobs)
    return {name: result.outcome for name, result in pipeline.results.items()}, recorder


def test_a_failed_stage_skips_what_depends_on_it_and_nothing_else() -> None:
    """If this fails, one fault hides the others, or a stage runs on inputs that do not exist."""
    outcomes, recorder = _run({"train": StageStatus.FAILED})
    assert outcomes["lint"].status is StageStatus.PASSED
    assert outcomes["data-validate"].status is StageStatus.PASSED
    for name in ("predict", "evaluate", "build-image"):
        assert outcomes[name].status is StageStatus.SKIPPED
        assert outcomes[name].reason == "train failed"
    assert "predict" not in recorder.inputs


def test_an_optional_input_is_waited_for_but_not_needed() -> None:
    """If this fails, a first run cannot be evaluated, or a comparison misses its baseline."""
    outcomes, recorder = _run({})
    assert outcomes["baseline"].status is StageStatus.SKIPPED
    assert outcomes["baseline"].reason == "no baseline model was given"
    assert recorder.inputs["evaluate"] == {"predictions", "holdout-labels", "code"}
    _, recorder = _run({}, ("source", "code", "data", "baseline-model"))
    assert recorder.inputs["evaluate"] == {"predictions", "holdout-labels", "code", "baseline-predictions"}


def test_independent_stages_run_together() -> None:
    """If this fails, a run takes as long as all stages one after the other."""
    _, recorder = _run({})
    assert any({"lint", "data-validate", "split"} <= together for together in recorder.together)


def test_jobs_limit_what_runs_together() -> None:
    """If this fails, `--jobs 1` overloads a small machine."""
    _, recorder = _run({}, jobs=1)
    assert recorder.most == 1


class Buggy(Recorder):
    """A runner with a bug, against its own promise."""

    async def run(self, stage: Stage, inputs: Mapping[str, str]) -> StageRun[str]:
        if stage.name == "train":
            raise ZeroDivisionError("division by zero")
        return await super().run(stage, inputs)


def test_a_bug_of_ours_is_an_error_and_the_run_goes_on() -> None:
    """If this fails, one bug takes with it what all other stages found, and the report."""
    recorder = Buggy({})
    pipeline = PipelineRun(
        [BY_NAME[name] for name in NAMES],
        recorder,
        {},
        dict.fromkeys(("source", "code", "data"), "given"),
        recorder,
    )
    anyio.run(pipeline.run, 8)
    train = pipeline.results["train"].outcome
    assert train.status is StageStatus.ERROR
    assert train.reason == "the pipeline itself broke: ZeroDivisionError: division by zero"
    assert 'raise ZeroDivisionError("division by zero")' in "\n".join(train.tail)
    assert pipeline.results["lint"].outcome.status is StageStatus.PASSED
    assert pipeline.results["predict"].outcome.reason == "train broke"
