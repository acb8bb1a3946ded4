"""`data-validation`: the data holds what the configuration says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ml_stages.evidence import DataReport, Finding
from ml_stages.gates.gate import Evidence, GateConfig, GateStatus, Judgement, need


class DataValidation(GateConfig):
    """No check over the data found an error; warnings are reported and do not block.

    The data that was checked is the data that the lineage names.
    """

    kind: Literal["data-validation"]

    def default_name(self) -> str:
        return "data-validation"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("data-validate",)

    def judge(self, evidence: Evidence) -> Judgement:
        report = need(evidence.data, "data-validate", evidence)
        errors = [finding for finding in report.findings if finding.severity == "error"]
        errors = [*_changed(report, evidence), *errors]
        warnings = sum(finding.severity == "warning" for finding in report.findings)
        rows = "no rows could be read" if report.rows is None else f"{report.rows:,} rows"
        wording = "; ".join(finding.message for finding in errors[:3]) or f"{rows}, every rule holds"
        more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
        plural = "s" if warnings > 1 else ""
        noted = f", {warnings} warning{plural}" if warnings and not errors else ""
        return Judgement(
            status=GateStatus.FAILED if errors else GateStatus.PASSED,
            message=wording + more + noted,
            observed=len(errors),
            expected=0,
        )


def _changed(report: DataReport, evidence: Evidence) -> Iterator[Finding]:
    """Whether somebody wrote into the data folder while the pipeline ran."""
    if report.rows is not None and evidence.data_digest not in (None, report.digest):
        began = evidence.data_digest
        message = f"the data changed during the run: its digest is {report.digest}, it began with {began}"
        yield Finding(rule="digest", message=message, observed=report.digest, expected=evidence.data_digest)
