"""`data-validation`: the data holds what the configuration says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from ml_stages.evidence import DataReport, Finding
from ml_stages.gates.findings import first_of
from ml_stages.gates.gate import Evidence, GateConfig, GateStatus, Judgement, need
from ml_stages.report.numbers import counted


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
        rows = "no rows could be read" if report.rows is None else f"{report.rows:,} rows"
        return Judgement(
            status=GateStatus.FAILED if errors else GateStatus.PASSED,
            message=_told(errors) or f"{rows}, every rule holds{_warned(report.findings)}",
            observed=len(errors),
            expected=0,
        )


def _told(findings: Sequence[Finding]) -> str:
    return first_of([finding.message for finding in findings])


def _warned(findings: Sequence[Finding]) -> str:
    warnings = [finding for finding in findings if finding.severity == "warning"]
    return f"; {counted(len(warnings), 'warnings')}: {_told(warnings)}" if warnings else ""


def _changed(report: DataReport, evidence: Evidence) -> Iterator[Finding]:
    """Whether somebody wrote into the data folder while the pipeline ran."""
    if report.rows is not None and evidence.data_digest not in (None, report.digest):
        began = evidence.data_digest
        message = f"the data changed during the run: its digest is {report.digest}, it began with {began}"
        yield Finding(rule="digest", message=message, observed=report.digest, expected=evidence.data_digest)
