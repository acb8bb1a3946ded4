"""What each function composes, read off the recorded operations: no engine is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import anyio
import dagger
import pytest
from dagger import dag
from dagger.mod import default_module

import ml_pipeline
from ml_pipeline.containers import CUDA_IMAGE, Lock, serving_image, without_tools
from ml_pipeline.runner import DaggerRunner
from ml_stages.code import stage_files
from ml_stages.config.load import load_config
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.runner import StageRun
from ml_stages.stages import BY_NAME, STAGES, Environment, Stage, modules
from tests.pipeline.recorded import job, of, operations, position, texts
from tests.projects import TinyProject

IN_CONTAINERS = [
    stage for stage in STAGES if stage.environment is not Environment.CORE and stage.name != "fetch-data"
]


@pytest.fixture
def runner(project: TinyProject) -> DaggerRunner:
    config = load_config(project.root).config
    return DaggerRunner(
        config=config,
        lock=Lock("requirements.lock", "pandas==3.0.0\n", "3.12"),
        gpu=False,
        labels=lambda: {"org.opencontainers.image.revision": "abc"},
    )


def _container(runner: DaggerRunner, name: str, retry: str = "") -> dagger.Container:
    stage = BY_NAME[name]
    inputs = {artifact: dag.directory() for artifact in (*stage.reads, *stage.optional)}
    return runner._container(stage, inputs, retry)


@pytest.mark.parametrize("name", [stage.name for stage in IN_CONTAINERS])
def test_every_stage_gets_its_row_and_nothing_else(runner: DaggerRunner, name: str) -> None:
    """If this fails, a stage in a container sees other inputs or settings than on the host."""
    stage, container = BY_NAME[name], _container(runner, name)
    written = job(container)
    assert set(written["inputs"]) == {*stage.reads, *stage.optional}
    assert set(written["outputs"]) == set(stage.writes)
    assert set(written["config"]) == {name.partition(".")[0] for name in stage.config}
    mounted = {step["path"] for step in of(container, "withMountedDirectory")}
    assert mounted == set(written["inputs"].values())


@pytest.mark.parametrize("name", [stage.name for stage in IN_CONTAINERS])
def test_dependencies_come_before_source_and_code(runner: DaggerRunner, name: str) -> None:
    """If this fails, an edit of the code installs everything again."""
    container = _container(runner, name)
    installed = max(index for index, step in enumerate(operations(container)) if _installs(step.arguments))
    assert installed < position(container, "withNewFile", path="/pipeline.json")
    assert installed < position(container, "withMountedDirectory")


def _installs(arguments: dict[str, object]) -> bool:
    words = arguments.get("args")
    return isinstance(words, list) and words[:3] == ["uv", "pip", "install"]


def test_training_sees_no_holdout_no_gates_and_no_reports(runner: DaggerRunner) -> None:
    """If this fails, an edited gate retrains, or training can see what judges it."""
    container = _container(runner, "train")
    assert set(job(container)["inputs"]) == {"code", "train-set"}
    assert "threshold" not in "".join(texts(container))
    (code,) = [step for step in of(container, "withNewFile") if step["path"] == "/pipeline.json"]
    files = set(json.loads(code["contents"]))
    assert files == {
        f"ml_stages/{path.relative_to(path.parents[1]).as_posix()}" for path in _wrapper_files()
    } | {"ml_stages/__init__.py"}


def _wrapper_files() -> list[Path]:
    return [path for path in stage_files(*modules(BY_NAME["train"])) if path.parent.name == "wrapper"]


def test_code_goes_in_by_content(runner: DaggerRunner) -> None:
    """If this fails, an edit anywhere in the module runs every stage again."""
    for stage in IN_CONTAINERS:
        assert not any("currentModule" in text for text in texts(_container(runner, stage.name)))


def test_the_module_is_learned_without_what_a_run_needs() -> None:
    """If this fails, every call waits for models of configuration and reports before it begins."""
    code = "import sys, ml_pipeline; print(sorted({'pydantic', 'ml_stages.conclude'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_an_execution_that_fails_is_read_not_raised(runner: DaggerRunner) -> None:
    """If this fails, a failed training leaves no report."""
    for stage in IN_CONTAINERS:
        (last,) = of(_container(runner, stage.name), "withExec")[-1:]
        assert last["expect"] == "ANY"


def test_without_a_gpu_none_is_asked_for(runner: DaggerRunner) -> None:
    """If this fails, an engine without a GPU refuses to train."""
    container = _container(runner, "train")
    assert not of(container, "experimentalWithAllGPUs")
    assert of(container, "from")[0]["address"] == "python:3.12-slim"
    assert job(container)["parameters"]["gpu"] == "off"


def test_with_a_gpu_training_alone_runs_on_the_cuda_image(runner: DaggerRunner) -> None:
    """If this fails, a GPU is not used, or the served image carries CUDA for nothing."""
    runner.gpu = True
    train = _container(runner, "train")
    assert of(train, "experimentalWithAllGPUs") == [{}]
    assert of(train, "from")[0]["address"] == CUDA_IMAGE
    assert job(train)["parameters"]["gpu"] == "auto"
    assert of(_container(runner, "predict"), "from")[0]["address"] == "python:3.12-slim"


def test_retry_token_is_part_of_the_key_only_when_retrying(runner: DaggerRunner) -> None:
    """If this fails, a retry replays the failure, or runs everything again."""
    assert "ML_PIPELINE_RETRY" not in "".join(texts(_container(runner, "train")))
    assert "ML_PIPELINE_RETRY" in "".join(texts(_container(runner, "train", "again")))


def test_probe_asks_the_image_that_is_published(runner: DaggerRunner) -> None:
    """If this fails, another image is shipped than was tested."""
    bundle = dag.directory().with_new_file("bundle.json", "{}")
    probe = runner._container(BY_NAME["probe"], {"bundle": bundle}, "")
    (binding,) = of(probe, "withServiceBinding")
    assert binding["alias"] == "model"
    served = operations(binding["service"])
    image = operations(runner.image(bundle))
    assert [step.name for step in served[:-1]] == [step.name for step in image]
    assert served[-1].name == "asService"
    assert job(probe)["parameters"]["url"] == "http://model:8080"


def test_a_gate_that_compares_servers_starts_the_baselines(project: TinyProject) -> None:
    """If this fails, a model that answers half as fast as the last one passes its latency gate in CI."""
    gate = '[[tool.ml-pipeline.gates]]\nkind = "latency"\nquantile = "p95"\nmax_ratio = 1.5\n'
    project.write("pyproject.toml", project.read("pyproject.toml") + gate)
    lock = Lock("requirements.lock", "pandas==3.0.0\n", "3.12")
    baseline = dag.container().from_("registry.example.com/apples:1")
    config = load_config(project.root).config
    probe = _container(DaggerRunner(config=config, lock=lock, gpu=False, baseline=baseline), "probe")
    assert [step["alias"] for step in of(probe, "withServiceBinding")] == ["model", "baseline"]
    assert job(probe)["parameters"]["baseline_url"] == "http://baseline:8080"
    first = _container(DaggerRunner(config=config, lock=lock, gpu=False), "probe")
    assert "baseline_url" not in job(first)["parameters"]


def test_image_runs_as_nobody_without_tools_and_says_what_it_is(runner: DaggerRunner) -> None:
    """If this fails, the shipped image can write where it should not, or carries an installer."""
    image = serving_image(without_tools(dag.container()), dag.directory(), {"commit": "abc"}.items())
    assert of(image, "withUser") == [{"name": "65532:65532"}]
    assert of(image, "withLabel") == [{"name": "commit", "value": "abc"}]
    assert of(image, "withoutMount") == [{"path": "/caches/uv"}]
    assert of(image, "withoutFile") == [{"path": "/usr/local/bin/uv"}]
    assert of(image, "withExposedPort")[0]["port"] == 8080


def test_a_baseline_answers_from_its_own_environment(runner: DaggerRunner) -> None:
    """If this fails, a baseline is judged with libraries that it was never released with."""
    runner.baseline_lock = Lock("requirements.lock", "pandas==2.0.0\n", "3.11")
    container = _container(runner, "baseline")
    assert of(container, "from")[0]["address"] == "python:3.11-slim"
    assert any("pandas==2.0.0" in text for text in texts(container))


def test_the_probed_image_is_kept_as_it_was(runner: DaggerRunner) -> None:
    """If this fails, labels that are known later make another image than the one that was probed."""
    bundle = dag.directory().with_new_file("bundle.json", "{}")
    probed = runner.image(bundle)
    runner.labels = lambda: {"later": "known"}
    assert runner.image(bundle) is probed
    assert of(probed, "withLabel") == [{"name": "org.opencontainers.image.revision", "value": "abc"}]


@pytest.fixture
def fetching(project: TinyProject) -> DaggerRunner:
    """A project that fetches its data with a credential."""
    table = '[tool.ml-pipeline.fetch]\ncommand = "python fetch.py {data}"\nsecrets = ["WORD"]\n\n'
    project.edit("pyproject.toml", "[tool.ml-pipeline.train]", f"{table}[tool.ml-pipeline.train]")
    config = load_config(project.root).config
    lock = Lock("requirements.lock", "pandas==3.0.0\n", "3.12")
    return DaggerRunner(config=config, lock=lock, gpu=False, secrets=[dag.set_secret("word", "hunter2")])


def test_only_the_fetching_sees_its_credential(fetching: DaggerRunner) -> None:
    """If this fails, a credential is in a layer, or training and tests can read it."""
    fetch = _container(fetching, "fetch-data")
    (variable,) = of(fetch, "withSecretVariable")
    assert variable["name"] == "WORD"
    assert isinstance(variable["secret"], dagger.Secret)
    assert not any("hunter2" in text for text in texts(fetch))
    for stage in IN_CONTAINERS:
        assert not of(_container(fetching, stage.name), "withSecretVariable")


def test_data_is_fetched_anew_in_every_run(fetching: DaggerRunner) -> None:
    """If this fails, a model is trained on what the source held days ago."""
    first = job(_container(fetching, "fetch-data"))["parameters"]["as_of"]
    fetching.started += 1
    assert job(_container(fetching, "fetch-data"))["parameters"]["as_of"] > first


def test_an_audit_counts_for_its_day_alone(runner: DaggerRunner) -> None:
    """If this fails, a pass of yesterday lets out a model with a vulnerability that is known today."""
    container = _container(runner, "audit")
    asked = job(container)["parameters"]
    assert asked["lock"] == {"name": "requirements.lock", "text": "pandas==3.0.0\n"}
    assert job(_container(runner, "audit"))["parameters"] == asked
    runner.started += 86_400
    assert job(_container(runner, "audit"))["parameters"]["day"] > asked["day"]
    assert of(container, "from")[0]["address"] == "python:3.11-slim"


@pytest.mark.parametrize(
    ("report", "again"),
    [
        ('{"incomplete": true}', True),
        ('{"run": {"exit_status": 1}}', True),
        ('{"run": {"exit_status": 0}}', False),
        ("{}", False),
    ],
)
def test_what_failed_or_could_not_be_asked_is_tried_again_under_a_new_word(
    runner: DaggerRunner, monkeypatch: pytest.MonkeyPatch, report: str, *, again: bool
) -> None:
    """If this fails, a flaky test or an outage of an hour holds for days, or `--retry` runs what was well."""
    tried: list[str] = []

    async def attempt(_: object, stage: Stage, __: object, retry: str) -> StageRun[dagger.Directory]:
        tried.append(retry)
        return StageRun(StageOutcome(name=stage.name, status=StageStatus.PASSED), report)

    monkeypatch.setattr(DaggerRunner, "_attempt", attempt)
    runner.retry = "again"
    anyio.run(runner.run, BY_NAME["audit"], {})
    assert tried == (["", "again"] if again else [""])


def test_what_passes_under_a_new_word_alone_says_so(
    runner: DaggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, `--retry` until it is green leaves no trace of what failed."""

    async def attempt(_: object, stage: Stage, __: object, retry: str) -> StageRun[dagger.Directory]:
        status = 0 if retry == "third" else 1
        outcome = StageOutcome(name=stage.name, status=StageStatus.PASSED)
        return StageRun(outcome, json.dumps({"run": {"exit_status": status}}))

    monkeypatch.setattr(DaggerRunner, "_attempt", attempt)
    for word, notes in (("second", 0), ("third", 1)):
        runner.retry = word
        assert len(anyio.run(runner.run, BY_NAME["test"], {}).outcome.notes) == notes


