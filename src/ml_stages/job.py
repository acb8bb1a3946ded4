"""The contract between a runner and a stage: one JSON file says what to read and where to write.

A runner writes the job, starts ``python -m ml_stages.execute MODULE JOB`` in the stage's environment
(for stages in the project's own environment ``python -m ml_stages.wrapper STAGE JOB``, which needs
the standard library alone) and reads the report. Every artifact is a directory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict


class Job(BaseModel):
    """One stage's work, as paths in the place where it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    config: dict[str, Any]
    """The stage's own slice of the configuration (``Stage.config`` names the keys)."""
    parameters: dict[str, Any] = {}
    """What is known only at run time: interpreter, address of the server, time-out in seconds."""
    inputs: dict[str, Path]
    """Artifact name to an existing directory; optional inputs that do not exist are left out."""
    outputs: dict[str, Path]
    """Artifact name to an existing, empty directory."""
    report: Path
    """Where the stage writes its report (JSON, a :class:`ml_stages.evidence.Report`)."""

    def write_report(self, report: BaseModel) -> None:
        """Write the stage's report; having one is what makes a stage successful."""
        self.report.write_text(report.model_dump_json(indent=1), encoding="utf-8")
