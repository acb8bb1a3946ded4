"""Which stages a run has, and what each of them reads: the table, as one configuration needs it."""

from __future__ import annotations

from dataclasses import replace

from ml_stages.config.config import Config
from ml_stages.graph import dependencies, needed_for, order
from ml_stages.stages import STAGES, Stage


def select(config: Config, *, fetches_data: bool, until: str | None = None) -> list[Stage]:
    """The stages of a run, in an order in which they can run; with ``until``, that one and what it needs."""
    rows = [_row(stage, config) for stage in STAGES]
    names = {stage.name for stage in rows} if until is None else needed_for(until, dependencies(rows))
    if not fetches_data:
        names.discard("fetch-data")
    if not config.audits and until != "audit":
        names.discard("audit")
    return [stage for stage in order(rows) if stage.name in names and config.wants(stage.gates)]


def _row(stage: Stage, config: Config) -> Stage:
    if stage.name == "build-image" and not config.predictor.may_convert:
        # Only a converted model is held to the offline predictions: this one is packed beside `predict`.
        compared = ("holdout-features", "predictions")
        return replace(stage, optional=tuple(name for name in stage.optional if name not in compared))
    return stage
