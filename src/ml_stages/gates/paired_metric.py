"""What the gates share that compare the candidate with the baseline on the same rows."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from math import ceil
from statistics import NormalDist

from ml_stages.evaluation.metrics_report import Comparison
from ml_stages.gates.gate import Evidence, GateStatus, Judgement
from ml_stages.gates.model_metric import (
    MetricGate,
    find_comparison,
    interval_of,
    interval_text,
    noted,
)
from ml_stages.gates.multiple import Limits, chance_of
from ml_stages.report.numbers import counted, number

_POWER = 0.8
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class Gain:
    """A difference turned so that more is better, whatever the metric's direction."""

    value: float
    lower: float
    upper: float


def gain_of(comparison: Comparison) -> Gain | None:
    """The candidate's gain, or ``None`` where there is no value or no honest interval."""
    value, lower, upper = comparison.difference, comparison.lower, comparison.upper
    if value is None or lower is None or upper is None:
        return None
    return Gain(value, lower, upper) if comparison.greater_is_better else Gain(-value, -upper, -lower)


def gain_limits(comparison: Comparison, least: float) -> Limits:
    """The limits of the difference itself that a least gain means."""
    return (least, None) if comparison.greater_is_better else (None, -least)


def rows_needed(comparison: Comparison, half_width: float, distance: float, limits: int = 1) -> int:
    """Rows with which a model whose true gain lies ``distance`` from the limit passes 8 times in 10.

    With two ``limits``, one on each side at that distance, it must clear both of them. From the interval's
    width, which shrinks with the root of the rows, and from the planned distance; the observed difference
    has no part in it, since planning by it means testing until it fits.
    """
    normal = NormalDist()
    z = normal.inv_cdf(0.5 + comparison.confidence / 2)
    power = normal.inv_cdf(1 - (1 - _POWER) / limits)
    return ceil(comparison.rows * (1 + power / z) ** 2 * (half_width / distance) ** 2)


def rows_advice(
    comparison: Comparison, half_width: float, distance: float, planned: str, limits: int = 1
) -> str:
    """How many rows would let the model pass that the margin is planned for."""
    rows = rows_needed(comparison, half_width, distance, limits)
    if rows <= comparison.rows:
        return f"; with these {comparison.counted} {planned} would pass in 80 % of runs"
    there = f"there are {comparison.rows:,}"
    return (
        f"; about {counted(_rough(rows), comparison.unit)} would let {planned} pass in 80 % of runs ({there})"
    )


class PairedGate(MetricGate):
    """A gate that holds the candidate's gain over the baseline against a limit."""

    @abstractmethod
    def limit(self) -> float:
        """The gain that must be exceeded; negative for a loss that is acceptable."""

    @abstractmethod
    def asked(self) -> str:
        """What is expected, in words."""

    @abstractmethod
    def broken(self) -> str:
        """What a failure proves of the metric, in words."""

    @abstractmethod
    def plan(self) -> tuple[float, str] | None:
        """How far from the limit a candidate is planned to be, and that in words."""

    def judge(self, evidence: Evidence) -> Judgement:
        comparison = find_comparison(self.rows_judged(evidence), self.metric, evidence)
        gain = gain_of(comparison)
        wording = self._wording(comparison, gain)
        status, message = self.settle(self._status(gain), wording, comparison.difference)
        return Judgement(
            status=status,
            message=message,
            observed=comparison.difference,
            expected={"gain_above": self.limit(), "greater_is_better": comparison.greater_is_better},
            interval=interval_of(comparison.lower, comparison.upper),
            chance=chance_of(comparison, gain_limits(comparison, self.limit())),
            harm=f"{self.metric} {self.broken()}",
        )

    def _status(self, gain: Gain | None) -> GateStatus:
        if gain is None:
            return GateStatus.INCONCLUSIVE
        if gain.lower > self.limit():
            return GateStatus.PASSED
        return GateStatus.FAILED if gain.upper < self.limit() else GateStatus.INCONCLUSIVE

    def _wording(self, comparison: Comparison, gain: Gain | None) -> str:
        status = self._status(gain)
        verdict = {GateStatus.PASSED: "proven", GateStatus.FAILED: "disproven"}.get(status, "undecided")
        return (
            f"{observed_text(comparison)}; expected {self.asked()}: {verdict}"
            f"{noted(comparison.note)}{self._advice(comparison, gain, status)}"
        )

    def _advice(self, comparison: Comparison, gain: Gain | None, status: GateStatus) -> str:
        plan = self.plan()
        if status is not GateStatus.INCONCLUSIVE:
            return ""
        if gain is None:
            return "" if comparison.note else "; more rows are needed"
        if plan is None:
            return "; how many rows would settle it depends on the true gain"
        distance, planned = plan
        if distance < _NEGLIGIBLE:
            return "; no number of rows settles this for a model that is only as good: set a margin"
        return rows_advice(comparison, gain.value - gain.lower, distance, planned)


def _rough(rows: int) -> int:
    """Two digits: an estimate should not look exact."""
    unit: int = 10 ** max(len(str(rows)) - 2, 0)
    return -(-rows // unit) * unit


def _signed(difference: float) -> str:
    return f"{'+' if difference >= 0 else ''}{number(difference)}"


def observed_text(comparison: Comparison) -> str:
    """The difference with its interval, and what it is the difference of."""
    if comparison.difference is None:
        return f"{comparison.metric} cannot be compared on {comparison.counted}"
    kind = "higher is better" if comparison.greater_is_better else "lower is better"
    both = " and ".join(
        f"{side} {number(value)}"
        for side, value in (("candidate", comparison.candidate), ("baseline", comparison.baseline))
        if value is not None
    )
    differing = "" if comparison.discordant is None else f", {comparison.discordant:,} of them differ"
    return (
        f"{comparison.metric} ({kind}) changed by {_signed(comparison.difference)}"
        f"{interval_text(comparison.lower, comparison.upper, comparison.confidence)}: {both}, "
        f"{comparison.counted}{differing}"
    )
