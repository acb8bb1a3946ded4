"""Data folders, and the stages run on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ml_stages.config.data import DataConfig
from ml_stages.data import split, validate
from ml_stages.data.measure import measure
from ml_stages.data.profile import Profile
from ml_stages.data.read import open_table
from ml_stages.evidence import DataReport, Finding, SplitReport
from ml_stages.job import Job


@dataclass(frozen=True)
class DataFolder:
    """A data folder and its configuration."""

    root: Path
    config: dict[str, Any]
    task: str = "classification"
    as_of: str | None = None

    @property
    def rules(self) -> DataConfig:
        return DataConfig.model_validate(self.config)

    def profile(self) -> Profile:
        return measure(open_table(self.root / "data", self.rules), self.rules, self.task)

    def validate(self, **evaluation: Any) -> DataReport:
        self._run(validate, evaluation)
        return DataReport.model_validate_json((self.root / "report.json").read_text(encoding="utf-8"))

    def validated_profile(self) -> Profile:
        """As the stage wrote it."""
        return Profile.model_validate_json((self.root / "profile/profile.json").read_text(encoding="utf-8"))

    def findings(self) -> list[tuple[str, str | None]]:
        return [(finding.rule, finding.column) for finding in self.validate().findings]

    def finding(self, rule: str) -> Finding:
        (found,) = [finding for finding in self.validate().findings if finding.rule == rule]
        return found

    def split(self, **evaluation: Any) -> SplitReport:
        self._run(split, evaluation)
        return SplitReport.model_validate_json((self.root / "report.json").read_text(encoding="utf-8"))

    def schema(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / "schema/schema.json").read_text(encoding="utf-8"))
        return found

    def texts(self, name: str) -> pl.DataFrame:
        return pl.read_csv(self.root / name, infer_schema=False)

    def labels(self) -> pl.DataFrame:
        return pl.read_parquet(self.root / "holdout-labels/labels.parquet")

    def _run(self, module: Any, evaluation: Mapping[str, Any] = {}) -> None:
        names = ("schema", "profile", "train-set", "holdout-features", "holdout-others", "holdout-labels")
        outputs = {name: self.root / name for name in names}
        for path in outputs.values():
            path.mkdir(exist_ok=True)
        config = {"task": self.task, "data": self.config, "evaluation": dict(evaluation)}
        report = self.root / "report.json"
        inputs = {"data": self.root / "data"}
        parameters = {} if self.as_of is None else {"as_of": self.as_of}
        job = Job(
            stage="data", config=config, inputs=inputs, outputs=outputs, report=report, parameters=parameters
        )
        module.run(job)


def folder(
    root: Path, content: bytes | str | pl.DataFrame, *, task: str = "classification", **config: Any
) -> DataFolder:
    """A data folder with one table: CSV as given, or Parquet."""
    data = root / "data"
    data.mkdir(parents=True, exist_ok=True)
    defaults: dict[str, Any] = {"label": "y", "min_rows": 0, "max_duplicates": 1.0}
    if isinstance(content, pl.DataFrame):
        content.write_parquet(data / "t.parquet")
        return DataFolder(root, {"path": "t.parquet", **defaults, **config}, task)
    (data / "t.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    return DataFolder(root, {"path": "t.csv", **defaults, **config}, task)