def test_what_judges_is_never_taken_from_an_earlier_call() -> None:
    """If this fails, a verdict of last week is given for one of today: the engine keeps results for days."""
    functions = default_module().get_object("MlPipeline").functions
    judging = {"audit", "evaluate_gate", "release", "forced_release", "reports", "pipeline_check"}
    assert {functions[name].cache_policy for name in judging} == {"never"}


def test_a_dockerfile_of_the_project_makes_the_base(project: TinyProject) -> None:
    """If this fails, system libraries that a project needs are missing in its stages and its image."""
    project.edit("pyproject.toml", 'interpreter = "current"', 'dockerfile = "build/Dockerfile"')
    config = load_config(project.root).config
    lock = Lock("requirements.lock", "pandas==3.0.0\n", "3.12")
    runner = DaggerRunner(config=config, lock=lock, gpu=False, source=dag.directory())
    for container in (_container(runner, "train"), runner.image(dag.directory())):
        assert of(container, "dockerBuild")[0]["dockerfile"] == "build/Dockerfile"
        assert not of(container, "from")


@pytest.fixture
def exporting(project: TinyProject) -> DaggerRunner:
    """A project whose model can be converted."""
    project.edit("pyproject.toml", 'load = "apples:load"', 'load = "apples:load"\nexport = "apples:export"')
    config = load_config(project.root).config
    return DaggerRunner(config=config, lock=Lock("requirements.lock", "pandas==3.0.0\n", "3.12"), gpu=False)


