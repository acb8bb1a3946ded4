"""One run on the host, from a project's folder to its verdict and reports."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import anyio
import anyio.to_thread

from ml_stages import digest
from ml_stages.audit.parameters import AuditParameters
from ml_stages.conclude import Conclusion, Results
from ml_stages.config.config import Config
from ml_stages.config.load import LoadedConfig, load_config
from ml_stages.errors import PipelineError, UsageError, wording
from ml_stages.evidence import PublishReport
from ml_stages.graph import needed_for, needs_data
from ml_stages.host.artifact import Checkout, Folder, HostArtifact
from ml_stages.host.environment import OWN_VERSION, Environments
from ml_stages.host.given import Given, commit_of, find_given, told_of_empty_submodules
from ml_stages.host.output import Output
from ml_stages.host.process import adopt_orphans, stop_leftovers
from ml_stages.host.registry import Registry
from ml_stages.host.runner import HostRunner
from ml_stages.host.source import Source
from ml_stages.host.store import Store, default_cache
from ml_stages.host.watchdog import watched
from ml_stages.lineage import Lineage
from ml_stages.lock import python_version
from ml_stages.model.labels import labels
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.requires_python import need_allowed
from ml_stages.runner import PipelineRun, StageRun, Watcher
from ml_stages.source_patterns import told_of_dangling_links, told_of_folder_links
from ml_stages.stages import NAMES, STAGES, Environment
from ml_stages.stale_lock import told_of_lock
from ml_stages.verdict import Verdict


@dataclass(frozen=True)
class Request:
    """What the user asked for; paths as given, ``None`` for the default."""

    project: Path
    data: Path | None = None
    output: Path | None = None
    profile: str | None = None
    until: str | None = None
    baseline: str | None = None
    """A bundle or version, ``none``, or ``None`` for the registry's alias."""
    force: str | None = None
    jobs: int | None = None

    @property
    def output_folder(self) -> Path:
        return self.output or self.project / ".ml-pipeline"


@dataclass(frozen=True)
class Finished:
    """How a run ended."""

    verdict: Verdict
    results: Results
    unwritten: list[str]
    """Reports that the disk had no room for, each with the system's reason."""


def run(request: Request, watcher: Watcher) -> Finished:
    """Run the pipeline and write every report, whatever the verdict is.

    Raises :class:`UsageError` before anything was run or written, and :class:`PipelineError` when
    the output folder cannot be written at all, or the machine breaks beside the stages. Reports of an earlier
    run are gone then, and after a Ctrl-C before the first stage.
    """
    try:
        return _run(request, watcher)
    except BaseException as error:
        Output(request.output_folder).forget()
        if isinstance(error, OSError):
            raise PipelineError(wording(error)) from error
        raise


def _run(request: Request, watcher: Watcher) -> Finished:
    if request.until is not None and request.until not in NAMES:
        raise UsageError(f"there is no stage {request.until!r}; stages: {', '.join(NAMES)}")
    if request.force and request.until not in {None, "publish"}:
        raise UsageError(
            f"--force publishes past a failed gate, and a run until {request.until} publishes nothing;"
            " leave it out, or run everything"
        )
    loaded = load_config(request.project, request.profile)
    request = replace(request, project=request.project.resolve())  # stages run in folders of their own
    if request.project.is_relative_to(request.output_folder.resolve()):
        raise UsageError(f"--output {request.output_folder} holds the project itself; name a folder below it")
    environment = loaded.config.environment
    if environment.interpreter == "locked" and _runs_the_project(request.until, loaded.config):
        need_allowed(request.project, python_version(request.project, environment) or OWN_VERSION)
    store = Store(default_cache(), request.project)
    try:
        given = find_given(
            request.project,
            request.data,
            request.output_folder,
            request.baseline,
            loaded.config,
            cache=store.root,
            copy=store.scratch("source"),
            needs_data=needs_data(request.until),
        )
        return anyio.run(HostRun(request, loaded, given, store, watcher).run)
    finally:
        store.close()


def _runs_the_project(until: str | None, config: Config) -> bool:
    """Whether a stage of the run needs the project's own Python."""
    wanted = set(NAMES) if until is None else needed_for(until)
    idle = {"fetch-data"} if config.fetch is None else set()
    return any(stage.environment is Environment.PROJECT for stage in STAGES if stage.name in wanted - idle)


