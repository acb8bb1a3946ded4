"""`latency`: the served model answers fast enough, by itself or beside the baseline."""

from __future__ import annotations

from math import ceil, log
from typing import Literal

from pydantic import Field, model_validator

from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need
from ml_stages.gates.limits import every
from ml_stages.gates.model_metric import no_baseline, percent
from ml_stages.report.numbers import exact, number
from ml_stages.serving.probing.probe_report import LatencyQuantile, LatencyRatio, LoadReport, ProbeReport

_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class Latency(GateConfig):
    """A quantile of the requests takes at most `max_seconds`, or `max_ratio` times the baseline's.

    A request that is refused or not answered took longer than any that is. Measured by the probe on the
    machine that runs the pipeline, under its load: a limit in seconds that is far from the usual value tells
    more than a tight one. A ratio is measured on both servers in turns under the same load, so that a slower
    machine slows both. An interval on both sides of the limit, or none for lack of requests, is inconclusive.

    Source: order statistics for the quantiles' intervals; open loads as by Schroeder, Wierman and
    Harchol-Balter, NSDI 2006.

    Null hypothesis: the quantile, or its ratio to the baseline's, lies above the limit.

    Assumes: the machine does nothing else meanwhile, or as much of it for both servers.

    Limits: says nothing about other machines or larger requests.
    """

    kind: Literal["latency"]
    quantile: Literal["p50", "p95", "p99", "cold-start"] = "p95"
    """What is judged: a quantile of the requests, or the time from start to the first answer."""
    max_seconds: float | None = Field(default=None, gt=0)
    """Most seconds that it may take."""
    max_ratio: float | None = Field(default=None, gt=0)
    """Most times the baseline's quantile, e.g. 1.2; makes the probe start the baseline's server too."""

    @model_validator(mode="after")
    def _has_a_limit(self) -> Latency:
        if self.max_seconds is None and self.max_ratio is None:
            raise ValueError("a limit is missing: set max_seconds, max_ratio or both")
        if self.max_ratio is not None and self.quantile == "cold-start":
            raise ValueError("max_ratio is for p50, p95 and p99: a start is measured once, without interval")
        return self

    def default_name(self) -> str:
        return f"latency-{self.quantile}"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("probe",)

    @property
    def compares_servers(self) -> bool:
        return self.max_ratio is not None

    def judge(self, evidence: Evidence) -> Judgement:
        report = need(evidence.probe, "probe", evidence)
        if self.max_ratio is None:
            return self._judge_seconds(report)
        if self.max_seconds is None:
            return self._judge_ratio(report, self.max_ratio, evidence)
        seconds = self._judge_seconds(report)
        try:
            ratio = self._judge_ratio(report, self.max_ratio, evidence)
        except Absent as absent:
            ratio = Judgement(status=absent.status, message=str(absent))
        status, message = every([seconds.status, ratio.status]), f"{seconds.message}; {ratio.message}"
        return seconds.model_copy(update={"status": status, "message": message})

    def _judge_seconds(self, report: ProbeReport) -> Judgement:
        most = self.max_seconds or 0.0
        if self.quantile == "cold-start":
            return _judge_start(report, most)
        found = _quantile(report, _SHARES[self.quantile])
        if found is None and (without := _unanswered(report)):
            message = f"{self.quantile} is without end: {without}; expected at most {_ms(most)} ms"
            return Judgement(status=GateStatus.FAILED, message=message, expected={"max_seconds": most})
        if found is None:
            raise Absent(f"the probe did not measure {self.quantile}; its checks say why")
        status = _settle(found.lower, found.upper, most)
        load = report.load[0]
        return Judgement(
            status=status,
            message=(
                f"{self.quantile} is {_ms(found.seconds)} ms{_interval(found)} over {load.requests:,}"
                f" requests; expected at most {_ms(most)} ms{_advice(status, found, load)}"
            ),
            observed=found.seconds,
            expected={"max_seconds": most},
            interval=None if found.lower is None or found.upper is None else (found.lower, found.upper),
        )

    def _judge_ratio(self, report: ProbeReport, most: float, evidence: Evidence) -> Judgement:
        if not evidence.has_baseline:
            raise no_baseline(evidence)
        expected = {"max_ratio": most}
        found = next((one for one in report.ratios if one.share == _SHARES[self.quantile]), None)
        if found is None:
            why = "; ".join(report.notes) or _unanswered(report) or _too_short(self.quantile)
            message = f"{self.quantile} was not compared with the baseline's: {why}"
            status = GateStatus.ERROR if report.notes else GateStatus.INCONCLUSIVE
            return Judgement(status=status, message=message, expected=expected)
        status, reason = _settle(found.lower, found.upper, most), ""
        if status is GateStatus.INCONCLUSIVE and evidence.same_model:
            status, reason = GateStatus.PASSED, ": undecided, and the baseline is the same model, to the byte"
        elif status is GateStatus.INCONCLUSIVE:
            reason = ": undecided; more seconds of load (probe.load) would make the interval narrower"
        return Judgement(
            status=status,
            message=f"{self.quantile} is {_ratio_text(found)}; expected at most {exact(most)} times{reason}",
            observed=found.ratio,
            expected=expected,
            interval=(found.lower, found.upper),
        )


