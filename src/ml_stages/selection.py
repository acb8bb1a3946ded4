"""Which stages of the table a run has."""

from __future__ import annotations

from ml_stages.config.config import Config
from ml_stages.graph import needed_for, order
from ml_stages.stages import NAMES, Stage


def select(config: Config, *, fetches_data: bool, until: str | None = None) -> list[Stage]:
    """The stages of a run, in an order in which they can run; with ``until``, that one and what it needs."""
    names = set(NAMES) if until is None else needed_for(until)
    if not fetches_data:
        names.discard("fetch-data")
    if not config.audits and until != "audit":
        names.discard("audit")
    return [stage for stage in order() if stage.name in names and config.wants(stage.gates)]
