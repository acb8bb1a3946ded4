"""``results.sarif``: findings of lint, audit and data as code-scanning tools read them (SARIF 2.1.0)."""

from __future__ import annotations

import json
from typing import Any

from ml_stages.conclude import Results
from ml_stages.drift.report import DriftReport
from ml_stages.evidence import AuditReport, DataReport, Finding, IgnoredFinding, LintReport
from ml_stages.gather import report_of
from ml_stages.verdict import Verdict

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def results_sarif(verdict: Verdict, results: Results) -> str:
    """The JSON text; a finding without a file is located at the project's root."""
    lint = report_of(results, "lint", LintReport)
    audit = report_of(results, "audit", AuditReport)
    data = report_of(results, "data-validate", DataReport)
    drift = report_of(results, "data-drift", DriftReport)
    findings = [
        *(lint.findings if lint else []),
        *(audit.findings if audit else []),
        *(data.findings if data else []),
        *(drift.findings() if drift else []),
    ]
    ignored = audit.ignored if audit else []
    rules = {finding.rule for finding in [*findings, *(one.finding for one in ignored)]}
    driver = {
        "name": "ml-pipeline",
        "version": verdict.lineage.pipeline_version,
        "rules": [{"id": rule} for rule in sorted(rules)],
    }
    shown = [*map(_result, findings), *map(_suppressed, ignored)]
    run = {"tool": {"driver": driver}, "results": shown}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _result(finding: Finding) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": finding.file or "."}}
    if finding.line is not None:
        location["region"] = {"startLine": finding.line}
    return {
        "ruleId": finding.rule,
        "level": finding.severity,
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": location}],
    }


def _suppressed(ignored: IgnoredFinding) -> dict[str, Any]:
    """A finding that the configuration lets be, with its reason."""
    suppression = {"kind": "external", "justification": ignored.reason}
    return {**_result(ignored.finding), "suppressions": [suppression]}
