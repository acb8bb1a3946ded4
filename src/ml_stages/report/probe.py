"""A probe of a running server as plain text."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.report.text import MARKS
from ml_stages.serving.probing.probe_report import LatencyQuantile, LoadReport, ProbeReport


def probe_text(report: ProbeReport) -> str:
    """A line a check, the latencies with their intervals, and the last word."""
    width = max((len(check.name) for check in report.checks), default=0)
    lines = [f"{MARKS[check.status]} {check.name:<{width}}  {check.message}" for check in report.checks]
    latencies = [_load_line(load) for load in report.load if load.quantiles]
    return "\n\n".join("\n".join(block) for block in (lines, latencies, [_last_word(report)]) if block)


def _load_line(load: LoadReport) -> str:
    quantiles = ", ".join(map(_quantile_text, load.quantiles))
    return f"{load.server}, {load.rate:.0f} requests a second for {load.seconds:g} s: {quantiles}"


def _quantile_text(one: LatencyQuantile) -> str:
    upper = "?" if one.upper is None else f"{one.upper * 1000:.3g}"
    lower = "?" if one.lower is None else f"{one.lower * 1000:.3g}"
    return f"p{one.share * 100:g} {one.seconds * 1000:.3g} ms ({lower} to {upper})"


def _last_word(report: ProbeReport) -> str:
    failed, skipped = ", ".join(_named(report, "failed")), ", ".join(_named(report, "skipped"))
    without = f", without {skipped}" if skipped else ""
    if failed:
        return f"✗ {report.subject}: failed {failed}{without}"
    count = sum(check.status == "passed" for check in report.checks)
    return f"✓ {report.subject}: {count} checks{without}, {report.requests} requests answered right"


def _named(report: ProbeReport, status: str) -> Iterator[str]:
    return (check.name for check in report.checks if check.status == status)
