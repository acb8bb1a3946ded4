"""`robustness`: the predictor survives bad rows, and noise changes little."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ml_stages.behaviour.part import Part
from ml_stages.gates.behaviour import BehaviourGate


class Robustness(BehaviourGate):
    """The predictor answers rows with noise, with missing values and with values out of range.

    With `noise`, every number gets a normal error of that share of its column's standard deviation
    (kept inside the configured range), and at most a share `max` of the predictions may change (a
    number by more than `tolerance`). With `missing`, that share of the cells is emptied in columns that may
    be null, since the server refuses a null in others; with `outside`, every number lies that many ranges
    beyond the largest one and every text is one that never occurred: there the predictor must answer,
    whatever it answers. A predictor that raises, or gives NaN, fails. A change that leaves every row as it
    is counts as not judged, and says so; where none changes any, the gate is inconclusive.

    Null hypothesis: noise changes more than a share `max` of the predictions.

    Source: Clopper and Pearson, Biometrika 26:404 (1934), for the share; with `evaluation.cluster` by its
    groups.

    Assumes: rows (or the groups of `evaluation.cluster`) are independent;
    noise of this size is what the real data has, and is normal.

    Limits: random changes, not the worst ones; for attacks use tools made for that.
    """

    kind: Literal["robustness"]
    max: float = Field(default=0.1, ge=0, lt=1)
    """Largest share of predictions that noise may change."""
    noise: float = Field(default=0.05, ge=0)
    """Standard deviation of the noise, as a share of the column's; 0 for none."""
    missing: float = Field(default=0.1, ge=0, le=1)
    """Share of cells that are emptied, in columns that may be null; 0 for none."""
    outside: float = Field(default=10.0, ge=0)
    """How many ranges beyond the largest value numbers lie; 0 for none."""
    tolerance: float = Field(default=0.0, ge=0)
    """Change of a predicted number (regression, ranking) that counts as none, besides rounding."""

    @model_validator(mode="after")
    def _changes_something(self) -> Robustness:
        if not (self.noise or self.missing or self.outside):
            raise ValueError("nothing is changed: set `noise`, `missing` or `outside` above 0")
        return self

    def default_name(self) -> str:
        return "robustness"

    def rule(self) -> str:
        return "an answer to every row, and the same one under noise"

    def parts(self) -> list[Part]:
        noise = Part(
            gate=self.label,
            variant=f"noise of {self.noise:g} standard deviations",
            operation="noise",
            value=self.noise,
            tolerance=self.tolerance,
            rows=self.rows,
        )
        changes = {
            "missing": f"{self.missing:.0%} of the cells missing",
            "outside": f"values {self.outside:g} ranges out of range",
        }
        parts = [
            noise.model_copy(
                update={"variant": text, "operation": name, "value": getattr(self, name), "expects": "any"}
            )
            for name, text in changes.items()
        ]
        return [part for part in (noise, *parts) if part.value]
