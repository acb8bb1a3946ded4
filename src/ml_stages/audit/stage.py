"""The stage `audit`: three searches, each of which says whether it came to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ml_stages.audit import insecure_code, leaked_secrets
from ml_stages.audit.advisories import UnreachableError, find_advisories
from ml_stages.audit.exceptions import make_exceptions
from ml_stages.audit.finding import Found
from ml_stages.audit.parameters import AuditParameters, LockText
from ml_stages.audit.pins import Pin, Unpinned, read_pins
from ml_stages.audit.vulnerabilities import unpinned, vulnerabilities
from ml_stages.config.audit import AuditConfig
from ml_stages.evidence import AuditReport, AuditTool
from ml_stages.job import Job


@dataclass(frozen=True)
class _Search:
    """What came of one search."""

    tool: AuditTool
    found: list[Found] = field(default_factory=list)


def run(job: Job) -> None:
    """Search, make the exceptions, write the report."""
    config = AuditConfig.model_validate(job.config["audit"] or {})
    parameters = AuditParameters.model_validate(job.parameters)
    searches = [
        _vulnerabilities(config, parameters.lock),
        _code(config, job.inputs["source"]),
        _secrets(config, job.inputs["source"]),
    ]
    tools = [search.tool for search in searches]
    found = [one for search in searches for one in search.found]
    complete = all(tool.status == "ran" for tool in tools)
    sorted_out = make_exceptions(found, config.ignore, parameters.day, complete=complete)
    report = AuditReport(
        day=parameters.day,
        tools=tools,
        findings=sorted_out.findings,
        ignored=sorted_out.ignored,
        notes=sorted_out.notes,
        incomplete=any(tool.status == "broke" for tool in tools),
    )
    job.write_report(report)


def _vulnerabilities(config: AuditConfig, lock: LockText | None) -> _Search:
    if not config.vulnerabilities:
        return _Search(AuditTool(name="vulnerabilities", status="off"))
    requirements = read_pins(lock)
    pins = [one for one in requirements if isinstance(one, Pin)]
    name = lock.name if lock else None
    found = unpinned((one for one in requirements if isinstance(one, Unpinned)), name)
    try:
        known = find_advisories(pins, config.service)
    except UnreachableError as error:
        tool = AuditTool(name="vulnerabilities", by=config.service, status="broke", message=str(error))
        return _Search(tool, found)
    found += vulnerabilities(pins, known, name, config.severity)
    return _Search(
        AuditTool(name="vulnerabilities", by=config.service, status="ran", checked=len(pins)), found
    )


def _code(config: AuditConfig, source: Path) -> _Search:
    if not config.code:
        return _Search(AuditTool(name="code", status="off"))
    by = insecure_code.version()
    try:
        found = insecure_code.insecure_code(source, config.severity)
    except insecure_code.RuffBrokeError as error:
        return _Search(AuditTool(name="code", by=by, status="broke", message=str(error)))
    checked = insecure_code.count_files(source)
    return _Search(AuditTool(name="code", by=by, status="ran", checked=checked), found)


def _secrets(config: AuditConfig, source: Path) -> _Search:
    if not config.secrets:
        return _Search(AuditTool(name="secrets", status="off"))
    found, searched = leaked_secrets.leaked_secrets(source)
    tool = AuditTool(name="secrets", by=leaked_secrets.version(), status="ran", checked=searched)
    return _Search(tool, found)
