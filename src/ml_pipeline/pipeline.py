"""One run in the engine: from directories to results and their conclusion."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import dagger
from dagger import dag

from ml_pipeline.containers import PIPELINE_PYTHON, Lock
from ml_pipeline.gpu import engine_has_gpu
from ml_pipeline.runner import DaggerRunner
from ml_stages import digest
from ml_stages.conclude import Conclusion
from ml_stages.config.config import Config
from ml_stages.config.load import load_config
from ml_stages.config.sections import EnvironmentConfig
from ml_stages.errors import UsageError
from ml_stages.lineage import Lineage
from ml_stages.lock import find_lock, python_version
from ml_stages.model.identity import identity
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.report.files import report_files
from ml_stages.runner import PipelineRun, StageRun
from ml_stages.source_patterns import NEVER_CODE
from ml_stages.stages import Stage
from ml_stages.verdict import Verdict

Results = Mapping[str, StageRun[dagger.Directory]]


@dataclass(frozen=True)
class Order:
    """What the user asked for."""

    source: dagger.Directory
    data: dagger.Directory | None
    baseline: dagger.Container | None = None
    profile: str = ""
    commit: str = ""
    force: str = ""
    retry: str = ""


@dataclass(frozen=True)
class Finished:
    """A run that came to its end, passed or not."""

    verdict: Verdict
    results: Results
    runner: DaggerRunner

    def image(self) -> dagger.Container:
        """The very image that was probed; raises :class:`UsageError` where none was built."""
        built = self.results.get("build-image")
        if built is None or not built.outputs:
            raise UsageError("there is no image: " + "; ".join(self.verdict.causes))
        return self.runner.image(built.outputs["bundle"])

    def reports(self) -> dagger.Directory:
        """Every report of the run, the stages' own among them."""
        folder = dag.directory()
        for name, render in report_files().items():
            folder = folder.with_new_file(name, render(self.verdict, self.results))
        for name, result in self.results.items():
            if result.report is not None:
                folder = folder.with_new_file(f"stages/{name}.json", result.report)
        return folder


@dataclass(frozen=True)
class _Project:
    """What the module reads of the source itself: configuration, lock, and which files count."""

    config: Config
    source: dagger.Directory
    lock: Lock
    source_digest: str
    profile: str | None


class _Quiet:
    """The engine shows the progress itself."""

    def started(self, stage: Stage) -> None: ...

    def ended(self, outcome: StageOutcome) -> None: ...

    def noted(self, text: str) -> None: ...


async def run_pipeline(order: Order, until: str | None = None) -> Finished:
    """Run the table of stages, as far as ``until``; raises :class:`UsageError` before anything ran."""
    project = await _read_project(order)
    config = project.config
    given = {
        "source": project.source,
        "code": project.source.filter(include=config.train.inputs).filter(exclude=_patterns(NEVER_CODE)),
        "data": order.data or order.source.directory("data"),
    }
    if order.baseline is not None:
        given["baseline-model"] = order.baseline.directory("/app")
    baseline_lock, baseline_identity = await _read_baseline(given.get("baseline-model"))
    runner = DaggerRunner(
        config=config,
        lock=project.lock,
        baseline_lock=baseline_lock,
        gpu=await engine_has_gpu(config.environment),
        labels={"org.opencontainers.image.title": config.name, **_revision(order.commit)},
        retry=order.retry,
    )
    conclusion = Conclusion(
        config=config,
        origins=_origins(order, project),
        has_baseline=order.baseline is not None,
        baseline_identity=baseline_identity,
        until=until,
        force=order.force or None,
    )
    pipeline: PipelineRun[dagger.Directory] = PipelineRun(
        stages=conclusion.stages(),
        runner=runner,
        core={
            "evaluate-gate": conclusion.evaluate_gate,
            "verdict": conclusion.conclude,
            "publish": _published_apart,
        },
        given=given,
        watcher=_Quiet(),
    )
    await pipeline.run(jobs=os.cpu_count() or 1)
    return Finished(conclusion.verdict(pipeline.results), pipeline.results, runner)


async def _read_baseline(bundle: dagger.Directory | None) -> tuple[Lock | None, str | None]:
    """The lock and the Python that a published image carries, and which model it is."""
    if bundle is None:
        return None, None
    manifest = json.loads(await bundle.file("bundle.json").contents())
    text = await bundle.file("requirements.lock").contents()
    return Lock("requirements.lock", text, manifest["python"]), identity(manifest)


async def _published_apart(results: Results) -> StageRun[dagger.Directory]:  # noqa: ARG001
    reason = "an image is published by its release"
    return StageRun(StageOutcome(name="publish", status=StageStatus.SKIPPED, reason=reason))


async def _read_project(order: Order) -> _Project:
    with tempfile.TemporaryDirectory() as scratch:
        tables, root = Path(scratch, "tables"), Path(scratch, "project")
        await order.source.filter(include=["pyproject.toml", "ml-pipeline.toml"]).export(str(tables))
        loaded = load_config(tables, order.profile or None)
        source = order.source.filter(exclude=await _apart(order, loaded.config))
        await source.export(str(root))
        lock = _read_lock(root, loaded.config.environment)
        return _Project(loaded.config, source, lock, digest.of_tree(root), loaded.profile)


async def _apart(order: Order, config: Config) -> list[str]:
    """What lies in the project's folder and is no source: as on the host, data and registry."""
    registry = [config.publish.registry] if config.publish else []
    data = ["data"] if await _holds_data(order) else []
    return _patterns((*config.source.exclude, *registry, *data))


async def _holds_data(order: Order) -> bool:
    """Whether the folder `data` of the source is the data of this run."""
    if order.data is None:
        return True
    if not await order.source.exists("data"):
        return False
    return await order.source.directory("data").digest() == await order.data.digest()


def _read_lock(root: Path, environment: EnvironmentConfig) -> Lock:
    if environment.interpreter == "current":
        raise UsageError(
            "environment.interpreter = 'current' is for the host alone: a container needs a lock file"
        )
    file = find_lock(root, environment)
    assert file is not None  # noqa: S101 - only 'current' goes without
    python = python_version(root, environment) or PIPELINE_PYTHON
    return Lock(file.name, file.read_text(encoding="utf-8"), python)


def _patterns(patterns: Iterable[str]) -> list[str]:
    """Our patterns as the engine writes them: what stands at the root has no slash before it."""
    return [pattern.removeprefix("/") for pattern in patterns]


def _revision(commit: str) -> dict[str, str]:
    return {"org.opencontainers.image.revision": commit} if commit else {}


def _origins(order: Order, project: _Project) -> Lineage:
    return Lineage(
        pipeline_version=version("ml-pipeline"),
        commit=order.commit or None,
        source_digest=project.source_digest,
        lock_digest=digest.of_bytes(project.lock.text.encode()),
        config_digest=digest.of_value(project.config.model_dump(mode="json")),
        seed=project.config.seed,
        profile=project.profile,
    )
