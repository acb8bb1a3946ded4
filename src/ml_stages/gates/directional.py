"""`directional`: a change moves the prediction the right way."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ml_stages.behaviour.part import Part
from ml_stages.config.data import Value
from ml_stages.config.sections import EvaluationConfig
from ml_stages.gates.behaviour import BehaviourGate


class Directional(BehaviourGate):
    """With more (or less) of a column the prediction does not move the wrong way.

    Every row of the holdout (or `rows` of them) is predicted with the column moved by `add` or
    `multiply`; all else stays. The probability of the class `of`, or a predicted number, must not move
    against `moves` by more than `tolerance`; not moving at all is allowed, and the message says where
    nothing moved. A step that changes no row is inconclusive. Ribeiro, Wu, Guestrin and
    Singh, ACL 2020.

    Null hypothesis: more than a share `max` of the predictions move the wrong way.

    Source: Ribeiro, Wu, Guestrin and Singh, ACL 2020; Clopper and Pearson's interval for the share,
    with `evaluation.cluster` that of its groups.

    Assumes: rows (or the groups of `evaluation.cluster`) are independent;
    the moved value is one that could occur, and the rule holds with all else equal.

    Limits: one step of one size; a model may turn beyond it.
    """

    kind: Literal["directional"]
    column: str
    """A numeric feature of the model."""
    add: float | None = None
    """What is added to it."""
    multiply: float | None = None
    """What it is multiplied by."""
    moves: Literal["up", "down"]
    """Where the prediction may go."""
    of: Value | None = None
    """The class whose probability is looked at; by default the positive one of two."""
    tolerance: float = Field(default=0.0, ge=0)
    """How far the wrong way counts as not at all, besides rounding."""

    @model_validator(mode="after")
    def _moves_one_way(self) -> Directional:
        if (self.add is None) == (self.multiply is None):
            raise ValueError("a directional gate needs either `add` or `multiply`")
        if self.add == 0 or self.multiply == 1:
            raise ValueError(f"{self._change()} changes nothing: every model would pass")
        return self

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:  # noqa: ARG002 - an interface
        if task == "multilabel":
            return "directional is for probabilities, numbers and scores; the task is multilabel"
        of_class = self.of is not None and task != "classification"
        return f"`of` names a class; the task is {task}" if of_class else ""

    def default_name(self) -> str:
        return f"directional-{self.column}-{self.moves}"

    def rule(self) -> str:
        return f"no prediction to go {'down' if self.moves == 'up' else 'up'} with {self._change()}"

    def _change(self) -> str:
        return (
            f"{self.column} {self.add:+g}" if self.add is not None else f"{self.column} x {self.multiply:g}"
        )

    def parts(self) -> list[Part]:
        return [
            Part(
                gate=self.label,
                variant=self._change(),
                operation="multiply" if self.add is None else "add",
                column=self.column,
                value=self.multiply if self.add is None else self.add,
                expects="increase" if self.moves == "up" else "decrease",
                tolerance=self.tolerance,
                of=None if self.of is None else str(self.of),
                rows=self.rows,
            )
        ]