def test_a_model_is_converted_by_the_projects_own_libraries(exporting: DaggerRunner) -> None:
    """If this fails, a model that is served as ONNX on a laptop is served by torch from CI."""
    container = _container(exporting, "build-image")
    assert any("pandas==3.0.0" in text for text in texts(container))
    assert job(container)["parameters"]["python"] == "/opt/project/bin/python"
    assert "/opt/pipeline/bin/python" in of(container, "withExec")[-1]["args"]


def test_a_converted_model_is_served_without_the_projects_libraries(exporting: DaggerRunner) -> None:
    """If this fails, a small model is shipped with gigabytes that it does not use."""
    exporting._is_onnx = True
    image = exporting.image(dag.directory())
    assert of(image, "from") == [{"address": "python:3.12-slim"}]
    assert not of(image, "withExec")
    assert of(image, "withEntrypoint")[0]["args"][0] == "/usr/local/bin/python"


def test_another_platform_gets_its_own_image_and_server(runner: DaggerRunner) -> None:
    """If this fails, an image for another processor carries libraries of this one."""
    runner.platform = dagger.Platform("linux/arm64")
    for container in (runner.image(dag.directory()), _container(runner, "build-image")):
        assert of(container, "container")[0]["platform"] == "linux/arm64"
    assert "platform" not in of(_container(runner, "probe"), "container")[0]
    assert "platform" not in of(_container(runner, "evaluate"), "container")[0]


