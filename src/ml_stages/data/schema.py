"""The schema of the features and the label: what predictors and servers may expect of a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ml_stages.config.data import ColumnType
from ml_stages.config.section import Number


class FeatureSchema(BaseModel):
    """One column that the predictor sees."""

    model_config = ConfigDict(frozen=True)

    name: str
    type: ColumnType
    nullable: bool
    utc: bool = False
    """Whether times are given as UTC; else without a zone."""
    sensitive: bool = False
    min: Number | None = None
    max: Number | None = None
    allowed: list[Any] | None = None


class LabelSchema(BaseModel):
    """The column to predict; ``classes`` are its values as text, sorted (classification)."""

    model_config = ConfigDict(frozen=True)

    name: str
    type: ColumnType
    classes: list[str] | None = None


class Schema(BaseModel):
    """`schema.json`: features in the order of the table, the label, the key, and CSV's null texts."""

    model_config = ConfigDict(frozen=True)

    features: list[FeatureSchema]
    label: LabelSchema
    key: list[str]
    null_values: list[str] = []

    def write(self, folder: Path) -> None:
        """Write ``schema.json`` into an artifact's folder."""
        (folder / "schema.json").write_text(self.model_dump_json(indent=1), encoding="utf-8")
