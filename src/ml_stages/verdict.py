"""The verdict: what a run says about a model, decided from gates and stages alone.

The table of outcomes, first match wins:

==========================================================  =========  ==================  ===========
what happened                                               status     exit status         deploys
==========================================================  =========  ==================  ===========
the run was interrupted                                     `error`    130                 no
a required gate `failed`, or the project's own command did  `failed`   3                   if forced
a required gate or a stage ended in `error`                 `error`    1                   no
a required gate is `inconclusive`                           `failed`   3                   if forced
a required gate was not judged, by nobody's choice          `error`    1                   no
`--until` left stages out                                   `partial`  0                   no
else                                                        `passed`   0                   yes
==========================================================  =========  ==================  ===========

A forced run stays `failed` and exits with 3; `should_deploy` is true and `forced` holds the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticSerializationError

from ml_stages.config.docstrings import docstrings
from ml_stages.errors import ExitStatus
from ml_stages.gates.gate import GateStatus
from ml_stages.lineage import Lineage
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.report.plain import encodable
from ml_stages.stages import NAMES

SCHEMA_VERSION = "1.0"


class VerdictStatus(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    PARTIAL = "partial"


class GateResult(BaseModel):
    """One gate of a run, as it stands in the verdict."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="null")

    name: str
    kind: str
    required: bool
    status: GateStatus
    message: str
    observed: Any = None
    expected: Any = None
    interval: tuple[float, float] | None = None
    chosen: bool = False
    """Whether a `skipped` was chosen in the configuration (the first run without a baseline, no linter)."""
    skips: bool = False
    """Whether a part of a gate made of gates was skipped, for which others decided."""
    reads: tuple[str, ...] = ()
    """Stages whose reports it judged."""


def _described(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Put the docstrings of the keys into the schema: pydantic would read the source at every start."""
    for key, text in docstrings(model).items():
        schema["properties"][key]["description"] = text


class Verdict(BaseModel):
    """`verdict.json`: the one file that says whether a model may go out, and why."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="null", json_schema_extra=_described)

    schema_version: str = SCHEMA_VERSION
    name: str
    """Name of the model."""
    status: VerdictStatus
    should_deploy: bool
    """Whether the model may be published: every required gate passed, or the run was forced."""
    forced: str | None = None
    """The reason given to publish past a failed gate."""
    first_run: bool = False
    """Whether there was no baseline to compare with, by choice of the configuration."""
    baseline_declined: bool = False
    """Whether the run was told to compare with no baseline though a version is published."""
    interrupted: bool = False
    causes: list[str] = []
    """Why the status is not `passed`, one readable line each, the earliest stage first."""
    gates: list[GateResult]
    stages: list[StageOutcome]
    lineage: Lineage
    started: str
    """ISO 8601, UTC."""
    duration: float
    """Seconds."""

    def writable(self) -> Verdict:
        """The same verdict, in which names of files and arguments that are no text are written as one."""
        try:
            self.model_dump_json()
        except PydanticSerializationError:
            return Verdict.model_validate(encodable(self.model_dump()))
        return self

    @property
    def exit_status(self) -> ExitStatus:
        """What the command ends with."""
        if self.interrupted:
            return ExitStatus.INTERRUPTED
        return {
            VerdictStatus.PASSED: ExitStatus.PASSED,
            VerdictStatus.PARTIAL: ExitStatus.PASSED,
            VerdictStatus.FAILED: ExitStatus.FAILED,
            VerdictStatus.ERROR: ExitStatus.ERROR,
        }[self.status]


def decide(
    gates: Sequence[GateResult],
    stages: Sequence[StageOutcome],
    *,
    partial: bool = False,
    interrupted: bool = False,
) -> VerdictStatus:
    """The status that the table of outcomes gives."""
    required = {gate.status for gate in gates if gate.required and not gate.chosen}
    ended = {stage.status for stage in stages}
    if interrupted:
        return VerdictStatus.ERROR
    if GateStatus.FAILED in required or StageStatus.FAILED in ended:
        return VerdictStatus.FAILED
    if GateStatus.ERROR in required or StageStatus.ERROR in ended:
        return VerdictStatus.ERROR
    if GateStatus.INCONCLUSIVE in required:
        return VerdictStatus.FAILED
    if GateStatus.SKIPPED in required:
        return VerdictStatus.ERROR
    return VerdictStatus.PARTIAL if partial else VerdictStatus.PASSED


def may_deploy(status: VerdictStatus, stages: Iterable[StageOutcome], forced: str | None) -> bool:
    """Whether a model goes out: it passed, or it failed, was forced, and there is something to ship."""
    if status is VerdictStatus.PASSED:
        return True
    built = any(stage.name == "build-image" and stage.status is StageStatus.PASSED for stage in stages)
    return status is VerdictStatus.FAILED and forced is not None and built


def is_first(gates: Iterable[GateResult], *, has_baseline: bool) -> bool:
    """Whether gates were skipped since there was no baseline, as the configuration allows for a first run."""
    return not has_baseline and any(gate.chosen or gate.skips for gate in gates)


def explain(
    gates: Sequence[GateResult], stages: Sequence[StageOutcome], *, interrupted: bool = False
) -> list[str]:
    """Everything that stands against the model, the earliest stage first.

    What was skipped because of something else is no cause of its own.
    """
    blocking = [
        (max((NAMES.index(name) for name in gate.reads), default=0), f"{gate.name}: {gate.message}")
        for gate in gates
        if gate.required and not gate.chosen and gate.status not in (GateStatus.PASSED, GateStatus.SKIPPED)
    ]
    broken = [
        (NAMES.index(stage.name), f"{stage.name}: {stage.reason}")
        for stage in stages
        if stage.status in (StageStatus.FAILED, StageStatus.ERROR)
    ]
    ordered = [line for _, line in sorted(blocking + broken, key=lambda cause: cause[0])]
    return ["interrupted", *ordered] if interrupted else ordered