FUNCTIONS = {
    "lint",
    "test",
    "audit",
    "data_validate",
    "train",
    "predict",
    "evaluate_gate",
    "build_image",
    "probe",
    "release",
    "full_pipeline",
    "reports",
    "verify",
}


# Of `dagger call` in 0.21.8 and in 1.0.0-beta.10, hidden ones included.
OPTIONS_OF_DAGGER = {
    "allow_llm",
    "auto_apply",
    "cloud",
    "command",
    "debug",
    "eager_runtime",
    "env",
    "help",
    "interactive",
    "interactive_command",
    "json",
    "load_module",
    "lock",
    "mod",
    "model",
    "no_exit",
    "no_load_module",
    "no_mod",
    "output",
    "profile",
    "progress",
    "quiet",
    "scale_out",
    "silent",
    "verbose",
    "version",
    "web",
    "workdir",
    "workspace",
    "x_release",
}


def test_the_card_is_kept() -> None:
    """If this fails, a documented function is gone."""
    functions = default_module().get_object("MlPipeline").functions
    assert set(functions) >= FUNCTIONS
    assert functions["full_pipeline"].cache_policy == "never"
    assert set(functions["full_pipeline"].parameters) >= {"source", "data", "address", "password"}


@pytest.mark.parametrize("name", ["full_pipeline", "reports"])
def test_no_environment_is_sent_to_the_engine(name: str) -> None:
    """If this fails, the headline command uploads the gigabytes of a project's `.venv` after each install."""
    parameters = default_module().get_object("MlPipeline").functions[name].parameters
    for parameter in (parameters["source"], parameters["root"]):
        assert parameter.default_path == "/"
        assert {"**/.venv", "**/.git", "**/node_modules"} <= set(parameter.ignore or ())


def test_no_option_of_ours_is_one_of_the_command_itself() -> None:
    """If this fails, `dagger call` ends with `flag already exists`, or takes our option for its own."""
    module = default_module().get_object("MlPipeline")
    for function in [module.get_constructor(), *module.functions.values()]:
        assert not set(function.parameters) & OPTIONS_OF_DAGGER, function


def test_only_releases_publish() -> None:
    """If this fails, something other than a passing model can be published."""
    module = default_module()
    publishers = {name for name in ml_pipeline.__dict__ if name[0].isupper() and _publishes(module, name)}
    assert publishers == {"Release", "ForcedRelease"}


def _publishes(module: object, name: str) -> bool:
    return "publish" in module.get_object(name).functions  # type: ignore[attr-defined]


def test_every_function_is_explained() -> None:
    """If this fails, `dagger functions` shows a name without a word."""
    for name, found in default_module().get_object("MlPipeline").functions.items():
        assert found.doc, name


def test_a_forced_release_needs_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """If this fails, all stages run for a release without a reason, which then says "nothing to force"."""

    async def ask() -> None:
        pipeline = await ml_pipeline.MlPipeline.create(source=dag.directory())
        await pipeline.forced_release()

    with pytest.raises(SystemExit) as ended:
        anyio.run(ask)
    assert ended.value.code == 2
    assert "name one with --force" in capsys.readouterr().out
