"""``report.html``: one self-contained page with everything that was tested, for a reviewer or an auditor."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from typing import Any

from ml_stages.conclude import Results
from ml_stages.config.drift import Severity
from ml_stages.drift.report import DriftReport
from ml_stages.evaluation.metrics_report import Comparison, Metric, MetricsReport
from ml_stages.evidence import AuditReport, DataReport, LintReport
from ml_stages.gather import report_of
from ml_stages.outcome import StageOutcome
from ml_stages.report.markup import badge, interval, name, section, table
from ml_stages.report.mistakes import mistakes
from ml_stages.report.numbers import duration, number
from ml_stages.report.plots import gate_plot, interval_plot
from ml_stages.report.style import STYLE
from ml_stages.report.summary import count_text, headline, note_rows, ordered
from ml_stages.report.text import stage_note
from ml_stages.serving.probing.probe_report import ProbeReport
from ml_stages.verdict import Verdict

_UNDIRECTED = ("selection_rate",)
"""Metrics of which neither more nor less is better."""


def report_html(verdict: Verdict, results: Results) -> str:
    """The page; it loads nothing from anywhere, and shows every text of the project escaped."""
    sections = [
        _head(verdict),
        section(f"Gates: {count_text(verdict.gates)}", _gates(verdict)) if verdict.gates else "",
        _notes(verdict.stages),
        _metrics(results),
        mistakes(report_of(results, "evaluate", MetricsReport)),
        _slices(results),
        _findings("Data", report_of(results, "data-validate", DataReport)),
        _drift(results),
        _findings("Lint", report_of(results, "lint", LintReport)),
        _findings("Audit", report_of(results, "audit", AuditReport)),
        _ignored(report_of(results, "audit", AuditReport)),
        _probe(results),
        section("Stages", _stages(verdict.stages)),
        section("Lineage", _lineage(verdict)),
    ]
    title = escape(f"{verdict.name}: {verdict.status}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head>\n<body><main>\n{''.join(sections)}</main></body></html>\n"
    )


def _head(verdict: Verdict) -> str:
    causes = "".join(f"<li>{escape(cause)}</li>" for cause in verdict.causes)
    return (
        f'<header class="{verdict.status}"><h1>{escape(verdict.name)} {badge(verdict.status)}</h1>'
        f"<p>{escape(headline(verdict))}</p>"
        f"{f'<ul>{causes}</ul>' if causes else ''}"
        f"<p class=quiet>{escape(_day(verdict.started))}, took {duration(verdict.duration)}</p></header>\n"
    )


def _day(started: str) -> str:
    """A time as people write it: `2026-11-21 23:59 UTC`."""
    return f"{datetime.fromisoformat(started).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _gates(verdict: Verdict) -> str:
    rows = [
        (
            badge(gate.status),
            name(f"{gate.name}{'' if gate.required else ' (advisory)'}"),
            gate_plot(gate),
            escape(gate.message),
        )
        for gate in ordered(verdict.gates)
    ]
    legend = '<p class="quiet">The bar is the interval, the mark what was observed, the band what passes.</p>'
    plotted = any(plot for _, _, plot, _ in rows)
    return table(("status", "gate", "interval" if plotted else "", "what was seen"), rows) + legend * plotted


def _notes(stages: Iterable[StageOutcome]) -> str:
    """What the numbers do not show, before them."""
    rows = [(escape(name), escape(note)) for name, note in note_rows(stages)]
    return section("Notes", table(("stage", "what to know"), rows)) if rows else ""


def _metrics(results: Results) -> str:
    report = report_of(results, "evaluate", MetricsReport)
    if report is None:
        return ""
    compared = {comparison.metric: comparison for comparison in report.comparisons}
    rows = [_metric_row(metric, compared.get(metric.name)) for metric in report.metrics]
    confidence = next((f"{metric.confidence:.0%} " for metric in report.metrics), "")
    against = f"minus the baseline ({confidence}interval)" if compared else ""
    scale = "from 0 to 1" if any(row[2] for row in rows) else ""
    head = ("metric", f"value ({confidence}interval)", scale, against, "method")
    return section(f"Metrics on {report.counted}", table(head, rows, "numbers"))


def _metric_row(metric: Metric, comparison: Comparison | None) -> tuple[str, ...]:
    difference = "" if comparison is None else _difference(comparison)
    method = "; ".join(part for part in (metric.method, metric.note) if part)
    better = "" if metric.name in _UNDIRECTED else "higher" if metric.greater_is_better else "lower"
    return (
        name(metric.name) + (f"<small>{better} is better</small>" if better else ""),
        interval(metric.value, metric.lower, metric.upper),
        interval_plot(metric.value, metric.lower, metric.upper),
        difference,
        escape(method),
    )


def _difference(comparison: Comparison) -> str:
    return interval(comparison.difference, comparison.lower, comparison.upper, signed=True)


def _slices(results: Results) -> str:
    report = report_of(results, "evaluate", MetricsReport)
    if report is None or not report.slices:
        return ""
    names = list(dict.fromkeys(metric.name for found in report.slices for metric in found.metrics))
    rows = []
    for found in report.slices:
        values = {metric.name: metric for metric in found.metrics}
        where = ", ".join(f"{column} = {value}" for column, value in found.where.items())
        cells = (
            interval(values[name].value, values[name].lower, values[name].upper) if name in values else ""
            for name in names
        )
        note = f"<small>{escape(found.note)}</small>" if found.note else ""
        rows.append((name(where) + note, f"{found.rows:,}", *cells))
    return section(f"Slices: {len(rows):,}", table(("slice", "rows", *map(escape, names)), rows, "numbers"))


def _findings(title: str, report: DataReport | LintReport | AuditReport | None) -> str:
    if report is None or not report.findings:
        return ""
    rows = (
        (
            escape(finding.severity),
            escape(finding.rule),
            escape(finding.place),
            escape(finding.message) + _examples(finding.examples),
        )
        for finding in report.findings
    )
    return section(f"{title} findings", table(("severity", "rule", "where", "what"), rows))


def _examples(examples: list[Any]) -> str:
    """Values or rows that a finding is about, beneath what it says."""
    shown = (
        ", ".join(f"{column} = {value}" for column, value in one.items())
        if isinstance(one, dict)
        else str(one)
        for one in examples
    )
    return f"<br><small>for example {escape('; '.join(shown))}</small>" if examples else ""


def _drift(results: Results) -> str:
    report = report_of(results, "data-drift", DriftReport)
    if report is None:
        return ""
    rows: list[tuple[str, str, str, str]] = [
        (escape(column.severity), column.part, escape(column.column), escape(column.message))
        for column in sorted(report.columns, key=lambda column: -column.severity.rank)
        if column.severity is not Severity.NONE
    ]
    rows += [("not compared", "", escape(column), escape(why)) for column, why in report.uncompared]
    rows += [("not compared", part, "", escape(why)) for part, why in report.absent.items()]
    title = f"Drift: {report.severity} in {len(report.columns)} columns beside the baseline's data"
    return section(title, table(("severity", "part", "column", "what"), rows) if rows else "")


def _ignored(report: AuditReport | None) -> str:
    if report is None or not report.ignored:
        return ""
    rows = (
        (
            escape(one.finding.rule),
            escape(one.finding.message),
            escape(one.reason),
            "" if one.until is None else str(one.until),
        )
        for one in report.ignored
    )
    return section("Audit findings that do not count", table(("rule", "what", "why not", "until"), rows))


def _probe(results: Results) -> str:
    report = report_of(results, "probe", ProbeReport)
    if report is None:
        return ""
    checks = ((badge(check.status), escape(check.name), escape(check.message)) for check in report.checks)
    times = {
        "cold start": report.cold_start,
        "p50": report.latency_p50,
        "p95": report.latency_p95,
        "p99": report.latency_p99,
    }
    shown = ", ".join(
        f"{name} {seconds * 1000:.1f} ms" for name, seconds in times.items() if seconds is not None
    )
    body = table(("status", "check", "what was seen"), checks)
    return section(
        "The model as it is served", f"{body}<p class=quiet>{report.requests:,} requests; {shown}</p>"
    )


def _stages(stages: Iterable[StageOutcome]) -> str:
    rows = (
        (
            badge(stage.status),
            escape(stage.name),
            duration(stage.duration),
            escape(stage_note(stage)) + _tail(stage),
        )
        for stage in stages
    )
    return table(("status", "stage", "time", "note"), rows)


def _tail(stage: StageOutcome) -> str:
    lines = escape("\n".join(stage.tail))
    return f"<details><summary>last lines of its log</summary><pre>{lines}</pre></details>" if lines else ""


def _lineage(verdict: Verdict) -> str:
    known = verdict.lineage.model_dump(exclude_none=True).items()
    rows = (
        (escape(name.replace("_", " ")), f"<code>{escape(number(value))}</code>") for name, value in known
    )
    return table(("what", "digest or name"), rows)
