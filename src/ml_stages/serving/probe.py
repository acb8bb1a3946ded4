"""Probe: ask the very server that would be released, as the world will ask it.

The job's parameters say where it is: ``command`` starts a bundle on this machine, ``url`` is a server
that runs already. A check that fails is part of the report; the gates judge it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ml_stages import digest
from ml_stages.config.sections import ProbeConfig
from ml_stages.errors import StageError
from ml_stages.evidence import ProbeCheck, ProbeReport
from ml_stages.job import Job
from ml_stages.model.manifest import Manifest
from ml_stages.serving.probing.checks import CHECKS, Subject, failed_to_answer
from ml_stages.serving.probing.golden import Golden, read_golden
from ml_stages.serving.probing.latency import Latency, measure_latency
from ml_stages.serving.probing.server import NotStarted, running
from ml_stages.serving.probing.target import Target, Unanswered


class _Parameters(BaseModel):
    """Exactly one of the two."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    command: list[str] | None = None
    """Starts the server; ``--port 0`` is added."""
    url: str | None = None


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
    if parameters.command is not None:
        job.write_report(probe_command(parameters.command, name, golden, schema, config))
    elif parameters.url is not None:
        job.write_report(probe_server(Target(parameters.url), name, golden, schema, config))
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


def probe_command(
    command: Sequence[str], name: str, golden: Sequence[Golden], schema: dict[str, Any], config: ProbeConfig
) -> ProbeReport:
    """Start a server, probe it, and stop it; one that does not start is a failed check."""
    try:
        with running([*command, "--port", "0"], config.startup) as started:
            report = probe_server(started.target, name, golden, schema, config)
            ready = ProbeCheck(
                name="ready", status="passed", message=f"ready after {started.cold_start:.2f} s"
            )
            return report.model_copy(
                update={"cold_start": started.cold_start, "checks": [ready, *report.checks]}
            )
    except NotStarted as error:
        message = f"the server did not start: {error}"
        return ProbeReport(subject=name, checks=[ProbeCheck(name="ready", status="failed", message=message)])


def probe_server(
    target: Target, name: str, golden: Sequence[Golden], schema: dict[str, Any], config: ProbeConfig
) -> ProbeReport:
    """Every check of a running server, and its latency."""
    subject = Subject(target, golden, schema, config.tolerance)
    checks = [_guarded(label, check, subject) for label, check in CHECKS]
    latency: Latency | None = None
    try:
        latency = measure_latency(target, golden)
    except Unanswered as error:
        checks.append(failed_to_answer("latency", error))
    return ProbeReport(
        subject=name,
        checks=checks,
        latency_p50=latency and latency.p50,
        latency_p95=latency and latency.p95,
        latency_p99=latency and latency.p99,
        requests=subject.requests + (latency.requests if latency else 0),
    )


def _guarded(label: str, check: Callable[[Subject], ProbeCheck], subject: Subject) -> ProbeCheck:
    """A server that stops answering fails the check that noticed."""
    try:
        return check(subject)
    except Unanswered as error:
        return failed_to_answer(label, error)
