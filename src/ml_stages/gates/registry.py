"""Every kind of gate, one line each."""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from ml_stages.gates.audit import Audit
from ml_stages.gates.calibration import Calibration
from ml_stages.gates.churn import Churn
from ml_stages.gates.class_collapse import ClassCollapse
from ml_stages.gates.composed import All, AnyOf, Not
from ml_stages.gates.data_validation import DataValidation
from ml_stages.gates.directional import Directional
from ml_stages.gates.drift import Drift
from ml_stages.gates.fairness import Fairness
from ml_stages.gates.gate import GateConfig
from ml_stages.gates.golden import Golden
from ml_stages.gates.improvement import Improvement
from ml_stages.gates.invariance import Invariance
from ml_stages.gates.latency import Latency
from ml_stages.gates.lint import Lint
from ml_stages.gates.model_size import ModelSize
from ml_stages.gates.no_regression import NoRegression
from ml_stages.gates.no_significant_change import NoSignificantChange
from ml_stages.gates.output_schema import OutputSchema
from ml_stages.gates.overfit_gap import OverfitGap
from ml_stages.gates.probe import Probe
from ml_stages.gates.robustness import Robustness
from ml_stages.gates.sealed import Sealed
from ml_stages.gates.slice import Slice
from ml_stages.gates.test import Test
from ml_stages.gates.threshold import Threshold
from ml_stages.gates.throughput import Throughput
from ml_stages.gates.training_time import TrainingTime

Gate = Annotated[
    Lint
    | Test
    | Audit
    | DataValidation
    | Drift
    | Threshold
    | NoRegression
    | Improvement
    | NoSignificantChange
    | Slice
    | Fairness
    | Calibration
    | ClassCollapse
    | Churn
    | Sealed
    | ModelSize
    | TrainingTime
    | Latency
    | Probe
    | Directional
    | Golden
    | Invariance
    | OutputSchema
    | OverfitGap
    | Robustness
    | Throughput
    | All
    | AnyOf
    | Not,
    Field(discriminator="kind"),
]

STANDING_GATES = ("lint", "test", "audit", "data-validation", "probe")
"""Kinds that judge every run that has their stage, listed in the configuration or not."""


def _kind(gate: type[GateConfig]) -> str:
    kind: str = get_args(gate.model_fields["kind"].annotation)[0]
    return kind


GATES: dict[str, type[GateConfig]] = {_kind(gate): gate for gate in get_args(get_args(Gate)[0])}
"""Kind to class, read off the union."""
