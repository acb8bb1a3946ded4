"""`output-schema`: predictions are what the users of the model expect."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ml_stages.config.data import Value
from ml_stages.config.sections import EvaluationConfig
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need
from ml_stages.gates.limits import limits_text, need_order
from ml_stages.gates.model_metric import slice_text
from ml_stages.report.numbers import exact, number


class OutputSchema(GateConfig):
    """Every prediction of the holdout is a known class, or a number in its range.

    Classes are held against `classes`, by default those of the label; with `probabilities` each of them
    has a column of probabilities. Numbers are held against `min` and `max`. Empty, NaN and infinite
    predictions end the evaluation before. A count over the holdout: rows that it does not hold may be
    answered otherwise, and no null hypothesis is tested.
    """

    kind: Literal["output-schema"]
    classes: list[Value] = Field(default=[])
    """The classes that may be predicted; by default those that the holdout's labels have."""
    probabilities: bool = False
    """Whether every class must have a probability."""
    min: float | None = None
    """Smallest number that may be predicted (regression, ranking)."""
    max: float | None = None
    """Largest number that may be predicted (regression, ranking)."""

    @model_validator(mode="after")
    def _range_is_one(self) -> OutputSchema:
        need_order(self.min, self.max)
        return self

    def default_name(self) -> str:
        return "output-schema"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("evaluate",)

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:  # noqa: ARG002 - an interface
        if task == "multilabel":
            return "output-schema is for classes, numbers and scores; the task is multilabel"
        of_classes = {"classes": bool(self.classes), "probabilities": self.probabilities}
        of_numbers = {"min": self.min is not None, "max": self.max is not None}
        other = of_numbers if task == "classification" else of_classes
        idle = [name for name, is_set in other.items() if is_set]
        return f"{idle[0]} says nothing about predictions of {task}" if idle else ""

    def judge(self, evidence: Evidence) -> Judgement:
        report = need(evidence.metrics, "evaluate", evidence)
        if report.output is None:
            raise Absent("the report does not say what the predictions look like")
        labels = [found.label for found in report.classes]
        expected = [slice_text(name) for name in self.classes] or labels
        faults: list[str] = []
        if report.classes:
            faults += [f"{name!r} is predicted" for name in report.output.classes if name not in expected]
            if self.probabilities:
                lacking = [name for name in expected if name not in report.output.probabilities]
                faults += [f"{name!r} has no probability" for name in lacking]
        lowest, highest = report.output.lowest, report.output.highest
        if self.min is not None and lowest is not None and lowest < self.min:
            faults.append(f"{number(lowest)} is predicted, below {exact(self.min)}")
        if self.max is not None and highest is not None and highest > self.max:
            faults.append(f"{number(highest)} is predicted, above {exact(self.max)}")
        return Judgement(
            status=GateStatus.FAILED if faults else GateStatus.PASSED,
            message=("; ".join(faults) or f"all {report.rows:,} predictions are")
            + f"; expected {self._asked(expected)}",
            observed=report.output.classes or [lowest, highest],
            expected=expected or {"min": self.min, "max": self.max},
        )

    def _asked(self, classes: list[str]) -> str:
        if classes:
            return f"one of {', '.join(classes[:10])}{', ...' * (len(classes) > 10)}"
        return limits_text(self.min, self.max) or "a number"
