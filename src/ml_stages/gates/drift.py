"""`drift`: today's data is distributed like the data that the baseline was made with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from pydantic import Field

from ml_stages.config.drift import Severity
from ml_stages.drift.report import ColumnDrift, DriftReport, Part, worst
from ml_stages.gates.findings import first_of
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need
from ml_stages.gates.model_metric import Inconclusive, no_baseline
from ml_stages.report.numbers import listed

_NAMED = 3


class Drift(GateConfig):
    """No column has drifted more than `max` from the data that the baseline was made with.

    Drift must be proven, by tests that together raise a false alarm in at most `drift.alpha` of the runs,
    and it must be large enough to matter, by the effect sizes of `[drift]`. Features, the label and the
    baseline's predictions are judged. A column with too few rows, or a baseline without a stored profile,
    is inconclusive.

    Null hypothesis: the column is distributed as it was.

    Limits: see the checks of `[drift]`; drift is no harm by itself, and a model may fail without any.
    """

    kind: Literal["drift"]
    max: Literal["none", "minor"] = "minor"
    """Greatest severity that passes."""
    parts: list[Part] = Field(default=["feature", "label", "prediction"], min_length=1)
    """What is judged: `feature` (every column but key and label), `label`, `prediction`."""
    columns: list[str] = []
    """Columns that are judged; all, where none is named."""
    inconclusive: Inconclusive = "block"
    """What happens when a column cannot be judged."""

    def default_name(self) -> str:
        parts = [] if set(self.parts) == set(get_args(Part)) else self.parts
        return "-".join(["drift", *parts, *self.columns])

    @property
    def reads(self) -> tuple[str, ...]:
        return ("data-drift",)

    def judge(self, evidence: Evidence) -> Judgement:
        if not evidence.has_baseline:
            if evidence.first_run_allowed:
                raise no_baseline(evidence)
            raise Absent("there is no baseline whose data could have been other; publish one first")
        report = need(evidence.drift, "data-drift", evidence)
        judged = [column for column in report.columns if self._judges(column)]
        if lacking := [name for name in self.columns if name not in {column.column for column in judged}]:
            raise Absent(f"the comparison has no column {lacking[0]!r}; it is ignored, or never was there")
        unjudged = list(self._unjudged(report, judged))
        if not judged and not unjudged:
            raise Absent(f"no {' or '.join(self.parts)} was compared: all are ignored, or there is none")
        severity = worst(judged)
        status = self._status(severity, unjudged)
        return Judgement(
            status=status,
            message=self._wording(report, judged, unjudged, status),
            observed=severity.value,
            expected={"max": self.max},
        )

    def _judges(self, column: ColumnDrift) -> bool:
        return column.part in self.parts and (not self.columns or column.column in self.columns)

    def _unjudged(self, report: DriftReport, judged: list[ColumnDrift]) -> Iterator[str]:
        for part, why in report.absent.items():
            if part in self.parts:
                yield f"{part}: {why}"
        for column in judged:
            # Who names a column asks for its values; of all columns together some have none that could drift.
            is_asked = column.column in self.columns
            if column.severity is Severity.INCONCLUSIVE or (is_asked and not column.compared):
                yield f"{column.column}: {column.message}"

    def _status(self, severity: Severity, unjudged: list[str]) -> GateStatus:
        if severity.rank > max(Severity(self.max).rank, Severity.INCONCLUSIVE.rank):
            return GateStatus.FAILED
        return GateStatus.INCONCLUSIVE if unjudged and self.inconclusive == "block" else GateStatus.PASSED

    def _wording(
        self, report: DriftReport, judged: list[ColumnDrift], unjudged: list[str], status: GateStatus
    ) -> str:
        drifted = sorted(
            (column for column in judged if column.severity.rank > Severity.INCONCLUSIVE.rank),
            key=lambda column: -column.severity.rank,
        )
        told = [f"{column.severity} in {column.column} ({column.message})" for column in drifted]
        told += [f"not judged: {why}" for why in unjudged]
        rows = f"{report.current_rows:,} rows beside {report.reference_rows:,} of the baseline"
        wording = first_of(told) or f"none in {len(judged)} columns{_beside(judged)}"
        let_through = unjudged and status is GateStatus.PASSED
        chosen = ' (let through: inconclusive = "pass")' if let_through else ""
        return f"{wording}; {rows}; expected at most {self.max}{chosen}"


def _beside(judged: list[ColumnDrift]) -> str:
    apart = [column.column for column in judged if not column.compared]
    return f", values of {len(apart)} not compared ({listed(apart, _NAMED)})" if apart else ""
