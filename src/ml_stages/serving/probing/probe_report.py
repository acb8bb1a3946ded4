"""What the probe of a running server saw: checks, load, latencies.

Durations are seconds, sizes bytes.
"""

from __future__ import annotations

from typing import Literal

from ml_stages.evidence import Report

MODEL_RAISED = "the model raised"
"""How the note begins that says what a server's log has of a failed model."""


class ProbeCheck(Report):
    name: str
    status: Literal["passed", "failed", "skipped"]
    message: str


class LatencyQuantile(Report):
    """A quantile of the latencies under load, in seconds, with its interval."""

    share: float
    seconds: float
    lower: float | None
    upper: float | None
    """``None`` where there are too few requests to tell."""
    confidence: float = 0.95


class LoadReport(Report):
    """A steady load of single rows, arriving at random times whether or not others were answered."""

    server: Literal["candidate", "baseline"] = "candidate"
    rate: float
    """Requests a second that were due."""
    seconds: float
    requests: int
    refused: int
    """Answered 429 or 503: too much at once."""
    lost: int
    """Not answered at all, or with another 5xx."""
    unanswered: int = 0
    """Not answered 200, for whatever reason: each counts as longer than any that was."""
    throughput: float
    """Requests a second that were answered 200."""
    quantiles: list[LatencyQuantile]
    memory_growth: float | None = None
    """Bytes by which the server's processes grew over the load."""
    generator_lag: float = 0.0
    """The longest that the load generator was behind its own schedule, in seconds."""


class LatencyRatio(Report):
    """A quantile of the candidate's latencies over the baseline's, under the same load in turns."""

    share: float
    ratio: float
    lower: float
    upper: float
    confidence: float = 0.95
    rounds: int
    """Pairs of turns; each gave one ratio, and the interval is that of their mean."""


class ProbeReport(Report):
    subject: str
    """Digest of the bundle or image that answered."""
    checks: list[ProbeCheck]
    cold_start: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None
    requests: int = 0
    load: list[LoadReport] = []
    """The candidate's, and the baseline's where it is compared, under the same load in turns."""
    ratios: list[LatencyRatio] = []
    """The candidate against the baseline, for the quantiles that the load was long enough for."""
    notes: list[str] = []
