"""`throughput`: the served model answers enough requests a second."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need
from ml_stages.report.numbers import exact


class Throughput(GateConfig):
    """Under the probe's load the server answers at least `min_per_second` requests.

    The load is open: requests come at random times at a set rate, whether or not others were answered
    (Schroeder, Wierman and Harchol-Balter, NSDI 2006). A rate below what is asked for, all answered,
    proves nothing: inconclusive. Measured on the machine that runs the pipeline, single rows.

    Null hypothesis: the server answers fewer.

    Assumes: the machine does nothing else meanwhile.

    Limits: single rows, one rate; says nothing about other machines.
    """

    kind: Literal["throughput"]
    min_per_second: float = Field(gt=0)
    """Fewest answers a second."""
    max_refused: float = Field(default=0.0, ge=0, lt=1)
    """Largest share of requests that may be refused (429, 503) or not answered."""

    def default_name(self) -> str:
        return "throughput"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("probe",)

    def judge(self, evidence: Evidence) -> Judgement:
        loads = [load for load in need(evidence.probe, "probe", evidence).load if load.server == "candidate"]
        if not loads:
            raise Absent("the probe put no load on the server; its checks say why")
        best = max(loads, key=lambda load: load.throughput)
        refused = max(best.refused + best.lost, best.unanswered) / max(best.requests, 1)
        return Judgement(
            status=self._status(best.throughput, best.rate, refused),
            message=(
                f"{best.throughput:.0f} answers a second at {best.rate:.0f} requests a second over "
                f"{best.seconds:.1f} s, {refused:.2%} refused or lost; "
                f"expected at least {exact(self.min_per_second)} a second, and at most "
                f"{self.max_refused:.2%} refused or lost"
                + ("; the load was too light to tell" if best.rate < self.min_per_second else "")
            ),
            observed=best.throughput,
            expected={"min_per_second": self.min_per_second, "max_refused": self.max_refused},
        )

    def _status(self, throughput: float, rate: float, refused: float) -> GateStatus:
        if refused > self.max_refused:
            return GateStatus.FAILED
        if throughput >= self.min_per_second:
            return GateStatus.PASSED
        # An open load of a rate brings that many requests only on average.
        return GateStatus.INCONCLUSIVE if rate < self.min_per_second else GateStatus.FAILED
