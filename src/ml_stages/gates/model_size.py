"""`model-size`: the model's files are small enough."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.gates.gate import Evidence, GateConfig, GateStatus, Judgement, need


class ModelSize(GateConfig):
    """The files that training wrote take at most `max_bytes`; a count, so there is no interval."""

    kind: Literal["model-size"]
    max_bytes: int = Field(gt=0)
    """Most bytes of all model files together."""

    def default_name(self) -> str:
        return "model-size"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("train",)

    def judge(self, evidence: Evidence) -> Judgement:
        report = need(evidence.train, "train", evidence)
        fits = report.model_bytes <= self.max_bytes
        return Judgement(
            status=GateStatus.PASSED if fits else GateStatus.FAILED,
            message=(
                f"the model takes {report.model_bytes:,} bytes in {len(report.model_files):,} files; "
                f"expected at most {self.max_bytes:,}"
            ),
            observed=report.model_bytes,
            expected={"max_bytes": self.max_bytes},
        )
