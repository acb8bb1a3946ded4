"""What all endpoints share: the model, what it expects, and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_stages.serving.admission import Admission
from ml_stages.serving.features import FeatureTable
from ml_stages.serving.metrics import Metrics
from ml_stages.serving.prediction_log import PredictionLog
from ml_stages.serving.scorer import Scorer
from ml_stages.serving.settings import Settings


@dataclass(frozen=True)
class Service:
    """One worker's model and all that belongs to it."""

    name: str
    task: str
    model_digest: str
    schema: Mapping[str, Any]
    table: FeatureTable
    scorer: Scorer
    admission: Admission
    metrics: Metrics
    settings: Settings
    log: PredictionLog | None = None

    @property
    def version(self) -> str:
        """The model's version where a protocol asks for one: the beginning of its digest."""
        return self.model_digest.removeprefix("sha256:")[:12]
