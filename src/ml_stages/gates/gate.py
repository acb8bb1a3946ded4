"""What every gate is: a rule in the configuration that turns evidence into a result."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from ml_stages.config.section import Section
from ml_stages.config.sections import EvaluationConfig
from ml_stages.drift.report import DriftReport
from ml_stages.evaluation.metrics_report import MetricsReport
from ml_stages.evidence import (
    AuditReport,
    BehaveReport,
    DataReport,
    LintReport,
    PredictReport,
    TestReport,
    TrainReport,
)
from ml_stages.serving.probing.probe_report import ProbeReport


class GateStatus(StrEnum):
    """What a gate can say; only `passed` and an explicitly chosen `skipped` let a model through."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(frozen=True)
class Evidence:
    """The reports that exist, and why the others do not."""

    task: str = "classification"
    lint: LintReport | None = None
    test: TestReport | None = None
    audit: AuditReport | None = None
    data: DataReport | None = None
    train: TrainReport | None = None
    predict: PredictReport | None = None
    drift: DriftReport | None = None
    behaviour: BehaveReport | None = None
    metrics: MetricsReport | None = None
    probe: ProbeReport | None = None
    data_digest: str | None = None
    """Digest of the data when the run began; none for data that it fetched itself, or in an engine."""
    has_baseline: bool = False
    same_model: bool = False
    """Whether the baseline is the candidate itself: the same model and predictor code, to the byte."""
    is_declined: bool = False
    """Whether there is none because the run was told so, though a version is published."""
    first_run_allowed: bool = False
    family: int = 1
    """How many gates rest on chance and are judged beside each other."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Stage name to the reason why it has no report: `train failed`, `not run`."""

    @property
    def was_compared(self) -> bool:
        """Whether there is a baseline, and it answered."""
        return self.has_baseline and "baseline" not in self.missing

    def at(self, divisor: int) -> Evidence:
        """The same with intervals whose error is divided; :class:`Absent` where they were not computed."""
        if divisor == 1 or self.metrics is None:
            return self
        if divisor not in self.metrics.stricter:
            raise Absent(f"the evaluation has no intervals at 1/{divisor} of the error; run it again")
        return replace(self, metrics=self.metrics.stricter[divisor])


class Absent(Exception):  # noqa: N818 - it names what is the case, like StopIteration
    """A gate's evidence does not exist; never a pass."""

    def __init__(self, message: str, status: GateStatus = GateStatus.ERROR) -> None:
        super().__init__(message)
        self.status = status


class Judgement(BaseModel):
    """What a gate found, before name and requirement are added."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    status: GateStatus
    message: str
    """What was observed (with its interval), what was expected, and where it helps what to do."""
    observed: Any = None
    expected: Any = None
    interval: tuple[float, float] | None = None
    chance: float | None = None
    """One-sided p-value against the limit being kept: how surprising the evidence of harm is. ``None``
    where the result rests on no chance, as a count of findings does."""
    skips: bool = False
    """Whether a part of it was skipped, for which others may have decided."""
    harm: str = "the limit is not kept"
    """What a failure proves, as it stands after "that", and in which direction."""


class GateConfig(Section):
    """What every gate's table has."""

    name: str = ""
    """Name in reports; by default made from the kind and what it looks at."""
    required: bool = True
    """Whether a result other than a pass blocks the release; an advisory gate only reports."""

    @property
    def label(self) -> str:
        """The name under which the gate is reported."""
        return self.name or self.default_name()

    @abstractmethod
    def default_name(self) -> str:
        """A name that tells this gate from others of its kind."""

    @property
    @abstractmethod
    def reads(self) -> tuple[str, ...]:
        """Stages whose reports the gate needs."""

    @property
    def compares_servers(self) -> bool:
        """Whether the probe must put the baseline's server under the same load."""
        return False

    @property
    def is_estimate(self) -> bool:
        """Whether an interval of the evaluation decides, so that chance can make the result wrong."""
        return False

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:  # noqa: ARG002 - an interface
        """Why no report can ever hold what the gate asks for; empty where one can."""
        return ""

    @abstractmethod
    def judge(self, evidence: Evidence) -> Judgement:
        """Judge; raises :class:`Absent` when what it needs does not exist."""


def no_classes(kind: str, task: str) -> str:
    """The misfit of a gate that is about classes."""
    return "" if task == "classification" else f"{kind} is for classes; the task is {task}"


def no_slice(columns: Iterable[str], evaluation: EvaluationConfig) -> str:
    """The misfit of a gate on slices by columns that are not sliced."""
    wanted = set(columns)
    known = [{column} for column in evaluation.slices] + [set(group) for group in evaluation.crossed]
    if wanted in known:
        return ""
    setting = "evaluation.slices" if len(wanted) == 1 else "evaluation.crossed"
    return f"there are no slices by {' and '.join(sorted(wanted))}; list them in {setting}"


R = TypeVar("R")


def need(report: R | None, stage: str, evidence: Evidence) -> R:
    """The report, or :class:`Absent` with the reason why there is none."""
    if report is not None:
        return report
    reason = evidence.missing.get(stage, f"{stage} has no report")
    status = GateStatus.SKIPPED if stage in evidence.missing else GateStatus.ERROR
    raise Absent(f"not judged: {reason}", status)
