"""Turn the way a stage's process ended into the stage's result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_stages.host.artifact import Folder, HostArtifact
from ml_stages.host.process import Ended
from ml_stages.outcome import CacheNote, StageOutcome, StageStatus
from ml_stages.runner import StageRun
from ml_stages.stages import Environment, Stage


def passed(stage: Stage, entry: Path, note: CacheNote | None) -> StageRun[HostArtifact]:
    """The result that stands in a folder of the store."""
    digests = json.loads((entry / "outputs.json").read_text(encoding="utf-8"))
    return StageRun(
        StageOutcome(name=stage.name, status=StageStatus.PASSED, cached=note),
        (entry / "report.json").read_text(encoding="utf-8"),
        {name: Folder(entry / "out" / name, value) for name, value in digests.items()},
    )


def broken(stage: Stage, note: CacheNote | None, ended: Ended, limit: float | None) -> StageRun[HostArtifact]:
    """A stage of ours that wrote no report: an error, never a pass."""
    if ended.exit_status is None:
        reason = f"stopped after its time-out of {limit:g} s"
    else:
        # An expected error prints one line, which says more than the exit status.
        said = _last_line(ended.tail).removeprefix(f"{stage.name}: ")
        reason = said or f"ended with status {ended.exit_status} and no report"
    outcome = StageOutcome(
        name=stage.name, status=StageStatus.ERROR, reason=reason, tail=ended.tail, cached=note
    )
    return StageRun(outcome)


def command_failed(
    stage: Stage, note: CacheNote | None, report: str, command: Mapping[str, Any]
) -> StageRun[HostArtifact]:
    """The project's own command said no: the stage failed where that decides, else a gate judges it.

    A baseline that cannot answer is no fault of the candidate, but nothing can be compared: an error.
    """
    judged_later = stage.environment is Environment.PROJECT and not stage.command_decides
    outcome = StageOutcome(
        name=stage.name,
        status=StageStatus.PASSED
        if judged_later
        else StageStatus.FAILED
        if stage.command_decides
        else StageStatus.ERROR,
        reason="" if judged_later else _command_reason(command),
        tail=[] if judged_later else command["tail"],
        cached=note,
    )
    return StageRun(outcome, report)


def _command_reason(command: Mapping[str, Any]) -> str:
    shown = " ".join(Path(word).name if "/" in word else word for word in command["command"])
    if command["timed_out"]:
        return f"`{shown}` ran out of time after {command['duration']:.0f} s"
    last = _last_line(command["tail"])
    return f"`{shown}` ended with status {command['exit_status']}" + (f": {last}" if last else "")


def _last_line(lines: list[str]) -> str:
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
