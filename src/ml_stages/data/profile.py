"""The profile: what a table holds, in numbers. Its definition; how Polars computes it is apart."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from ml_stages.config.data import ColumnType
from ml_stages.config.section import Number
from ml_stages.data.distribution import Distribution
from ml_stages.data.relations import Place, Relations

PROFILE = "profile.json"
"""The file that holds a profile, in an artifact's folder and in a bundle."""


class Violation(BaseModel):
    """Rows of one column that break one rule of the configuration."""

    model_config = ConfigDict(frozen=True)

    count: int
    examples: list[Any]
    """Up to five of the offending values; masked for a sensitive column."""
    first: Place | None = None
    """The first such row, where it is known."""


class ColumnProfile(BaseModel):
    """What one column holds. Shares are between 0 and 1."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    name: str
    type: ColumnType
    """The type in which every value reads, or the declared one."""
    utc: bool = False
    """Whether its times carry an offset from UTC; they are read as UTC."""
    unsupported: str | None = None
    """The file's own type, where no predictor can be given it (lists, durations...)."""
    sensitive: bool = False
    """Whether its values are stored as fingerprints; numbers are not, where they are no codes."""
    nulls: int
    nan: int = 0
    """Of the values that are not null."""
    infinite: int = 0
    """Values that are plus or minus infinity; they count for ``min`` and ``max`` alone."""
    min: Number | None = None
    max: Number | None = None
    mean: float | None = None
    """Of integers beyond 2**53, as the deviation: to as many digits as a float has."""
    std: float | None = None
    """With ``n - 1``; none where the squares of the numbers are beyond the greatest float."""
    oldest: float | None = None
    newest: float | None = None
    """Of times, in seconds since 1970, those without an offset taken for UTC."""
    small_slices: Violation | None = None
    """Values with fewer rows than the rules ask for."""
    repeated: int | None = None
    """Rows whose value occurred before, where the rules ask for unique values."""
    broken_type: Violation | None = None
    """Values that are not of the declared type."""
    below: Violation | None = None
    above: Violation | None = None
    not_allowed: Violation | None = None
    not_matching: Violation | None = None
    """Texts that do not match the pattern."""
    bad_length: Violation | None = None
    """Texts with too few or too many characters."""
    distribution: Distribution | None = None

    @property
    def independence(self) -> float:
        """Independent rows a row: 1, or fewer where rows come in clusters."""
        there = self.distribution and (self.distribution.numbers or self.distribution.values)
        return there.effective_rows / there.rows if there and there.rows else 1.0


class Profile(BaseModel):
    """What a table holds."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    rows: int
    columns: list[ColumnProfile]
    duplicates: int
    """Rows that repeat an earlier row in every column."""
    key_duplicates: int
    """Rows whose key occurred before; 0 without a key."""
    key_lookalikes: int = 0
    """Rows whose key differs from another one by blanks at its ends or by its Unicode form alone."""
    label_counts: dict[str, int] | None = None
    """Rows of each class of the label, as text (classification); of more than 1,000 classes the 1,001
    most frequent."""

    as_of: float | None = None
    """The time by which ages are judged, in seconds since 1970; none where no rule asks for one."""

    relations: Relations = Relations()
    """What rules over several columns, rows or files found."""

    def column(self, name: str) -> ColumnProfile | None:
        return next((column for column in self.columns if column.name == name), None)
