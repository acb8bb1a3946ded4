"""Probe: ask the very server that would be released, as the world will ask it.

The job's parameters say where it is: ``command`` starts a bundle on this machine, ``url`` is a server
that runs already. A check that fails is part of the report; the gates judge it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ml_stages import digest
from ml_stages.config.sections import ProbeConfig
from ml_stages.errors import StageError
from ml_stages.job import Job
from ml_stages.model.manifest import Manifest
from ml_stages.report.numbers import counted, listed
from ml_stages.serving.probing.checks import CHECKS, failed_to_answer, run_checks
from ml_stages.serving.probing.faults import verdict
from ml_stages.serving.probing.golden import Golden, read_golden, read_rows, spread
from ml_stages.serving.probing.latency import BaselineError, Loaded, measure_both, measure_load
from ml_stages.serving.probing.probe_report import (
    MODEL_RAISED,
    LatencyRatio,
    LoadReport,
    ProbeCheck,
    ProbeReport,
)
from ml_stages.serving.probing.server import NotStarted, running
from ml_stages.serving.probing.subject import Subject
from ml_stages.serving.probing.target import Target, Unanswered

_LONG, _NAMED = 200, 3
"""Characters of an error that are shown, and errors that are."""


class _Parameters(BaseModel):
    """``command`` or ``url``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    command: list[str] | None = None
    """Starts the server; ``--port 0`` is added."""
    url: str | None = None
    baseline: list[str] | None = None
    """Starts the baseline's server, which then gets the same load in turns."""
    baseline_url: str | None = None
    """The baseline's server, where it runs already."""

    @property
    def other(self) -> Sequence[str] | Target | None:
        """The server to compare with."""
        return Target(self.baseline_url) if self.baseline_url else self.baseline


def run(job: Job) -> None:
    """Read `bundle`, `holdout-features` and `predictions`; the report is a ``ProbeReport``."""
    config = ProbeConfig.model_validate(job.config["probe"])
    parameters = _Parameters.model_validate(job.parameters)
    bundle = job.inputs.get("bundle")
    schema = read_schema(bundle or job.inputs.get("schema"))
    config = _with_tolerance_of(bundle, config)
    golden = read_golden(job.inputs["holdout-features"], job.inputs["predictions"], schema, config.rows)
    if not golden:
        raise StageError("the holdout has no rows; there is nothing to ask the server for")
    name = digest.of_tree(bundle) if bundle else parameters.url or ""
    probe = Probe(name, golden, schema, config, _baseline(parameters.other, job.inputs))
    if parameters.command is not None:
        job.write_report(probe.command(parameters.command))
    elif parameters.url is not None:
        job.write_report(probe.server(Target(parameters.url)))
    else:
        raise StageError("probe needs the parameter command or url")


def _with_tolerance_of(bundle: Path | None, config: ProbeConfig) -> ProbeConfig:
    """A converted model was accepted within its own tolerance, and is held to that."""
    if bundle is None or not (bundle / "bundle.json").is_file():
        return config
    stated = Manifest.read(bundle).tolerance
    return config.model_copy(update={"tolerance": max(config.tolerance, stated)})


def read_schema(folder: Path | None) -> dict[str, Any]:
    """The schema of the features; raises :class:`StageError` where no artifact holds it."""
    if folder is None:
        raise StageError("probe needs the artifact bundle or schema, which say what columns there are")
    schema: dict[str, Any] = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    return schema


@dataclass(frozen=True)
class Baseline:
    """The published model's server, and what it is asked: it may have been given other columns."""

    server: Sequence[str] | Target
    bundle: Path
    holdout: Sequence[Path]
    """The folders that hold columns of the holdout."""

    def rows(self, limit: int) -> Sequence[Mapping[str, Any]]:
        """The holdout in the columns of its schema; raises :class:`BaselineError` where that cannot be."""
        try:
            return spread(read_rows(self.holdout, read_schema(self.bundle)), limit)
        except StageError as error:
            raise BaselineError(str(error)) from None


def _baseline(server: Sequence[str] | Target | None, inputs: Mapping[str, Path]) -> Baseline | None:
    if server is None:
        return None
    holdout = [inputs[name] for name in ("holdout-features", "holdout-others") if name in inputs]
    return Baseline(server, inputs["baseline-model"], holdout)


