"""``summary.md``: the verdict on one page, for a job summary or a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterable

from ml_stages.conclude import Results
from ml_stages.evaluation.metrics_report import Comparison, Metric, MetricsReport
from ml_stages.gates.gate import GateStatus
from ml_stages.gather import report_of
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.report.numbers import duration, listed, number, with_interval
from ml_stages.report.plain import one_line
from ml_stages.verdict import GateResult, Verdict, VerdictStatus

SIGNS = {
    "passed": "✅",
    "failed": "❌",
    "inconclusive": "❔",
    "skipped": "⏭️",
    "error": "💥",
    "partial": "⏭️",
}
_SHOWN = 3
_ORDER = (
    GateStatus.FAILED,
    GateStatus.ERROR,
    GateStatus.INCONCLUSIVE,
    GateStatus.SKIPPED,
    GateStatus.PASSED,
)
_ENDED = {"failed": "failed", "error": "broke", "inconclusive": "is inconclusive"}
_BROKEN = (StageStatus.FAILED, StageStatus.ERROR)


def summary_markdown(verdict: Verdict, results: Results) -> str:
    """The Markdown text: status and causes first, then gates, metrics, stages and lineage."""
    parts = [
        f"# {SIGNS[verdict.status]} {verdict.name}: {verdict.status}",
        _head(verdict),
        _table(f"Gates: {count_text(verdict.gates)}", ("", "gate", "what was seen"), _gate_rows(verdict)),
        _table("Notes", ("stage", "what to know"), note_rows(verdict.stages)),
        _metrics(results),
        _table("Stages", ("", "stage", "time", "note"), map(_stage_row, verdict.stages)),
        _lineage(verdict),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(verdict: Verdict) -> str:
    """One sentence: what may happen with the model now."""
    if verdict.status is VerdictStatus.PARTIAL:
        return "Everything that was asked for passed; nothing is published from a partial run."
    if verdict.forced:
        return f"Published past its failed gates: {verdict.forced}"
    if verdict.should_deploy:
        return f"Every required gate passed; this model may go out.{_uncompared(verdict)}"
    return f"This model does not go out{_why(verdict)}."


def _uncompared(verdict: Verdict) -> str:
    if verdict.baseline_declined:
        return " It was compared with no baseline, as the run was told, though a version is published."
    return " It is the first: there was no baseline to compare with." if verdict.first_run else ""


def _why(verdict: Verdict) -> str:
    """Which gates and stages stand against it, each in two words."""
    if verdict.interrupted:
        return ": the run was interrupted"
    told = [f"{gate.name} {_ENDED[gate.status]}" for gate in ordered(verdict.gates) if blocks(gate)]
    told += [f"{stage.name} {_ENDED[stage.status]}" for stage in verdict.stages if stage.status in _BROKEN]
    return f": {listed(told, _SHOWN)}" if told else ""


def blocks(gate: GateResult) -> bool:
    """Whether a gate stands against the model by itself, and not for want of a stage that failed."""
    return gate.required and gate.status in _ORDER[:3]


def ordered(gates: Iterable[GateResult]) -> list[GateResult]:
    """What stands against the model first: failed, broken and undecided, those that block before others."""
    return sorted(gates, key=lambda gate: (_ORDER.index(gate.status), not gate.required))


def count_text(gates: Iterable[GateResult]) -> str:
    """How many gates ended how, the worst first: `1 failed, 58 passed`."""
    found = [gate.status for gate in gates]
    return ", ".join(f"{found.count(status)} {status}" for status in _ORDER if status in found)


def _head(verdict: Verdict) -> str:
    return "\n".join(
        [
            _cell(headline(verdict)),
            *([""] if verdict.causes else []),
            *(f"- {_cell(cause)}" for cause in verdict.causes),
        ]
    )


def _gate_rows(verdict: Verdict) -> Iterable[tuple[str, ...]]:
    for gate in ordered(verdict.gates):
        advisory = "" if gate.required else " (advisory)"
        yield SIGNS[gate.status], f"{gate.name}{advisory}", gate.message


def _metrics(results: Results) -> str:
    report = report_of(results, "evaluate", MetricsReport)
    if report is None:
        return ""
    title = f"Metrics on {report.counted}"
    head = ("metric", "value (interval)", "against the baseline (interval)")
    return _table(title, head, metric_rows(report))


def metric_rows(report: MetricsReport) -> list[tuple[str, str, str]]:
    """Each metric by name, its value, and its difference to the baseline's; empty where none is compared."""
    compared = {comparison.metric: _difference(comparison) for comparison in report.comparisons}
    return [
        (
            metric.name,
            with_interval(metric.value, metric.lower, metric.upper) + _unbounded(metric),
            compared.get(metric.name, ""),
        )
        for metric in report.metrics
    ]


def _unbounded(metric: Metric) -> str:
    """That a number stands alone: the page says why."""
    return "" if metric.value is None or metric.lower is not None else " (no interval)"


def _difference(comparison: Comparison) -> str:
    return with_interval(comparison.difference, comparison.lower, comparison.upper, signed=True)


def note_rows(stages: Iterable[StageOutcome]) -> Iterable[tuple[str, str]]:
    """What stages have to tell, each with its stage: what the numbers do not show."""
    return ((stage.name, note) for stage in stages for note in stage.notes)


def _stage_row(stage: StageOutcome) -> tuple[str, ...]:
    note = stage.reason
    if stage.cached is not None:
        found = "found in the cache" if stage.cached.hit else "ran"
        note = note or f"{found}: {stage.cached.reason}"
    return SIGNS[stage.status], stage.name, duration(stage.duration), note


def _lineage(verdict: Verdict) -> str:
    known = {name: value for name, value in verdict.lineage.model_dump().items() if value is not None}
    return _table(
        "Lineage", ("", ""), ((name.replace("_", " "), f"`{number(value)}`") for name, value in known.items())
    )


def _table(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"## {title}", "", f"| {' | '.join(head)} |", "|" + " --- |" * len(head), *lines])


def _cell(text: str) -> str:
    """Text of a project as it stands: no markup of its own, and on one line."""
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
