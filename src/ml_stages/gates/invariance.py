"""`invariance`: a change that must not matter does not."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.behaviour.part import Part
from ml_stages.config.data import Value
from ml_stages.gates.behaviour import BehaviourGate


class Invariance(BehaviourGate):
    """Whatever of `values` a column holds, the prediction stays the same.

    Every row of the holdout (or `rows` of them) is predicted once with each value; all else stays. A
    class must not change, a number by no more than `tolerance`. Rows that hold the value already are left
    out; where all do, the gate is inconclusive. That a model does not use a column
    directly does not mean that nothing else stands for it: see `fairness` for that. Ribeiro, Wu,
    Guestrin and Singh, ACL 2020.

    Null hypothesis: the predictions of more than a share `max` of the rows change.

    Source: Ribeiro, Wu, Guestrin and Singh, ACL 2020; Clopper and Pearson's interval for the share,
    with `evaluation.cluster` that of its groups.

    Assumes: rows (or the groups of `evaluation.cluster`) are independent;
    a row with another value is one that could occur.

    Limits: other columns may stand for the changed one; see `fairness`.
    """

    kind: Literal["invariance"]
    column: str
    """A feature of the model."""
    values: list[Value] = Field(min_length=1)
    """What it is set to."""
    tolerance: float = Field(default=0.0, ge=0)
    """Change of a predicted number (regression, ranking) that counts as none, besides rounding."""

    def default_name(self) -> str:
        return f"invariance-{self.column}"

    def rule(self) -> str:
        return f"the same prediction whatever {self.column} is"

    def parts(self) -> list[Part]:
        return [
            Part(
                gate=self.label,
                variant=f"{self.column} = {value}",
                operation="set",
                column=self.column,
                value=value,
                tolerance=self.tolerance,
                rows=self.rows,
            )
            for value in self.values
        ]