@dataclass(frozen=True)
class Probe:
    """What a server is asked, and what it should say."""

    name: str
    golden: Sequence[Golden]
    schema: dict[str, Any]
    config: ProbeConfig
    baseline: Baseline | None = None

    def command(self, command: Sequence[str]) -> ProbeReport:
        """Start a server, probe it, and stop it; one that does not start is a failed check."""
        try:
            with running([*command, "--port", "0"], self.config.startup, log=sys.stdout) as started:
                report = self.server(started.target, started.pid)
        except NotStarted as error:
            message = f"the server did not start: {error}"
            failed = ProbeCheck(name="ready", status="failed", message=message)
            return ProbeReport(subject=self.name, checks=[failed])
        message = f"ready after {started.cold_start:.2f} s"
        ready = ProbeCheck(name="ready", status="passed", message=message)
        notes = [*report.notes, *_failures(started.failures)]
        update = {"cold_start": started.cold_start, "checks": [ready, *report.checks], "notes": notes}
        return report.model_copy(update=update)

    def server(self, target: Target, pid: int | None = None) -> ProbeReport:
        """Every check of a running server, and its latency."""
        subject = Subject(target, self.golden, self.schema, self.config)
        checks = run_checks(subject, CHECKS)
        candidate = Loaded("candidate", target, subject.dialect, subject.rows, pid)
        load = self._load(candidate)
        requests = subject.requests + sum(one.requests for one in load.loads)
        return with_latency(
            ProbeReport(
                subject=self.name,
                checks=[*checks, load.check],
                requests=requests,
                load=load.loads,
                ratios=load.ratios,
                notes=load.notes,
            )
        )

    def _load(self, candidate: Loaded) -> _Load:
        notes: list[str] = []
        try:
            if self.baseline is not None:
                try:
                    return self._load_both(candidate, self.baseline)
                except BaselineError as error:
                    notes = [f"latency was not compared with the baseline: {error}"]
            alone = measure_load(candidate, self.config.load)
        except Unanswered as error:
            return _Load(failed_to_answer("load", error), [], [], notes)
        return _Load(check_load(alone), [alone], [], notes)

    def _load_both(self, candidate: Loaded, baseline: Baseline) -> _Load:
        rows = baseline.rows(self.config.rows)
        with _reachable(baseline.server, self.config.startup) as (target, pid):
            other = Loaded("baseline", target, candidate.dialect, rows, pid)
            loads, ratios = measure_both(candidate, other, self.config.load)
        return _Load(check_load(loads[0]), loads, ratios, [])


def _failures(found: Mapping[str, int]) -> Iterator[str]:
    """Why the model failed, which no client is told."""
    if found:
        told = [f"{why[:_LONG]} ({counted(times, 'requests')})" for why, times in found.items()]
        yield (
            f"{MODEL_RAISED} {listed(told, _NAMED)}; the output of this stage says where. Values of the "
            "right types that a predictor cannot answer it refuses by a ValueError, which is answered 422"
        )


@dataclass(frozen=True)
class _Load:
    """What came of the load."""

    check: ProbeCheck
    loads: list[LoadReport]
    ratios: list[LatencyRatio]
    notes: list[str]


@contextmanager
def _reachable(baseline: Sequence[str] | Target, startup: float) -> Iterator[tuple[Target, int | None]]:
    """The baseline's server, started where it does not run yet; raises :class:`BaselineError`."""
    if isinstance(baseline, Target):
        yield baseline, None
        return
    try:
        with running([*baseline, "--port", "0"], startup) as started:
            yield started.target, started.pid
    except NotStarted as error:
        raise BaselineError(f"its server did not start: {error}") from None


def check_load(load: LoadReport) -> ProbeCheck:
    """Under a load that is easy, every request is answered or plainly refused."""
    asked = f"{load.requests} requests at {load.rate:.0f} a second"
    faults = [f"{load.lost} of {asked} were lost; expected none"] if load.lost else []
    refused = f", {load.refused} refused" if load.refused else ""
    return verdict("load", faults, f"{asked} answered{refused}")


def with_latency(report: ProbeReport) -> ProbeReport:
    """The report with the candidate's quantiles where gates look for them."""
    found = {one.share: one.seconds for load in report.load[:1] for one in load.quantiles}
    named = {"latency_p50": 0.5, "latency_p95": 0.95, "latency_p99": 0.99}
    return report.model_copy(update={name: found.get(share) for name, share in named.items()})
