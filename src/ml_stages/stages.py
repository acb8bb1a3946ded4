"""The table of stages: the one place that says what the pipeline is.

The order is not written here: it follows from what each stage reads and writes
(:mod:`ml_stages.graph`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Environment(StrEnum):
    """Where a stage runs."""

    PROJECT = "project"
    """The project's own Python and pins; our wrapper there needs the standard library alone."""
    PIPELINE = "pipeline"
    """Our Python and our pins."""
    BASELINE = "baseline"
    """The environment that the baseline was published with."""
    CORE = "core"
    """The process that runs the pipeline: judging needs no data and no libraries."""


@dataclass(frozen=True)
class Stage:
    """One row of the table."""

    name: str
    environment: Environment
    module: str
    """What runs: a module with ``run(job)``, or a command of :mod:`ml_stages.wrapper`."""
    reads: tuple[str, ...]
    """Artifacts that it cannot do without."""
    writes: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    """Artifacts that it uses where they exist."""
    reports: tuple[str, ...] = ()
    """Stages whose reports it waits for, however they ended."""
    does: str = ""
    """What it is there for, in a few words."""
    config: tuple[str, ...] = ()
    """Sections of the configuration that it sees, or single keys of one (``evaluation.cluster``); an edit of
    any other does not run it again."""
    cacheable: bool = True
    gpu: bool = False
    gates: tuple[str, ...] = ()
    """Kinds of gates for which alone it runs; empty for a stage that every run has."""
    command_decides: bool = False
    """Whether the stage failed when the project's own command in it did."""


GIVEN = ("source", "code", "baseline-model", "ledger")
"""Artifacts that no stage makes: the source, the part of it that training and predictor read
(``train.inputs``), the baseline's bundle where there is one, and the ledger of the sealed holdout where
there is one."""

BEHAVIOUR = ("invariance", "directional", "robustness", "overfit-gap")
"""Kinds of gates that ask the predictor for more than the holdout."""

SPLIT_KEYS = ("data.key", "data.holdout", "data.split", "evaluation.cluster", "evaluation.query")
"""What of the configuration decides which rows are held out."""
_MEASURED = (
    "lint",
    "test",
    "audit",
    "data-validate",
    "split",
    "train",
    "predict",
    "perturb",
    "predict-perturbed",
    "baseline",
    "data-drift",
    "evaluate",
)

