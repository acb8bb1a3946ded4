"""The verdict as plain text: what a terminal, a CI log and ``dagger call`` show."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator

from ml_stages.conclude import Results
from ml_stages.evaluation.metrics_report import MetricsReport
from ml_stages.gather import report_of
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.report.numbers import duration
from ml_stages.report.plain import one_line
from ml_stages.report.summary import headline, metric_rows
from ml_stages.verdict import GateResult, Verdict

MARKS = {
    "passed": "✓",
    "failed": "✗",
    "inconclusive": "?",
    "skipped": "-",
    "error": "!",
    "partial": "-",
}
_TAIL_LINES = 12
_LONG_MESSAGE = 200
"""Characters of a gate's message that are shown where all of it stands among the causes."""
_LONG_NAME = 40
"""Characters of a name above which the other lines are not set apart for it."""


def verdict_text(verdict: Verdict, results: Results) -> str:
    """Gates, notes, metrics, the last lines of what ended badly, and the verdict with its causes last."""
    width = max((min(len(gate.name), _LONG_NAME) for gate in verdict.gates), default=0)
    blocks = [
        [_gate_line(gate, width, verdict.causes) for gate in verdict.gates],
        [f"{stage.name}: {one_line(note)}" for stage in verdict.stages for note in stage.notes],
        _metrics(report_of(results, "evaluate", MetricsReport)),
        [line for stage in verdict.stages for line in _log_tail(stage)],
        [_last_word(verdict), *(f"  {one_line(cause)}" for cause in verdict.causes)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def stage_line(outcome: StageOutcome) -> str:
    """One line for a stage that ended: mark, name, time, and why it ran, was found or did not pass."""
    head = f"{MARKS[outcome.status]} {outcome.name:<14} {duration(outcome.duration):>9}"
    return f"{head}  {one_line(stage_note(outcome))}".rstrip()


def stage_note(outcome: StageOutcome) -> str:
    """Why a stage ended as it did, or why it ran."""
    if outcome.reason or outcome.cached is None:
        return outcome.reason
    return f"found in the cache: {outcome.cached.reason}" if outcome.cached.hit else outcome.cached.reason


def _last_word(verdict: Verdict) -> str:
    took = duration(verdict.duration)
    return (
        f"{MARKS[verdict.status]} {verdict.name}: {verdict.status} in {took}. {one_line(headline(verdict))}"
    )


def _gate_line(gate: GateResult, width: int, causes: Collection[str]) -> str:
    advisory = "" if gate.required else " (advisory)"
    name, message = one_line(gate.name), one_line(gate.message)
    if f"{gate.name}: {gate.message}" in causes and len(message) > _LONG_MESSAGE:
        message = f"{message[:_LONG_MESSAGE].rstrip()} ... (whole at the end)"
    return f"{MARKS[gate.status]} {name:<{width}}  {gate.status}{advisory}: {message}"


def _metrics(report: MetricsReport | None) -> list[str]:
    """What was measured, in columns, whether a gate asks for it or not."""
    if report is None or not report.metrics:
        return []
    rows = [(one_line(name), value, change) for name, value, change in metric_rows(report)]
    first = max(min(len(name), _LONG_NAME) for name, _, _ in rows)
    second = max(len(value) for _, value, _ in rows)
    against = " and the difference to the baseline" if report.comparisons else ""
    return [
        f"metrics{against}, on {report.counted}:",
        *(f"  {name:<{first}}  {value:<{second}}  {change}".rstrip() for name, value, change in rows),
    ]


def _log_tail(stage: StageOutcome) -> Iterator[str]:
    if stage.status in (StageStatus.FAILED, StageStatus.ERROR) and stage.tail:
        yield f"the last lines of {stage.name}:"
        yield textwrap.indent("\n".join(stage.tail[-_TAIL_LINES:]), "  | ")
