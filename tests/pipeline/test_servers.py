"""What becomes of servers that do not start, or fail, while no stage can see what they print."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Self

import anyio
import dagger
import pytest
from dagger import dag

from ml_pipeline.containers import Lock
from ml_pipeline.runner import _MODEL_FAILED, DaggerRunner
from ml_pipeline.servers import _START, Start, beside, timed_start
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
FINE = ProbeReport(subject="x", checks=[ProbeCheck(name="golden", status="passed", message="as expected")])
READY = """
import http.server
class Ready(http.server.BaseHTTPRequestHandler):
    seen = 0
    def do_GET(self):
        Ready.seen += 1
        self.send_response(200 if Ready.seen > 2 else 503)
        self.end_headers()
with http.server.HTTPServer(("127.0.0.1", 0), Ready) as server:
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
"""


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

    def __init__(self, monkeypatch: pytest.MonkeyPatch, down: set[str], report: ProbeReport = FINE) -> None:
        self.probes: list[dagger.Container] = []
        self.started: list[tuple[dagger.Container, str]] = []
        engine = self

        async def read(_: object, __: object, container: dagger.Container) -> StageRun[dagger.Directory]:
            engine.probes.append(container)
            if down & {step["alias"] for step in of(container, "withServiceBinding")}:
                raise _Refused
            outcome = StageOutcome(name="probe", status=StageStatus.PASSED)
            return StageRun(outcome, report.model_dump_json())

        async def starts(image: dagger.Container) -> bool:
            assert {"address": "registry.example.com/apples:1"} in of(image, "from")
            return "baseline" not in down

        async def timed(image: dagger.Container, python: str, startup: float, retry: str) -> Start:
            engine.started.append((image, retry))
            return Start(None, "no apples") if "model" in down else Start(0.5)

        monkeypatch.setattr(DaggerRunner, "_read", read)
        monkeypatch.setattr("ml_pipeline.runner.starts", starts)
        monkeypatch.setattr("ml_pipeline.runner.timed_start", timed)


def _probe(runner: DaggerRunner) -> StageRun[dagger.Directory]:
    return anyio.run(runner.run, PROBE, {name: dag.directory() for name in INPUTS})


def _checks(probed: StageRun[dagger.Directory]) -> list[ProbeCheck]:
    return ProbeReport.model_validate_json(probed.report or "").checks


def test_a_server_that_does_not_start_is_the_model_s_failure(
    runner: DaggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a model that cannot be loaded is a broken engine, whose words say nothing of it."""
    engine = _Engine(monkeypatch, {"model"})
    probed = _probe(runner)
    assert probed.outcome.status is StageStatus.PASSED  # the gate judges
    (ready,) = _checks(probed)
    assert (ready.name, ready.status) == ("ready", "failed")
    assert "no apples" in ready.message
    assert not engine.probes
    assert engine.started[0][0] is runner.image(dag.directory())  # the very image that would go out


def test_a_server_that_did_not_start_is_started_again_under_a_new_word(
    runner: DaggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a start that a busy machine broke stays broken for days, whatever --retry says."""
    engine = _Engine(monkeypatch, {"model"})
    runner.retry = "again"
    _probe(runner)
    assert [retry for _, retry in engine.started] == ["", "again"]


def test_the_start_is_part_of_the_report(runner: DaggerRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, a gate on the cold start can never pass in containers."""
    _Engine(monkeypatch, set())
    probed = _probe(runner)
    assert ProbeReport.model_validate_json(probed.report or "").cold_start == 0.5
    assert [check.message for check in _checks(probed)] == ["ready after 0.50 s", "as expected"]


def test_a_baseline_that_does_not_start_is_not_compared_with(
    runner: DaggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a damaged baseline ends the run of a good candidate in the words of the engine."""
    engine = _Engine(monkeypatch, {"baseline"})
    assert _probe(runner).outcome.status is StageStatus.PASSED
    assert [step["alias"] for step in of(engine.probes[-1], "withServiceBinding")] == ["model"]
    assert "baseline_url" in job(engine.probes[-1])["parameters"]  # whose silence the report tells


def test_an_engine_that_refuses_for_another_reason_says_so(
    runner: DaggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a full disk is called a failed model, or a baseline that is down."""

    async def up(_: object) -> bool:
        return True

    _Engine(monkeypatch, {"baseline"})
    monkeypatch.setattr("ml_pipeline.runner.starts", up)
    probed = _probe(runner)
    assert probed.outcome.status is StageStatus.ERROR
    assert "exit code: 1" in probed.outcome.reason


def test_the_start_is_timed_inside_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, another server is timed, a start is waited for without end, or a failed one is none."""
    asked: list[dagger.Container] = []

    async def exit_code(self: dagger.Container) -> int:
        asked.append(self)
        return 124

    monkeypatch.setattr(dagger.Container, "exit_code", exit_code)
    start = anyio.run(
        timed_start, dag.container().with_user("65532"), "/opt/project/bin/python", 30.0, "again"
    )
    assert start == Start(None, "it was not ready within 30 s")
    (ran,) = of(asked[0], "withExec")
    assert ran["args"][:3] == ["timeout", "30", "/opt/project/bin/python"]
    assert ran["expect"] == "ANY"
    assert of(asked[0], "withUser") == [{"name": "65532"}]


@pytest.mark.parametrize("works", [True, False])
def test_the_program_that_times_a_start(tmp_path: Path, *, works: bool) -> None:
    """If this fails, a server that is ready is not, or what one that ends has printed is lost."""
    server = READY if works else 'raise SystemExit("no apples here")'
    (tmp_path / "serve").write_text(server)
    program = _START.replace("/app/serve", str(tmp_path / "serve"))
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    if works:
        assert float(ended.stdout) > 0
    else:
        assert ended.returncode == 1
        assert ended.stderr.startswith(
            "it ended with exit status 1 before it was ready; its last lines:\nno apples"
        )


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
