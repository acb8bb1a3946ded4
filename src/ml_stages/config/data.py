"""``[data]``: where the table is, what its columns must hold, and how it is split."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ml_stages.config.section import Section

ColumnType = Literal["int", "float", "string", "bool", "date", "datetime"]
Value = int | float | str | bool
Share = float


class ColumnRule(Section):
    """What one column must hold, and what it is used for."""

    type: ColumnType | None = None
    """Declared type; inferred from the data when left out."""
    min: float | None = None
    """Smallest allowed value of a numeric column."""
    max: float | None = None
    """Largest allowed value of a numeric column."""
    allowed: list[Value] | None = None
    """The only values that may occur (nulls are counted by `max_null`)."""
    max_null: Share = Field(default=0.0, ge=0, le=1)
    """Largest share of null values, from 0 to 1."""
    unique: bool = False
    """Whether a value may occur once only."""
    required: bool = True
    """Whether the column must be there at all."""
    feature: bool = True
    """Whether the predictor sees it; `false` keeps it for slices alone (protected attributes)."""
    sensitive: bool = False
    """Whether its values are masked in reports and logs."""

    @model_validator(mode="after")
    def _bounds_make_sense(self) -> ColumnRule:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min ({self.min:g}) is greater than max ({self.max:g})")
        return self


class ClassBalance(Section):
    """How rare a class of the label may be."""

    min_share: Share = Field(default=0.0, ge=0, le=1)
    """Smallest share of any class."""


class DataConfig(Section):
    """The table that the model learns from: one file, or a glob of files with the same columns."""

    path: str
    """File or glob below the data folder: `.csv`, `.parquet`."""
    key: list[str] = []
    """Columns that identify a row; without them a row is identified by all its values."""
    label: str
    """The column to predict."""
    positive: Value | None = None
    """The positive class of a binary label; by default the greater of the two."""
    null_values: list[str] = []
    """Texts that mean "no value" in CSV, besides the empty field."""
    holdout: float = Field(default=0.25, gt=0, lt=1)
    """Share of rows that the training never sees."""
    columns: dict[str, ColumnRule] = {}
    """Rules by column name."""
    extra_columns: Literal["allow", "forbid"] = "allow"
    """Whether columns without a rule may occur."""
    min_rows: int = Field(default=100, ge=0)
    """Fewest rows that are worth training on."""
    max_duplicates: Share = Field(default=0.0, ge=0, le=1)
    """Largest share of rows that repeat an earlier row in every column."""
    balance: ClassBalance = ClassBalance()
    """Class balance of the label (classification)."""

    @model_validator(mode="after")
    def _label_is_no_key(self) -> DataConfig:
        if self.label in self.key:
            raise ValueError(f"the label {self.label!r} cannot be part of the key")
        return self

    def is_feature(self, column: str) -> bool:
        """Whether the predictor sees this column."""
        if column == self.label or column in self.key:
            return False
        rule = self.columns.get(column)
        return rule is None or rule.feature
