"""What a comparison of two profiles found; its models need no library of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ml_stages.config.drift import Severity
from ml_stages.evidence import Finding, Report

Part = Literal["feature", "label", "prediction"]
UNCOMPARED = "not compared: "
"""What the reason stands behind, in the message on a column whose values were not compared."""


class Difference(Report):
    """One thing about a column that was compared."""

    what: Literal["distribution", "lengths", "missing", "new-values", "vanished-values"]
    effect: str
    """Name of the effect size."""
    size: float
    test: str
    p_value: float
    adjusted_p_value: float = 1.0
    """After Holm's correction over every test of the comparison."""
    severity: Severity = Severity.NONE
    message: str


class ColumnDrift(Report):
    """What became of one column."""

    column: str
    part: Part = "feature"
    """What the column is to the model; columns that it never sees count as features."""
    severity: Severity
    message: str
    """One line."""
    differences: list[Difference] = []
    effects: dict[str, float] = {}
    """Every effect size that applies to the column's distribution."""
    compared: bool = True
    """Whether its values were, else the message says why not; shares of missing ones always are."""


class DriftReport(Report):
    """Current data beside the reference, column by column."""

    reference_rows: int
    current_rows: int
    severity: Severity
    """The greatest of any column."""
    columns: list[ColumnDrift]
    absent: dict[Part, str] = {}
    """Why a part could not be compared at all."""
    unasked: dict[str, str] = {}
    """Columns that nothing was to be compared of, and why."""

    @property
    def uncompared(self) -> list[tuple[str, str]]:
        """Columns of which no more than missing values were compared, which did not drift, and why."""
        values = [
            (column.column, column.message.removeprefix(UNCOMPARED))
            for column in self.columns
            if not column.compared and column.severity is Severity.NONE
        ]
        return [*values, *self.unasked.items()]

    def findings(self) -> Iterator[Finding]:
        """Drift as findings: minor is a warning, major an error."""
        for column in self.columns:
            if column.severity in {Severity.MINOR, Severity.MAJOR}:
                yield Finding(
                    rule="drift",
                    severity="error" if column.severity is Severity.MAJOR else "warning",
                    column=column.column,
                    message=f"{column.column}: {column.message}",
                    observed=column.effects or None,
                )


def worst(columns: list[ColumnDrift]) -> Severity:
    """The greatest severity; none where nothing was compared."""
    return max((column.severity for column in columns), key=lambda found: found.rank, default=Severity.NONE)
