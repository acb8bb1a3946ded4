"""One run in the engine: from directories to results and their conclusion."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

import dagger
from dagger import dag

from ml_pipeline.baseline import Baseline, read_baseline
from ml_pipeline.containers import base_image
from ml_pipeline.gpu import engine_has_gpu
from ml_pipeline.order import Order, check_secrets, collect, missing, passed_on
from ml_pipeline.project import Project, read_project
from ml_pipeline.runner import DaggerRunner
from ml_pipeline.trained import TrainedModels, TrainsOnce
from ml_stages import digest
from ml_stages.conclude import Conclusion
from ml_stages.errors import UsageError
from ml_stages.evaluation.metrics_report import MetricsReport
from ml_stages.gather import report_of
from ml_stages.lineage import Lineage
from ml_stages.model.labels import Base, labels
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.report.files import report_files
from ml_stages.report.text import verdict_text
from ml_stages.runner import PipelineRun, StageRun
from ml_stages.stages import Stage
from ml_stages.verdict import Verdict

Results = Mapping[str, StageRun[dagger.Directory]]


@dataclass(frozen=True)
class Finished:
    """A run that came to its end, passed or not."""

    verdict: Verdict
    results: Results
    runner: DaggerRunner
    others: Sequence[Finished] = ()
    """The same model on further platforms."""

    @property
    def text(self) -> str:
        """The verdict as people read it."""
        return verdict_text(self.verdict, self.results)

    @property
    def has_image(self) -> bool:
        """Whether the run came as far as a model image."""
        built = self.results.get("build-image")
        return built is not None and bool(built.outputs)

    def image(self) -> dagger.Container:
        """The very image that was probed; raises :class:`UsageError` where none was built."""
        if not self.has_image:
            raise UsageError("there is no image: " + "; ".join(self.verdict.causes))
        return self.runner.image(self.results["build-image"].outputs["bundle"])

    def variants(self) -> list[dagger.Container]:
        """The images for further platforms, each probed as well."""
        return [other.image() for other in self.others]

    def reports(self) -> dagger.Directory:
        """Every report of the run, the stages' own among them."""
        folder = dag.directory()
        for name, render in report_files().items():
            folder = folder.with_new_file(name, render(self.verdict, self.results))
        for name, result in self.results.items():
            if result.report is not None:
                folder = folder.with_new_file(f"stages/{name}.json", result.report)
        evaluated = self.results.get("evaluate")
        if self.runner.config.sealed is not None and evaluated and evaluated.outputs:
            # The engine cannot write into the project: its user puts the ledger's new facts there.
            folder = folder.with_directory("sealed-ledger", evaluated.outputs["sealed-ledger"])
        return folder


class _Quiet:
    """The engine shows the progress itself."""

    def started(self, stage: Stage) -> None: ...

    def ended(self, outcome: StageOutcome) -> None: ...

    def noted(self, text: str) -> None: ...


async def run_pipeline(order: Order, until: str | None = None) -> Finished:
    """Run the table of stages, as far as ``until``; raises :class:`UsageError` before anything ran."""
    trained = TrainedModels.at(order.trained) if order.trained else None
    project = await read_project(order.source, order.data, order.profile or None)
    config = project.config
    given = await collect(order, project, until)
    baseline = await read_baseline(order.baseline) if order.baseline is not None else None
    variables = passed_on(order.variables, config)
    conclusion = Conclusion(
        config=config,
        origins=_origins(order, project, baseline),
        baseline=baseline.published if baseline else None,
        fetches_data="data" not in given,
        told=(*project.told, *missing(variables, config)),
        until=until,
        force=order.force or None,
    )
    if conclusion.fetches_data:
        check_secrets(order, config)
    has_gpu, base = await asyncio.gather(engine_has_gpu(config.environment), _base(project))
    runner = DaggerRunner(
        config=config,
        lock=project.lock,
        source=project.source,
        baseline=order.baseline,
        baseline_lock=baseline.lock if baseline else None,
        secrets=order.secrets,
        variables=variables,
        gpu=has_gpu,
        bundle_labels={"org.opencontainers.image.title": config.name, **_revision(order.commit)},
        retry=order.retry,
    )
    labels = _Labels(conclusion, base)
    finished = await _run(conclusion, runner, labels, given, trained)
    own = await dag.default_platform() if order.platforms else ""
    for name in order.platforms:
        if name != own and finished.verdict.should_deploy:
            finished = await _also(finished, conclusion, labels, given, dagger.Platform(name))
    return finished


