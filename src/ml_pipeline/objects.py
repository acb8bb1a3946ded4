"""The typed results that functions give to other functions, modules and people."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagger
from dagger import dag, field, function, object_type

from ml_stages.errors import ExitStatus, PipelineError

if TYPE_CHECKING:
    from ml_stages.verdict import Verdict


def end_with(status: ExitStatus, text: str) -> None:
    """Print the text and end the call with this exit status; a pass returns."""
    if status is not ExitStatus.PASSED:
        print(text, flush=True)  # noqa: T201 - what the caller sees of a failed call
        sys.exit(int(status))


@contextmanager
def clear_ending(before: str = "") -> Iterator[None]:
    """Turn an expected error into its message and exit status, after the text that came before it."""
    try:
        yield
    except PipelineError as error:
        message = f"ml-pipeline: {error}"
        end_with(error.status, f"{before}\n{message}" if before else message)
        raise


@object_type
class GateOutcome:
    """What one gate said."""

    name: str = field()
    """Name of the gate."""
    status: str = field()
    """`passed`, `failed`, `inconclusive`, `skipped` or `error`."""
    required: bool = field()
    """Whether anything but a pass blocks the release."""
    message: str = field()
    """What was observed, with its interval, and what was expected."""


@object_type
class StageResult:
    """How one stage of the pipeline ended, with its report."""

    name: str = field()
    """Name of the stage."""
    status: str = field()
    """`passed`, `failed`, `skipped` or `error`."""
    gates: list[GateOutcome] = field()
    """The gates that judge this stage's report."""
    report: dagger.File = field()
    """The stage's own report, as JSON."""
    exit_status: int = field()
    """0 passed, 1 the pipeline broke, 3 a gate or the project's own command said no."""
    summary: str = field()
    """What happened, as text."""

    @function(name="assert")
    def ensure(self) -> str:
        """End with the stage's exit status when it did not pass; else give the summary."""
        end_with(ExitStatus(self.exit_status), self.summary)
        return self.summary


@object_type
class Evaluation:
    """What the gates said that need no running model."""

    status: str = field()
    """`partial` when every gate passed, else `failed` or `error`."""
    gates: list[GateOutcome] = field()
    """Every gate that was judged."""
    metrics: dagger.File = field()
    """Metrics with their intervals, as JSON."""
    exit_status: int = field()
    """0 passed, 1 the pipeline broke, 3 a gate or the project's own command said no."""
    summary: str = field()
    """Gates and causes, as text."""

    @function(name="assert")
    def ensure(self) -> str:
        """End with the verdict's exit status when a required gate did not pass; else give the summary."""
        end_with(ExitStatus(self.exit_status), self.summary)
        return self.summary


def gate_outcomes(verdict: Verdict, stage: str | None = None) -> list[GateOutcome]:
    """The verdict's gates, or those that read one stage."""
    return [
        GateOutcome(name=gate.name, status=gate.status.value, required=gate.required, message=gate.message)
        for gate in verdict.gates
        if stage is None or stage in gate.reads
    ]


def stage_result(verdict: Verdict, text: str, stage: str, report: str | None) -> StageResult:
    """One stage of a run that went as far as it."""
    outcome = next(outcome for outcome in verdict.stages if outcome.name == stage)
    folder = dag.directory().with_new_file(f"{stage}.json", report or "null")
    return StageResult(
        name=stage,
        status=outcome.status.value,
        gates=gate_outcomes(verdict, stage),
        report=folder.file(f"{stage}.json"),
        exit_status=int(verdict.exit_status),
        summary=text,
    )


def evaluation(verdict: Verdict, text: str, metrics: str | None) -> Evaluation:
    """What a run up to the gates said."""
    folder = dag.directory().with_new_file("metrics.json", metrics or "null")
    return Evaluation(
        status=verdict.status.value,
        gates=gate_outcomes(verdict),
        metrics=folder.file("metrics.json"),
        exit_status=int(verdict.exit_status),
        summary=text,
    )
