"""``[timeouts]``: how long each stage may take."""

from __future__ import annotations

from pydantic import AliasGenerator, ConfigDict

from ml_stages.config.section import Section
from ml_stages.config.sections import Seconds


class Timeouts(Section):
    """Seconds a stage may run; a stage is named as everywhere, with dashes."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(alias=lambda name: name.replace("_", "-")),
        serialize_by_alias=True,
    )

    fetch_data: Seconds = 3600
    lint: Seconds = 600
    test: Seconds = 1800
    audit: Seconds = 900
    data_validate: Seconds = 1800
    split: Seconds = 1800
    train: Seconds = 86400
    predict: Seconds = 3600
    perturb: Seconds = 600
    predict_perturbed: Seconds = 3600
    baseline: Seconds = 3600
    data_drift: Seconds = 600
    evaluate: Seconds = 1800
    build_image: Seconds = 1800
    probe: Seconds = 900
    publish: Seconds = 1800

    def of(self, stage: str) -> float | None:
        """Seconds for a stage by its name; ``None`` for a stage without a limit."""
        seconds: float | None = getattr(self, stage.replace("-", "_"), None)
        return seconds
