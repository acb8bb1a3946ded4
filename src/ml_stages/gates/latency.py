"""`latency`: the served model answers fast enough."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need

_FEWEST = {"p50": 20, "p95": 100, "p99": 500, "cold-start": 0}


class Latency(GateConfig):
    """A quantile of the server's answers, or its start, takes at most `max_seconds`.

    Measured by the probe on the machine that runs the pipeline, under its load: a limit far from the
    usual value tells more than a tight one. With fewer than 5 answers beyond the quantile the
    number is too uncertain, and the result inconclusive.
    """

    kind: Literal["latency"]
    quantile: Literal["p50", "p95", "p99", "cold-start"] = "p95"
    """What is judged: a quantile of the answers, or the time from start to the first answer."""
    max_seconds: float = Field(gt=0)
    """Most seconds that it may take."""

    def default_name(self) -> str:
        return f"latency-{self.quantile}"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("probe",)

    def judge(self, evidence: Evidence) -> Judgement:
        report = need(evidence.probe, "probe", evidence)
        values = {
            "p50": report.latency_p50,
            "p95": report.latency_p95,
            "p99": report.latency_p99,
            "cold-start": report.cold_start,
        }
        seconds = values[self.quantile]
        if seconds is None:
            raise Absent(f"the probe did not measure {self.quantile}; its checks say why")
        return Judgement(
            status=self._status(seconds, report.requests),
            message=(
                f"{self.quantile} is {seconds * 1000:.1f} ms over {report.requests:,} requests; "
                f"expected at most {self.max_seconds * 1000:g} ms"
                + ("" if self._enough(report.requests) else self._too_few())
            ),
            observed=seconds,
            expected={"max_seconds": self.max_seconds},
        )

    def _status(self, seconds: float, requests: int) -> GateStatus:
        if not self._enough(requests):
            return GateStatus.INCONCLUSIVE
        return GateStatus.PASSED if seconds <= self.max_seconds else GateStatus.FAILED

    def _enough(self, requests: int) -> bool:
        return requests >= _FEWEST[self.quantile]

    def _too_few(self) -> str:
        return (
            f"; too few requests for {self.quantile} (needed are {_FEWEST[self.quantile]}): raise probe.rows"
        )
