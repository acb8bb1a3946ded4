"""`training-time`: training was fast enough."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.gates.gate import Evidence, GateConfig, GateStatus, Judgement, need
from ml_stages.report.numbers import exact


class TrainingTime(GateConfig):
    """Training took at most `max_seconds`, in the one run that was made; another may take longer."""

    kind: Literal["training-time"]
    max_seconds: float = Field(gt=0)
    """Most seconds of the training command."""

    def default_name(self) -> str:
        return "training-time"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("train",)

    def judge(self, evidence: Evidence) -> Judgement:
        run = need(evidence.train, "train", evidence).run
        passed = run.succeeded and run.duration <= self.max_seconds
        ended = "" if run.succeeded else ", and did not succeed"
        most = exact(self.max_seconds)
        return Judgement(
            status=GateStatus.PASSED if passed else GateStatus.FAILED,
            message=f"training took {run.duration:.1f} s{ended}; expected at most {most} s",
            observed=run.duration,
            expected={"max_seconds": self.max_seconds},
        )
