"""What rules over several columns, rows or files found: its definition; how Polars computes it is apart."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Place(BaseModel):
    """A row of a file."""

    model_config = ConfigDict(frozen=True)

    file: str
    row: int
    """From 1."""
    line: int | None = None
    """Where the row begins, in a file of texts."""

    def __str__(self) -> str:
        where = f"row {self.row:,}" if self.line is None else f"line {self.line:,}"
        return f"{self.file}, {where}"


class BrokenRule(BaseModel):
    """A rule over several columns, or a reference, and the rows that break it."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    rule: str
    """Its name, or what it expects."""
    count: int = 0
    examples: list[Any] = []
    """Up to five rows (of the columns that the rule names) or values; masked where sensitive."""
    first: Place | None = None
    """The first such row."""
    fault: str | None = None
    """Why it could not be computed at all."""


class Relations(BaseModel):
    """Empty where no rule asks for it."""

    model_config = ConfigDict(frozen=True)

    rules: list[BrokenRule] = []
    """One a rule of ``data.rules``, in their order."""
    references: list[BrokenRule] = []
    """One a reference of ``data.references``, in their order."""
    out_of_order: dict[str, int] = {}
    """Rows whose value does not follow on that of the row before, by column with a rule for it."""
    conflicts: int | None = None
    """Rows whose features are all equal to those of a row with another label."""
    label_information: dict[str, float] = {}
    """Share of the label's entropy that a feature explains alone, by feature, corrected for chance;
    only where there are enough rows to tell."""
