"""What becomes of servers that do not start, or fail, while no stage can see what they print."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import anyio
import dagger
import pytest
from dagger import dag

from ml_pipeline.containers import Lock
from ml_pipeline.runner import _MODEL_FAILED, DaggerRunner
from ml_pipeline.servers import beside, did_not_start
from ml_stages.config.load import load_config
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.runner import StageRun
from ml_stages.serving import application
from ml_stages.serving.probing.probe_report import ProbeCheck, ProbeReport
from ml_stages.stages import BY_NAME
from tests.pipeline.recorded import job, of, operations
from tests.projects import TinyProject

PROBE = BY_NAME["probe"]
INPUTS = ("bundle", "holdout-features", "predictions")
STOPPED = ProbeReport(subject="x", checks=[ProbeCheck(name="ready", status="failed", message="no apples")])
FINE = ProbeReport(subject="x", checks=[ProbeCheck(name="ready", status="passed", message="ready")])


@pytest.fixture
def runner(project: TinyProject) -> DaggerRunner:
    """Of a project that holds its server beside the baseline's."""
    gate = '[[tool.ml-pipeline.gates]]\nkind = "latency"\nquantile = "p95"\nmax_ratio = 1.5\n'
    project.write("pyproject.toml", project.read("pyproject.toml") + gate)
    return DaggerRunner(
        config=load_config(project.root).config,
        lock=Lock("requirements.lock", "pandas==3.0.0\n", "3.12"),
        gpu=False,
        baseline=dag.container().from_("registry.example.com/apples:1"),
    )


class _Refused(dagger.QueryError):
    """What an engine says of a container that needs a server which does not start."""

    def __new__(cls) -> Self:
        return Exception.__new__(cls)

    def __init__(self) -> None: ...

    def __str__(self) -> str:
        return "start 6lvmlavemtfim: exit code: 1"


class _Engine:
    """An engine in which some servers do not start."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, down: set[str], report: ProbeReport) -> None:
        self.probes: list[dagger.Container] = []
        engine = self

        async def read(_: object, __: object, container: dagger.Container) -> StageRun[dagger.Directory]:
            engine.probes.append(container)
            if down & {step["alias"] for step in of(container, "withServiceBinding")}:
                raise _Refused
            outcome = StageOutcome(name="probe", status=StageStatus.PASSED)
            return StageRun(outcome, report.model_dump_json())

        async def starts(image: dagger.Container) -> bool:
            is_baseline = {"address": "registry.example.com/apples:1"} in of(image, "from")
            return ("baseline" if is_baseline else "model") not in down

        monkeypatch.setattr(DaggerRunner, "_read", read)
        monkeypatch.setattr("ml_pipeline.runner.starts", starts)


def _probe(runner: DaggerRunner) -> StageRun[dagger.Directory]:
    return anyio.run(runner.run, PROBE, {name: dag.directory() for name in INPUTS})


def test_a_server_that_does_not_start_is_the_model_s_failure(
    runner: DaggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a model that cannot be loaded is a broken engine, whose words say nothing of it."""
    engine = _Engine(monkeypatch, {"model"}, STOPPED)
    probed = _probe(runner)
    assert probed.outcome.status is StageStatus.PASSED  # the gate judges
    assert "no apples" in (probed.report or "")
    assert not of(engine.probes[-1], "withServiceBinding")


def test_an_image_whose_server_starts_elsewhere_alone_never_passes(
    runner: DaggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, an image that cannot serve goes out, since its model serves outside of it."""
    _Engine(monkeypatch, {"model"}, FINE)
    probed = _probe(runner)
    assert probed.outcome.status is StageStatus.ERROR
    assert "exit code: 1" in probed.outcome.reason
    assert probed.report is None


def test_a_baseline_that_does_not_start_is_not_compared_with(
    runner: DaggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a damaged baseline ends the run of a good candidate in the words of the engine."""
    engine = _Engine(monkeypatch, {"baseline"}, FINE)
    assert _probe(runner).outcome.status is StageStatus.PASSED
    assert [step["alias"] for step in of(engine.probes[-1], "withServiceBinding")] == ["model"]
    assert "baseline_url" in job(engine.probes[-1])["parameters"]  # whose silence the report tells


def test_an_engine_that_refuses_for_another_reason_says_so(
    runner: DaggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a full disk is called a failed model."""

    async def up(_: object) -> bool:
        return True

    engine = _Engine(monkeypatch, {"model"}, FINE)
    monkeypatch.setattr("ml_pipeline.runner.starts", up)
    assert _probe(runner).outcome.status is StageStatus.ERROR
    assert len(engine.probes) == 1


def test_only_what_is_known_of_a_stopped_server_is_taken() -> None:
    """If this fails, a probe beside the image counts for the image."""
    assert did_not_start(STOPPED.model_dump_json())
    assert not did_not_start(FINE.model_dump_json())
    more = STOPPED.model_copy(update={"checks": [*STOPPED.checks, *FINE.checks]})
    assert not did_not_start(more.model_dump_json())


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (["the model raised KeyError: 'colour' (3 requests)"], "KeyError: 'colour'"),
        ([], "--progress=plain"),  # it failed once, and not again
    ],
)
def test_a_model_that_fails_in_the_probe_says_what_it_raised(
    runner: DaggerRunner, monkeypatch: pytest.MonkeyPatch, found: list[str], told: str
) -> None:
    """If this fails, a report says that the model failed, and nobody knows why, or where to look."""

    async def errors(_: object) -> list[str]:
        return found

    monkeypatch.setattr("ml_pipeline.runner.model_errors", errors)
    _Engine(monkeypatch, set(), FINE)
    assert not _probe(runner).outcome.notes
    answer = ProbeCheck(name="golden", status="failed", message=f'got 500 {{"message": "{_MODEL_FAILED}; see')
    _Engine(monkeypatch, set(), ProbeReport(subject="x", checks=[answer]))
    (note,) = _probe(runner).outcome.notes
    assert told in note


def test_the_server_says_what_is_looked_for() -> None:
    """If this fails, another wording of the server takes the note above away."""
    assert _MODEL_FAILED in Path(application.__file__).read_text(encoding="utf-8")


def test_the_probe_that_reads_the_server_s_output_starts_it_itself(runner: DaggerRunner) -> None:
    """If this fails, what the model raised is looked for where no stage can see it: in a service."""
    inputs = {name: dag.directory() for name in INPUTS}
    container = beside(dag.container().from_("python:3.12-slim"), "3.12", runner.config, inputs)
    assert "withServiceBinding" not in {step.name for step in operations(container)}
    asked = job(container)
    assert asked["parameters"] == {"command": ["/opt/project/bin/python", "/stage/in/bundle/serve"]}
    mounted = {step["path"] for step in of(container, "withMountedDirectory")}
    assert mounted == set(asked["inputs"].values())
    assert "/opt/pipeline/bin/python" in of(container, "withExec")[-1]["args"]
