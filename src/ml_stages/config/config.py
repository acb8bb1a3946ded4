"""The whole configuration of a project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from ml_stages.config.audit import AuditConfig
from ml_stages.config.data import DataConfig, is_later, split_digest
from ml_stages.config.drift import DriftConfig
from ml_stages.config.package import PackageConfig
from ml_stages.config.sealed import SealedConfig
from ml_stages.config.section import Section
from ml_stages.config.sections import (
    BaselineConfig,
    EnvironmentConfig,
    EvaluationConfig,
    FetchConfig,
    LintConfig,
    PredictorConfig,
    ProbeConfig,
    PublishConfig,
    SourceConfig,
    TestConfig,
    TrainConfig,
)
from ml_stages.config.timeouts import Timeouts
from ml_stages.evaluation.catalogue import BY_CONFIGURATION, fault, parameter
from ml_stages.gates.behaviour import behaviour_gates
from ml_stages.gates.composed import divisors_of, kinds_of, metrics_named
from ml_stages.gates.gate import GateConfig
from ml_stages.gates.registry import GATES, STANDING_GATES, Gate
from ml_stages.stages import SPLIT_KEYS


class JudgingConfig(Section):
    """The same table where predictions are judged and nothing else is run: most of it may be left out."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")] = "predictions"
    """Name of the model: lower case, as it may stand in an image's address."""
    task: Literal["classification", "regression", "multilabel", "ranking"]
    """What the label is: a class, a number, a set of labels written as `a|b` (multilabel), or how relevant a
    row is to its query (ranking, with `evaluation.query`)."""
    seed: int = Field(default=0, ge=0)
    """Seed handed to the training."""
    package: PackageConfig | None = None
    """What the project is when it is installed; by default what `[project]` of `pyproject.toml` says."""
    source: SourceConfig = SourceConfig()
    data: DataConfig
    fetch: FetchConfig | None = None
    """Where the data comes from when no data folder is given."""
    environment: EnvironmentConfig = EnvironmentConfig()
    lint: LintConfig = LintConfig()
    test: TestConfig = TestConfig()
    audit: AuditConfig | None = None
    """What is searched for; without this table only a run that asks for `audit` by name has the stage."""
    train: TrainConfig | None = None
    predictor: PredictorConfig | None = None
    baseline: BaselineConfig = BaselineConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    drift: DriftConfig = DriftConfig()
    sealed: SealedConfig | None = None
    probe: ProbeConfig = ProbeConfig()
    publish: PublishConfig | None = None
    """Where the host run publishes; without it nothing is published."""
    timeouts: Timeouts = Timeouts()
    gates: list[Gate] = Field(default=[])
    """The rules that a model must meet. Gates on lint, tests, audit, data and probe stand by themselves
    and are listed only to change them."""

    @field_validator("gates")
    @classmethod
    def _names_are_unique(cls, gates: list[Gate]) -> list[Gate]:
        asked = {id(gate): gate for gate in [*gates, *behaviour_gates(gates)]}
        labels = [gate.label for gate in asked.values()]
        if twice := sorted({label for label in labels if labels.count(label) > 1}):
            raise ValueError(f"two gates are called {twice[0]!r}: give one of them another `name`")
        return gates

    @field_validator("sealed", mode="before")
    @classmethod
    def _sealed_judges_classes(cls, value: object, others: ValidationInfo) -> object:
        task = others.data.get("task", "classification")
        if value is not None and task != "classification":
            raise ValueError(f"a sealed holdout judges classes: the task is {task}")
        return value

    @model_validator(mode="after")
    def _sealed_fits(self) -> Self:
        listed = any(gate.kind == "sealed" for gate in self.gates)
        if listed and self.sealed is None:
            raise ValueError("the gate `sealed` needs a section `sealed`, which says what is asked")
        if self.evaluation.label_noise and self.task != "classification":
            raise ValueError(f"evaluation.label_noise is a share of wrong classes: the task is {self.task}")
        if self.evaluation.golden and self.task not in ("classification", "regression"):
            raise ValueError(f"evaluation.golden is for classes and numbers: the task is {self.task}")
        if self.evaluation.cluster and self.sealed is not None:
            raise ValueError("a sealed holdout takes its rows as independent: leave evaluation.cluster out")
        if self.evaluation.label_noise and self.sealed is not None:
            raise ValueError("a sealed holdout takes its labels as right: leave evaluation.label_noise out")
        return self

    @model_validator(mode="after")
    def _metrics_are_known(self) -> Self:
        tasks = BY_CONFIGURATION[self.task]
        named = [name for gate in self.gates for name in metrics_named(gate)]
        own = {metric.name for metric in self.evaluation.own_metrics}
        if taken := [name for name in own if not fault(name, tasks)]:
            raise ValueError(f"evaluation.own_metrics: {taken[0]!r} is a metric already; choose another name")
        faults = [
            f"{place}: metric {wrong}"
            for place, name in self._names_of_metrics()
            if name not in own and (wrong := fault(name, tasks))
        ]
        if faults:
            raise ValueError("\n".join(faults))
        # What a gate judges must be measured: whole sets of metrics are, others where they are named.
        chosen = {*self.evaluation.metrics, *self.evaluation.more_metrics}
        lacking = [name for name in dict.fromkeys(named) if name not in chosen and self._is_asked_for(name)]
        if lacking:
            more = [*self.evaluation.more_metrics, *lacking]
            self.__dict__["evaluation"] = self.evaluation.model_copy(update={"more_metrics": more})
        if self.task == "ranking" and self.evaluation.query is None:
            raise ValueError(
                'task = "ranking" needs evaluation.query: the column whose rows are ranked together'
            )
        if own and self.task not in ("classification", "regression"):
            raise ValueError("evaluation.own_metrics are for classification and regression")
        return self

    def _names_of_metrics(self) -> Iterator[tuple[str, str]]:
        """Every metric that is named somewhere, after the key path of where."""
        for key in ("metrics", "more_metrics"):
            yield from ((f"evaluation.{key}", name) for name in getattr(self.evaluation, key))
        for place, gate in enumerate(self.gates):
            yield from ((f"gates[{place}]", name) for name in metrics_named(gate))

    @model_validator(mode="after")
    def _parts_have_their_intervals(self) -> Self:
        needed = sorted({*self.evaluation.stricter, *divisors_of(self.gates)})
        if needed != self.evaluation.stricter:
            self.__dict__["evaluation"] = self.evaluation.model_copy(update={"stricter": needed})
        return self

    @model_validator(mode="after")
    def _gates_can_be_judged(self) -> Self:
        faults = [
            f"gates[{place}] ({gate.label}): {why}"
            for place, gate in enumerate(self.gates)
            if (why := gate.misfit(self.task, self.evaluation) or self._unchangeable(gate))
        ]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def _unchangeable(self, gate: GateConfig) -> str:
        """Why a gate, or a part of it, cannot change its column: the predictor never sees it."""
        for part in behaviour_gates([gate]):
            column = getattr(part, "column", None)
            if column is not None and not self.data.is_feature(column):
                return f"the predictor does not see {column!r}: it is the label, a key or no feature"
        return ""

    def _is_asked_for(self, name: str) -> bool:
        own = {metric.name for metric in self.evaluation.own_metrics}
        return name not in own and (bool(self.evaluation.metrics) or parameter(name) is not None)

    def own_gates(self) -> list[GateConfig]:
        """The configured gates, and that of the sealed holdout where there is one."""
        if self.sealed is None or any(gate.kind == "sealed" for gate in self.gates):
            return list(self.gates)
        return [*self.gates, GATES["sealed"].model_validate({"kind": "sealed"})]


