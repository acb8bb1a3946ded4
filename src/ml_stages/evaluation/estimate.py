"""What an estimator returns: a number, its interval, and how it came about."""

from __future__ import annotations

from dataclasses import dataclass

from ml_stages.evaluation.metrics_report import Comparison, Metric


@dataclass(frozen=True)
class Estimate:
    """A value with its interval.

    ``value`` is ``None`` where the metric is undefined, ``lower`` and ``upper`` where no interval is
    honest; ``note`` says why.
    """

    value: float | None
    lower: float | None = None
    upper: float | None = None
    method: str = ""
    note: str = ""
    freedom: int | None = None
    """Degrees of freedom of an interval over groups of rows; of a mean over classes, rows of the smallest."""
    deviation: float | None = None
    """Standard error, where the interval is that and what is added for rare, large contributions."""

    def as_metric(self, name: str, confidence: float, rows: int, *, greater_is_better: bool) -> Metric:
        """The entry of a report."""
        return Metric(
            name=name,
            value=self.value,
            lower=self.lower,
            upper=self.upper,
            confidence=confidence,
            method=self.method,
            rows=rows,
            greater_is_better=greater_is_better,
            freedom=self.freedom,
            deviation=self.deviation,
            note=self.note,
        )


def undefined(reason: str) -> Estimate:
    """No value on these rows."""
    return Estimate(value=None, note=f"undefined: {reason}")


@dataclass(frozen=True)
class Difference:
    """Candidate minus baseline with its interval, and the rows on which they differ."""

    value: float
    lower: float | None = None
    upper: float | None = None
    method: str = ""
    discordant: int | None = None
    note: str = ""
    freedom: int | None = None
    """Degrees of freedom of an interval over groups of rows."""
    deviation: float | None = None
    """Standard error, where the interval is that and what is added for rare, large contributions."""


@dataclass(frozen=True)
class Judged:
    """Metrics of the candidate and, where there is a baseline, how it compares."""

    metrics: list[Metric]
    comparisons: list[Comparison]
