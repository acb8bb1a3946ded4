"""What the audit must know that is neither configuration nor source: the day, and the lock."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict


class LockText(BaseModel):
    """A lock file by its content, so that a cached audit does not depend on where it lies."""

    model_config = ConfigDict(frozen=True)

    name: str
    """As the project calls it: relative to its folder."""
    text: str


class AuditParameters(BaseModel):
    """Handed to the stage by every runner."""

    model_config = ConfigDict(frozen=True)

    day: date
    """Advisories change: what was found yesterday says nothing about today (UTC)."""
    lock: LockText | None
    """``None`` where the project runs in the pipeline's own interpreter, without any lock."""

    @classmethod
    def of_project(cls, project: Path, lock: Path | None) -> Self:
        """Today's, with the project's lock file."""
        today = datetime.now(UTC).date()
        if lock is None:
            return cls(day=today, lock=None)
        name = lock.relative_to(project).as_posix() if lock.is_relative_to(project) else lock.name
        return cls(day=today, lock=LockText(name=name, text=lock.read_text(encoding="utf-8")))
