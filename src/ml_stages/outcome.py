"""How a stage ended."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class StageStatus(StrEnum):
    """`failed` is the project's own doing; `error` is ours or the machine's."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERROR = "error"


class CacheNote(BaseModel):
    """Whether an earlier result was used, under which key, and why or why not."""

    model_config = ConfigDict(frozen=True)

    hit: bool
    key: str
    reason: str
    """`nothing changed`, or what changed since the last run: `data changed`."""


class StageOutcome(BaseModel):
    """One stage of a run, as it stands in the verdict."""

    model_config = ConfigDict(frozen=True)

    name: str
    status: StageStatus
    duration: float = 0.0
    """Seconds; for a cached result, the time to find it."""
    reason: str = ""
    """Why it did not pass, or why it was skipped."""
    cached: CacheNote | None = None
    tail: list[str] = []
    """The last lines of its log, when it did not pass."""
    notes: list[str] = []
    """What people should know of it: a conversion that was dropped, a pickle that was allowed, packages
    without a pin."""

    @property
    def made_outputs(self) -> bool:
        return self.status is StageStatus.PASSED
