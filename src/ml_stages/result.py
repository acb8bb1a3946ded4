"""Turn the way a stage's process failed into the stage's result: the same for every runner."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ml_stages.ending import ending
from ml_stages.outcome import CacheNote, StageOutcome, StageStatus
from ml_stages.report.numbers import listed
from ml_stages.runner import Artifact, StageRun
from ml_stages.stages import Environment, Stage

_TRACEBACK = "Traceback (most recent call last):"
_ERROR_LINES = 3
_FAILURES = 3
TAIL_LINES = 40
"""How many of the last lines of a log an outcome carries."""


@dataclass(frozen=True)
class Ended:
    """How a process ended; ``exit_status`` is ``None`` when the time-out stopped it."""

    exit_status: int | None
    tail: list[str]


def is_incomplete(report: str) -> bool:
    """Whether a report says that something could not be looked at: the next run must try again."""
    return bool(json.loads(report).get("incomplete"))


def refusal(report: str | None) -> Mapping[str, Any] | None:
    """The project's own command in a report, where it ran and said no."""
    command = json.loads(report or "{}").get("run")
    return None if command is None or command["exit_status"] == 0 else command


def passed_at_last(stage_run: StageRun[Artifact], failures: Sequence[str]) -> StageRun[Artifact]:
    """Let a result say that the same command failed before on the very same inputs; ``failures`` says when.

    A test that fails now and then ends in a green run sooner or later: whoever reads that run must know.
    """
    if not failures:
        return stage_run
    note = (
        f"failed on the very same inputs before it passed ({listed(failures, _FAILURES)}): "
        "its outcome depends on more than those"
    )
    outcome = stage_run.outcome
    return replace(stage_run, outcome=outcome.model_copy(update={"notes": [note, *outcome.notes]}))


def broken(
    stage: Stage, note: CacheNote | None, ended: Ended, limit: float | None, room: str = ""
) -> StageRun[Any]:
    """A stage of ours that wrote no report: an error, never a pass.

    ``room`` says what a runner knows of a full disk.
    """
    if ended.exit_status is None:
        reason = f"stopped after its time-out of {limit:g} s"
    else:
        # An expected error prints one line, which says more than the exit status.
        said = _last_line(ended.tail).removeprefix(f"{stage.name}: ")
        reason = said or f"{ending(ended.exit_status)}, and wrote no report"
    outcome = StageOutcome(
        name=stage.name, status=StageStatus.ERROR, reason=reason + room, tail=ended.tail, cached=note
    )
    return StageRun(outcome)


def command_failed(
    stage: Stage, note: CacheNote | None, report: str, command: Mapping[str, Any], room: str = ""
) -> StageRun[Any]:
    """The project's own command said no: the stage failed where that decides, else a gate judges it.

    A baseline that cannot answer is no fault of the candidate, but nothing can be compared: an error. So is
    a command on a full disk, of which ``room`` tells: nobody knows what it would have said.
    """
    if stage.environment is Environment.PROJECT and not stage.command_decides and not room:
        return StageRun(StageOutcome(name=stage.name, status=StageStatus.PASSED, cached=note), report)
    outcome = StageOutcome(
        name=stage.name,
        status=StageStatus.FAILED if stage.command_decides and not room else StageStatus.ERROR,
        reason=_command_reason(command) + room,
        tail=command["tail"],
        cached=note,
    )
    return StageRun(outcome, report)


def _command_reason(command: Mapping[str, Any]) -> str:
    shown = " ".join(Path(word).name if word.startswith("/") else word for word in command["command"])
    if command["timed_out"]:
        return f"`{shown}` ran out of time after {command['duration']:.0f} s"
    last = last_words(command["tail"])
    said = f": {last}{_advice(last)}" if last else ""
    return f"`{shown}` {ending(command['exit_status'])}{said}"


def _advice(last: str) -> str:
    """What to do about a last line that many projects meet first."""
    if last.startswith("ModuleNotFoundError: "):
        return " (a package of others belongs into the lock file, one of the project below its root or src)"
    if last.startswith("ImportError: ") and "pyarrow" in last:
        return " (pyarrow belongs into the lock file: a predictor is given Parquet where the data is no CSV)"
    return ""


def last_words(lines: list[str]) -> str:
    """What a command said last: of a traceback the error with all of its own lines, if they are few."""
    starts = [place for place, line in enumerate(lines) if line == _TRACEBACK]
    after = lines[starts[-1] + 1 :] if starts else []
    error = list(itertools.dropwhile(lambda line: line.startswith(" ") or not line.strip(), after))
    words = [line.strip() for line in error if line.strip()]
    if not 1 < len(words) <= _ERROR_LINES:
        return _last_line(lines) if len(words) < 2 else f"{words[0]} ... {words[-1]}"
    return " ".join(words)


def _last_line(lines: list[str]) -> str:
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
