"""``results.sarif``: findings of lint and data as code-scanning tools read them (SARIF 2.1.0)."""

from __future__ import annotations

import json
from typing import Any

from ml_stages.conclude import Results
from ml_stages.data.drift_report import DriftReport
from ml_stages.evidence import DataReport, Finding, LintReport
from ml_stages.gather import report_of
from ml_stages.verdict import Verdict

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def results_sarif(verdict: Verdict, results: Results) -> str:
    """The JSON text; a finding without a file is located at the project's root."""
    lint = report_of(results, "lint", LintReport)
    data = report_of(results, "data-validate", DataReport)
    drift = report_of(results, "data-drift", DriftReport)
    findings = [
        *(lint.findings if lint else []),
        *(data.findings if data else []),
        *(drift.findings() if drift else []),
    ]
    driver = {
        "name": "ml-pipeline",
        "version": verdict.lineage.pipeline_version,
        "rules": [{"id": rule} for rule in sorted({finding.rule for finding in findings})],
    }
    run = {"tool": {"driver": driver}, "results": [_result(finding) for finding in findings]}
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