STAGES: tuple[Stage, ...] = (
    Stage(
        name="fetch-data",
        does="fetch the data by the project's own command",
        environment=Environment.PROJECT,
        module="fetch_data",
        reads=("source",),
        writes=("data",),
        config=("fetch", "package"),
        command_decides=True,
    ),
    Stage(
        name="lint",
        does="ruff and, where configured, mypy over the source",
        environment=Environment.PROJECT,
        module="lint",
        reads=("source",),
        config=("lint",),
    ),
    Stage(
        name="test",
        does="the project's own tests",
        environment=Environment.PROJECT,
        module="test",
        reads=("source",),
        config=("test", "package"),
    ),
    Stage(
        name="audit",
        does="known vulnerabilities, insecure code, leaked secrets",
        environment=Environment.PIPELINE,
        module="ml_stages.audit.stage",
        reads=("source",),
        config=("audit",),
    ),
    Stage(
        name="data-validate",
        does="hold the data to its rules",
        environment=Environment.PIPELINE,
        module="ml_stages.data.validate",
        reads=("data",),
        writes=("schema", "profile"),
        config=("task", "data", "evaluation.cluster", "evaluation.query"),
    ),
    Stage(
        name="split",
        does="set the holdout apart",
        environment=Environment.PIPELINE,
        module="ml_stages.data.split",
        reads=("data",),
        writes=("train-set", "holdout-features", "holdout-others", "holdout-labels"),
        config=("task", "data", "evaluation"),
    ),
    Stage(
        name="train",
        does="train on the rest",
        environment=Environment.PROJECT,
        module="train",
        reads=("code", "train-set"),
        writes=("model",),
        config=("train", "seed", "package"),
        gpu=True,
        command_decides=True,
    ),
    Stage(
        name="predict",
        does="predict the holdout",
        environment=Environment.PROJECT,
        module="predict",
        reads=("code", "model", "schema", "holdout-features"),
        writes=("predictions",),
        config=("task", "predictor", "package"),
        command_decides=True,
    ),
    Stage(
        name="perturb",
        does="change rows of the holdout, for gates on behaviour",
        environment=Environment.PIPELINE,
        module="ml_stages.behaviour.perturb",
        reads=("schema", "holdout-features", "train-set"),
        writes=("perturbed-rows",),
        config=("data", "gates", "evaluation.cluster", "evaluation.query"),
        gates=BEHAVIOUR,
    ),
    Stage(
        name="predict-perturbed",
        does="predict the changed rows",
        environment=Environment.PROJECT,
        module="behave",
        reads=("code", "model", "schema", "perturbed-rows"),
        writes=("perturbed-predictions",),
        config=("predictor", "package"),
        gates=BEHAVIOUR,
    ),
    Stage(
        name="baseline",
        does="have the published model predict the same holdout",
        environment=Environment.BASELINE,
        module="predict",
        reads=("baseline-model", "holdout-features", "holdout-others"),
        writes=("baseline-predictions",),
        config=("task",),
    ),
    Stage(
        name="data-drift",
        does="compare the data with the published model's",
        environment=Environment.PIPELINE,
        module="ml_stages.drift.compare",
        reads=("profile", "baseline-model"),
        optional=("baseline-predictions",),
        config=("task", "data", "drift"),
    ),
    Stage(
        name="evaluate",
        does="metrics, slices and comparisons, with intervals",
        environment=Environment.PIPELINE,
        module="ml_stages.evaluation.evaluate",
        reads=("predictions", "holdout-labels"),
        optional=("baseline-predictions", "ledger", "code", "perturbed-rows", "perturbed-predictions"),
        writes=("sealed-ledger",),
        config=("task", "data", "evaluation", "sealed", "package"),
    ),
    Stage(
        name="evaluate-gate",
        does="judge by every gate that needs no running model, or judge files of predictions (--predictions)",
        environment=Environment.CORE,
        module="gates that need no running model",
        reads=(),
        reports=(*_MEASURED, "build-image"),
        config=("gates",),
        cacheable=False,
    ),
    Stage(
        name="build-image",
        does="pack model, code and server into a bundle",
        environment=Environment.PIPELINE,
        module="ml_stages.model.bundle",
        reads=("model", "code", "schema", "predictions"),
        optional=("profile", "holdout-features"),
        writes=("bundle",),
        config=("name", "task", "predictor", "package", "train.command", *SPLIT_KEYS),
    ),
    Stage(
        name="probe",
        does="start the bundle and test it, or test a server that runs already (probe URL)",
        environment=Environment.PIPELINE,
        module="ml_stages.serving.probe",
        reads=("bundle", "holdout-features", "predictions"),
        optional=("baseline-model", "holdout-others"),
        reports=("data-validate", "evaluate"),  # they are labels of the image that is probed
        config=("task", "probe"),
        cacheable=False,
    ),
    Stage(
        name="verdict",
        does="judge by every gate",
        environment=Environment.CORE,
        module="every gate, every report",
        reads=(),
        reports=(*_MEASURED, "evaluate-gate", "build-image", "probe"),
        config=("gates",),
        cacheable=False,
    ),
    Stage(
        name="publish",
        does="everything, and publish what passed",
        environment=Environment.CORE,
        module="the host's registry folder",
        reads=("bundle",),
        reports=("verdict",),
        config=("publish",),
        cacheable=False,
    ),
)

NAMES: tuple[str, ...] = tuple(stage.name for stage in STAGES)
BY_NAME = {stage.name: stage for stage in STAGES}


def modules(stage: Stage) -> tuple[str, ...]:
    """The modules of ours that a stage starts with; what they import is the stage's code."""
    if stage.environment is Environment.PIPELINE:
        return ("ml_stages.execute", stage.module)
    beside = {"predict": ("ml_stages.wrapper.offline",), "behave": ("ml_stages.wrapper.offline_parts",)}
    return (
        "ml_stages.wrapper.__main__",
        f"ml_stages.wrapper.{stage.module}",
        *beside.get(stage.module, ()),
    )