class HostRun:
    """One run: what it was asked, what it started from, and where it writes."""

    def __init__(
        self, request: Request, loaded: LoadedConfig, given: Given, store: Store, watcher: Watcher
    ) -> None:
        self._project = request.project
        self._config = loaded.config
        self._lock = given.lock
        self._given = given
        self._store = store
        self._watcher = watcher
        self._baseline_of_alias = request.baseline is None
        self._jobs = request.jobs or os.cpu_count() or 1
        self._output = Output(request.output_folder)
        commit, dirty = commit_of(request.project, _committed(given, self._config))
        text = AuditParameters.of_project(request.project, given.lock).lock
        of_lock = told_of_lock(self._project, text, self._config.environment) if text else ()
        self._conclusion = Conclusion(
            config=self._config,
            origins=Lineage(
                pipeline_version=version("ml-pipeline"),
                commit=commit,
                dirty=dirty,
                source_digest=given.source_digest,
                data_digest=given.data_digest,
                lock_digest=digest.of_file(given.lock) if given.lock else None,
                config_digest=digest.of_value(self._config.model_dump(mode="json")),
                baseline=given.baseline_digest,
                seed=self._config.seed,
                profile=loaded.profile,
            ),
            baseline=given.baseline,
            is_declined=given.is_declined,
            published_instead=given.published_instead,
            fetches_data="data" not in given.artifacts,
            told=tuple(note for note in (*of_lock, *_left_out(self._project, given)) if note),
            until=request.until,
            force=request.force or None,  # `--force "$REASON"` without any
        )

    async def run(self) -> Finished:
        """Run to the end, or to the first Ctrl-C or SIGTERM; the reports are written either way."""
        adopt_orphans()
        self._output.prepare()
        pipeline = PipelineRun(
            stages=self._conclusion.stages(),
            runner=self._runner(),
            core={
                "evaluate-gate": self._conclusion.evaluate_gate,
                "verdict": self._conclusion.conclude,
                "publish": self._publish,
            },
            given=self._given.artifacts,
            watcher=self._watcher,
        )
        # To the last report: who is in a hurry to end it presses twice.
        with anyio.open_signal_receiver(*_stopping_signals()) as signals:
            stopped = await _run_until_signal(pipeline, self._jobs, signals)
            # A signal that came while the last stage could not be stopped any more was too late.
            interrupted = stopped and len(pipeline.results) < len(pipeline.stages)
            verdict = self._conclusion.verdict(pipeline.results, interrupted=interrupted)
            unwritten = self._output.write(verdict, pipeline.results)
            return Finished(verdict, pipeline.results, unwritten)

    def _runner(self) -> HostRunner:
        store = self._store
        environments = Environments(store.root, self._output.logs / "environment.log", self._watcher.noted)
        store.drop_unused()
        environments.drop_unused()
        sealed = self._config.sealed
        return HostRunner(
            project=self._project,
            config=self._config,
            lock=self._lock,
            lock_digest=self._conclusion.origins.lock_digest,
            store=store,
            environments=environments,
            logs=self._output.logs,
            labels=labels(self._config.name, self._conclusion.origins),
            kept={"sealed-ledger": self._project / sealed.ledger} if sealed else {},
        )

    async def _publish(self, results: Results) -> StageRun[HostArtifact]:
        """The stage `publish`: only what the verdict lets go out, and only if a registry is named."""
        verdict = Verdict.model_validate_json(results["verdict"].report or "")
        publish = self._config.publish
        if publish is None:
            return _skipped_publish("no registry is configured")
        if not verdict.should_deploy:
            return _skipped_publish(f"the verdict is {verdict.status}")
        started = time.monotonic()
        bundle = results["build-image"].outputs["bundle"]
        assert isinstance(bundle, Folder)  # noqa: S101 - stages of ours write folders
        registry = Registry(self._project / publish.registry, self._config.name)
        try:
            report = await anyio.to_thread.run_sync(self._let_out, registry, bundle, verdict, publish.alias)
        except (PipelineError, OSError) as error:
            outcome = StageOutcome(name="publish", status=StageStatus.ERROR, reason=wording(error))
            return StageRun(outcome)
        duration = round(time.monotonic() - started, 3)
        outcome = StageOutcome(name="publish", status=StageStatus.PASSED, duration=duration)
        return StageRun(outcome, report.model_dump_json(indent=1))

    def _let_out(self, registry: Registry, bundle: Folder, verdict: Verdict, alias: str) -> PublishReport:
        with registry.alone():
            if self._baseline_of_alias:
                registry.check_still(alias, self._compared, bundle)
            report = registry.publish(bundle, verdict, alias)
        notes = [note for note in (*report.notes, _told_of_changes(verdict.lineage)) if note]
        return report.model_copy(update={"notes": notes})

    @property
    def _compared(self) -> Path | None:
        """The published version that the model is compared with."""
        baseline = self._given.artifacts.get("baseline-model")
        return baseline.path.parent if isinstance(baseline, Folder) else None


def _told_of_changes(lineage: Lineage) -> str:
    """That no commit holds what a published model was made of; empty where one does, and without git."""
    if not lineage.dirty or lineage.commit is None:
        return ""
    return (
        f"it was made of more than commit {lineage.commit[:12]} holds: files were changed or added since"
        " (`git status`), and nobody can make it again without them"
    )


def _left_out(project: Path, given: Given) -> tuple[str, ...]:
    """What looks like source and is none."""
    source = given.artifacts["source"]
    links = (
        (told_of_folder_links(source.source.linked), told_of_dangling_links(source.source.dangling))
        if isinstance(source, Checkout)
        else ()
    )
    return *links, told_of_empty_submodules(project)


def _committed(given: Given, config: Config) -> Source | None:
    """The source, all of which a commit should hold; not where files count that git ignores."""
    source = given.artifacts["source"]
    return source.source if isinstance(source, Checkout) and config.source.gitignore else None


def _skipped_publish(reason: str) -> StageRun[HostArtifact]:
    return StageRun(StageOutcome(name="publish", status=StageStatus.SKIPPED, reason=reason))


def _stopping_signals() -> list[signal.Signals]:
    """Ctrl-C, a CI host that cancels, a terminal that is closed; not that one's under ``nohup``."""
    stays = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM, *([] if stays else [signal.SIGHUP])]


async def _run_until_signal(
    pipeline: PipelineRun[HostArtifact], jobs: int, signals: AsyncIterator[signal.Signals]
) -> bool:
    """Run the stages; on a signal stop them and all that they started. Tells whether there was one."""
    interrupted = False

    async def watch(scope: anyio.CancelScope) -> None:
        nonlocal interrupted
        async for _ in signals:
            interrupted = True
            scope.cancel()
            return

    with watched():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch, tasks.cancel_scope)
            await pipeline.run(jobs)
            tasks.cancel_scope.cancel()
    with anyio.CancelScope(shield=True):
        await stop_leftovers()
    return interrupted
