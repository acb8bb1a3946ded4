"""``[audit]``: known vulnerabilities, insecure code, leaked secrets."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ml_stages.config.section import Section

Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Severity = Literal["low", "medium", "high", "critical"]


class AuditException(Section):
    """A finding that somebody looked at and lives with."""

    id: Text
    """The advisory under any of its names (`GHSA-...`, `CVE-...`, `PYSEC-...`), the rule (`S301`), the
    kind of secret (`secret-keyword`), or `unpinned`."""
    reason: Text
    """Why it is no danger here; it stands in the report."""
    until: date | None = None
    """The last day on which the exception counts, e.g. `2026-12-31`."""
    path: Text | None = None
    """Glob of the files that it is for, e.g. `tests/**`; by default all."""


class AuditConfig(Section):
    """Security of source and lock; the stage is part of a run when this table is there."""

    vulnerabilities: bool = True
    """Ask for known vulnerabilities of every pin of the lock."""
    code: bool = True
    """Search the source for insecure code, by ruff's security rules."""
    secrets: bool = True
    """Search the source for passwords, keys and tokens."""
    severity: Severity = "medium"
    """The lowest severity that blocks, of vulnerabilities and code; what is below is a warning. A
    vulnerability of unknown severity blocks, and so does every secret."""
    service: Annotated[str, Field(pattern=r"^https?://")] = "https://api.osv.dev"
    """Who is asked for vulnerabilities: an address that speaks OSV's API, version 1."""
    ignore: list[AuditException] = []
    """Findings that do not count."""

    @model_validator(mode="after")
    def _looks_for_something(self) -> Self:
        if not (self.vulnerabilities or self.code or self.secrets):
            raise ValueError("everything is turned off: leave the table out to have no audit")
        return self