def _judge_start(report: ProbeReport, most: float) -> Judgement:
    seconds = report.cold_start
    if seconds is None:
        raise Absent("the probe did not measure cold-start; its checks say why")
    return Judgement(
        status=GateStatus.PASSED if seconds <= most else GateStatus.FAILED,
        message=f"cold-start is {_ms(seconds)} ms; expected at most {_ms(most)} ms",
        observed=seconds,
        expected={"max_seconds": most},
    )


def _quantile(report: ProbeReport, share: float) -> LatencyQuantile | None:
    return next((one for load in report.load[:1] for one in load.quantiles if one.share == share), None)


def _unanswered(report: ProbeReport) -> str:
    """How many requests were refused or lost, where some were."""
    told = [
        f"{load.unanswered:,} of {load.requests:,} requests to the {load.server} were not answered 200"
        for load in report.load
        if load.unanswered
    ]
    return ", ".join(told)


def _settle(lower: float | None, upper: float | None, most: float) -> GateStatus:
    if upper is not None and upper <= most:
        return GateStatus.PASSED
    return GateStatus.FAILED if lower is not None and lower > most else GateStatus.INCONCLUSIVE


def _advice(status: GateStatus, found: LatencyQuantile, load: LoadReport) -> str:
    """How long the load would have to be for the quantile to have an upper end."""
    if status is not GateStatus.INCONCLUSIVE:
        return ""
    if found.upper is not None:
        return ": undecided; more seconds of load (probe.load) would make the interval narrower"
    if load.unanswered:
        return f": undecided, {load.unanswered:,} of them were not answered 200"
    needed = ceil(log((1 - found.confidence) / 2) / log(found.share))
    seconds = ceil(1.2 * needed / max(load.requests, 1) * load.seconds)
    return f": undecided, too few requests (needed are {needed}): set probe.load to about {seconds} seconds"


def _too_short(quantile: str) -> str:
    return f"the load was too short for {quantile}; raise probe.load"


def _interval(found: LatencyQuantile) -> str:
    ends = ["?" if end is None else _ms(end) for end in (found.lower, found.upper)]
    return f" ({percent(found.confidence)} interval {ends[0]} to {ends[1]})"


def _ratio_text(found: LatencyRatio) -> str:
    return (
        f"{found.ratio:.3g} times the baseline's ({percent(found.confidence)} interval {found.lower:.3g} to"
        f" {found.upper:.3g}, {found.rounds} pairs of turns)"
    )


def _ms(seconds: float) -> str:
    return number(seconds * 1000)