class Config(JudgingConfig):
    """`[tool.ml-pipeline]`: everything that the pipeline needs to know about a project."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    """Name of the model: lower case, as it may stand in an image's address."""
    train: TrainConfig
    predictor: PredictorConfig = PredictorConfig()

    @property
    def audits(self) -> bool:
        """Whether every run has the stage `audit`: its table is there, or a gate reads it."""
        return self.audit is not None or any("audit" in gate.reads for gate in self.gates)

    def all_gates(self) -> list[GateConfig]:
        """The configured gates, after the standing ones that the configuration does not change."""
        kinds = {gate.kind for gate in self.gates}
        standing = [
            GATES[kind].model_validate({"kind": kind}) for kind in STANDING_GATES if kind not in kinds
        ]
        return [*standing, *self.own_gates()]

    @property
    def compares_servers(self) -> bool:
        """Whether some gate needs the baseline's server beside the candidate's."""
        return any(gate.compares_servers for gate in self.gates)

    def wants(self, kinds: tuple[str, ...]) -> bool:
        """Whether a stage runs that serves gates of these kinds alone; of no kinds, every run has it."""
        return not kinds or bool({kind for gate in self.gates for kind in kinds_of(gate)} & set(kinds))

    def holds_out_after(self, split: str, since: str) -> bool:
        """Whether no row of the holdout trained a model of the split with this digest.

        That is so of the same split, and of one by time whose holdout began earlier, at ``since``.
        """
        tables, today = self.slice(SPLIT_KEYS), self.data.split.since
        if split_digest(**tables) == split:
            return True
        if today is None or self.evaluation.together or not is_later(today, since):
            return False
        tables["data"]["split"]["since"] = since
        return split_digest(**tables) == split

    def slice(self, keys: tuple[str, ...]) -> dict[str, Any]:
        """The named sections, or keys of them, as JSON values: what one stage may see and depend on."""
        include: dict[str, Any] = {}
        for section, _, key in (name.partition(".") for name in keys):
            include[section] = {*include.get(section, ()), key} if key else True
        found = self.model_dump(mode="json", include=include)
        if "gates" in include:
            # As they were written: some limits may be set beside some settings only, to whatever value.
            found["gates"] = [gate.model_dump(mode="json", exclude_unset=True) for gate in self.gates]
        return found