@dataclass
class _Labels:
    """What a model image says about itself: all that is known before it is probed."""

    conclusion: Conclusion
    base: Base | None

    def of(self, results: Results) -> dict[str, str]:
        evaluated = report_of(results, "evaluate", MetricsReport)
        return labels(
            self.conclusion.config.name,
            self.conclusion.lineage(results),
            base=self.base,
            metrics=evaluated.metrics if evaluated else (),
            force=self.conclusion.force,
        )


async def _run(
    conclusion: Conclusion,
    runner: DaggerRunner,
    labels: _Labels,
    given: Mapping[str, dagger.Directory],
    trained: TrainedModels | None,
) -> Finished:
    pipeline: PipelineRun[dagger.Directory] = PipelineRun(
        stages=conclusion.stages(),
        runner=TrainsOnce(runner, trained) if trained else runner,
        core={
            "evaluate-gate": conclusion.evaluate_gate,
            "verdict": conclusion.conclude,
            "publish": _published_apart,
        },
        given=given,
        watcher=_Quiet(),
    )
    runner.labels = lambda: labels.of(pipeline.results)
    await pipeline.run(jobs=os.cpu_count() or 1)
    return Finished(conclusion.verdict(pipeline.results), pipeline.results, runner)


async def _also(
    finished: Finished,
    conclusion: Conclusion,
    labels: _Labels,
    given: Mapping[str, dagger.Directory],
    platform: dagger.Platform,
) -> Finished:
    """Build and probe the same model on another platform; the verdict holds for all of them."""
    made = {name: made for result in finished.results.values() for name, made in result.outputs.items()}
    runner = replace(finished.runner, platform=platform, _image=None)
    pipeline: PipelineRun[dagger.Directory] = PipelineRun(
        stages=[stage for stage in conclusion.stages() if stage.name in {"build-image", "probe"}],
        runner=runner,
        core={},
        given={**given, **{name: folder for name, folder in made.items() if name != "bundle"}},
        watcher=_Quiet(),
    )
    runner.labels = lambda: labels.of({**finished.results, **pipeline.results})
    await pipeline.run(jobs=1)
    results = {**finished.results, **pipeline.results}
    verdict = conclusion.verdict(results)
    if not verdict.should_deploy:
        causes = [f"{platform}: {cause}" for cause in verdict.causes]
        return replace(finished, verdict=verdict.model_copy(update={"causes": causes}), results=results)
    return replace(finished, others=[*finished.others, Finished(verdict, results, runner)])


async def _base(project: Project) -> Base | None:
    """The public image that the model image starts from, with its digest."""
    environment = project.config.environment
    if environment.dockerfile is not None:
        return None
    name = base_image(environment, project.lock)
    reference = await dag.container().from_(name).image_ref()
    return Base(name, reference.rpartition("@")[2] or None)


async def _published_apart(results: Results) -> StageRun[dagger.Directory]:  # noqa: ARG001
    reason = "an image is published by its release"
    return StageRun(StageOutcome(name="publish", status=StageStatus.SKIPPED, reason=reason))


def _revision(commit: str) -> dict[str, str]:
    return {"org.opencontainers.image.revision": commit} if commit else {}


def _origins(order: Order, project: Project, baseline: Baseline | None) -> Lineage:
    return Lineage(
        pipeline_version=version("ml-pipeline"),
        commit=order.commit or None,
        source_digest=project.source_digest,
        lock_digest=digest.of_bytes(project.lock.text.encode()),
        config_digest=digest.of_value(project.config.model_dump(mode="json")),
        baseline=baseline.digest if baseline else None,
        seed=project.config.seed,
        profile=project.profile,
    )
