"""The sections of the configuration, but for ``[data]`` and the gates."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from ml_stages.config.placeholders import check_placeholders
from ml_stages.config.section import Section

Seconds = Annotated[float, Field(gt=0)]


def _train_command(command: str) -> str:
    return check_placeholders(command, {"train", "model", "seed"}, needed={"train", "model"})


def _fetch_command(command: str) -> str:
    return check_placeholders(command, {"data"}, needed={"data"})


def _plain_command(command: str) -> str:
    return check_placeholders(command, set())


def _entry_point(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", value):
        raise ValueError(f"{value!r} is no entry point: expected 'package.module:function'")
    return value


EntryPoint = Annotated[str, AfterValidator(_entry_point)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
PlainCommand = Annotated[str, AfterValidator(_plain_command)]


class SourceConfig(Section):
    """Which files of the project are its source."""

    exclude: list[str] = []
    """Globs left out besides the built-in ones (version control, environments, caches)."""
    gitignore: bool = True
    """Leave out what the project's `.gitignore` files name: a fresh checkout in CI has none of it. `false`
    where an ignored file is needed (fetched by DVC, say). The data folder is never left out."""


class EnvironmentConfig(Section):
    """The project's own environment: its Python and its pins."""

    python: str | None = Field(default=None, pattern=r"^3\.\d+(\.\d+)?$")
    """Python version; by default the one in `.python-version`, else the pipeline's own. One that
    `requires-python` excludes is refused.
    """
    lock: str | None = None
    """Lock file; by default the first of `requirements.lock`, `pylock.toml`, `requirements.txt`."""
    interpreter: Literal["locked", "current"] = "locked"
    """`current` uses the interpreter that runs the pipeline, without any lock (host only)."""
    torch_backend: str | None = None
    """uv's `--torch-backend`, e.g. `cpu` for an image without CUDA; the lock is made with the same one
    (docs/torch.md)."""
    extra_indexes: list[str] = []
    """Further package indexes, by URL."""
    pass_variables: list[str] = []
    """Environment variables of the host that stages may see, by name; all others are left out. Another value
    counts as a change, but for names that speak of a credential (token, key, secret, password). In containers
    they have the values that `--variables=NAME=VALUE` gives, and every one of these counts as a change."""
    image: str | None = None
    """Base image of the container; by default `python:VERSION-slim`, or a CUDA image with a GPU."""
    dockerfile: str | None = None
    """A Dockerfile of the project's own that makes the base image instead (containers only); the lock is
    installed on top of it. What it copies out of the project counts as changed with every such file."""
    gpu: Literal["auto", "required", "off"] = "auto"
    """Whether training uses a GPU: where there is one, always, or never."""

    @model_validator(mode="after")
    def _one_base(self) -> EnvironmentConfig:
        if self.image is not None and self.dockerfile is not None:
            raise ValueError("image and dockerfile both name the base image: give one of them")
        return self


class FetchConfig(Section):
    """How the data is fetched where none is given."""

    command: Annotated[str, AfterValidator(_fetch_command)]
    """Command with the placeholder `{data}`, an empty folder that it fills; it runs in the source."""
    secrets: list[Variable] = []
    """Environment variables with credentials, which this command alone sees. The host takes them from
    its environment; `dagger call` takes `--secrets` in this order."""
    refresh: Literal["always", "daily", "never"] = "always"
    """When to fetch again; what was fetched before is used until then."""

    def as_of(self, now: datetime) -> str:
        """What has to be new for the data to be fetched again."""
        return {"always": now.isoformat(), "daily": now.date().isoformat(), "never": ""}[self.refresh]


class LintConfig(Section):
    """Static analysis of the source."""

    ruff: bool = True
    """Run `ruff check` and `ruff format --check`."""
    mypy: bool | None = None
    """Run `mypy`; by default where the project configures it."""
    paths: list[str] = ["."]
    """What to check, relative to the project."""


class TestConfig(Section):
    """The project's own tests."""

    command: PlainCommand = "python -m pytest"
    """A pytest command line; the pipeline adds where its JUnit report goes."""


class TrainConfig(Section):
    """How the model is made."""

    command: Annotated[str, AfterValidator(_train_command)]
    """Command with the placeholders `{train}` (a file), `{model}` (an empty folder) and `{seed}`."""
    inputs: list[str] = ["**"]
    """Globs of the source files that training reads; an edit of any other file does not retrain.
    Tests, documentation and the tables of the pipeline itself never count."""
    threads: int | None = Field(default=None, ge=1)
    """Threads of numeric libraries (OpenMP, MKL, OpenBLAS, Polars); by default as many as there are cores.
    Sums are rounded in another order with another number: fix it, and a laptop and a CI host train alike."""


class PredictorConfig(Section):
    """How the model answers."""

    load: EntryPoint = "ml_stages.model.formats:load"
    """`load(model_dir)` gives an object whose `predict(DataFrame)` returns one value a row, and
    whose optional `predict_proba` returns columns in the order of its `classes_`. By default the model folder
    decides: MLflow's `MLmodel`, or one `.skops` or `.onnx` file."""
    export: EntryPoint | None = None
    """`export(model_dir, path)` writes the same model as ONNX: inputs are one tensor for each feature, by
    its name, or one of shape `[rows, features]`; outputs are labels and probabilities, or numbers."""
    export_tolerance: float = Field(default=1e-5, ge=0)
    """Largest difference between an ONNX and an offline number on the holdout, relative above 1, else
    absolute; with a larger one, or another label, the original is served."""
    allow_pickle: list[str] = []
    """Globs of model files that may run code when they are loaded (pickle, joblib, `.pt`, ...); without
    it a model that holds one is refused."""


class BaselineConfig(Section):
    """What the candidate is compared with."""

    first_run: Literal["block", "allow"] = "block"
    """What a gate that needs a baseline does before there is any: block, or be skipped aloud."""


class OwnMetric(Section):
    """A metric that the project computes itself."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """Its name in gates and reports."""
    call: EntryPoint
    """`call(labels, predictions, probabilities)` gets numpy arrays and returns a number for each row, of
    which the mean is judged, or one number. It runs in the pipeline's environment: its module may import
    numpy, scipy and polars."""
    greater_is_better: bool = True
    """Whether more of it is better."""
    timeout: Seconds = 600.0
    """Seconds that it may take for both models, the start of its process among them."""


class EvaluationConfig(Section):
    """What is measured on the holdout."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence of every interval."""
    metrics: list[str] = []
    """Metrics to compute; by default all of the task."""
    more_metrics: list[str] = []
    """Metrics besides, such as `top_k@3` or `recall[cat]`; what a gate names is added by itself."""
    own_metrics: list[OwnMetric] = []
    """Metrics of the project's own."""
    slices: list[str] = []
    """Columns whose values are evaluated one by one."""
    crossed: list[Annotated[list[str], Field(min_length=2)]] = []
    """Groups of columns whose values are evaluated in every combination that occurs."""
    min_slice: int = Field(default=30, ge=1)
    """Fewest rows of a slice that is evaluated."""
    cluster: str | None = None
    """Column whose rows belong together, e.g. a patient's visits; intervals then count groups."""
    golden: str | None = None
    """Column that marks rows, of which a gate `golden` asks that each be right, or stay as it was: `true`,
    `yes` or 1 (or `t`, `y`) marks a row, `false`, `no`, 0 (or `f`, `n`) or nothing does not; any other value
    is an error."""
    query: str | None = None
    """Column whose rows are ranked together (ranking); a split by hash keeps them on one side."""
    stricter: list[Annotated[int, Field(ge=2)]] = []
    """Intervals besides, whose error is divided by these numbers; what the parts of `all`, `any` and `not`
    need is added by itself."""
    label_noise: float = Field(default=0.0, ge=0, lt=0.5)
    """Largest share of labels that may be wrong (classification): intervals are widened by what that can
    hide, and metrics for which that is not known get none."""

    @field_validator("metrics", "more_metrics", mode="before")
    @classmethod
    def _are_names(cls, metrics: object) -> object:
        if isinstance(metrics, list) and any(isinstance(metric, dict) for metric in metrics):
            raise ValueError("holds names; a table that defines a metric belongs into own_metrics")
        return metrics

    @field_validator("own_metrics")
    @classmethod
    def _own_names_differ(cls, own: list[OwnMetric]) -> list[OwnMetric]:
        names = [metric.name for metric in own]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two metrics are called {twice[0]!r}, of which one would not be judged")
        return own

    @property
    def together(self) -> str | None:
        """The column whose rows a split keeps on one side."""
        return self.cluster or self.query

    @property
    def columns(self) -> list[str]:
        """Every column that the evaluation reads besides the label."""
        crossed = (column for columns in self.crossed for column in columns)
        single = [column for column in (self.cluster, self.query, self.golden) if column is not None]
        return list(dict.fromkeys([*self.slices, *crossed, *single]))


class ProbeConfig(Section):
    """How the served model is tested."""

    rows: int = Field(default=1000, ge=1)
    """Most holdout rows that are asked for over HTTP (all, where the holdout has fewer)."""
    tolerance: float = Field(default=1e-6, ge=0)
    """Largest difference between a served and an offline number, relative above 1, else absolute."""
    startup: Seconds = 60.0
    """Seconds that the server may take to answer first."""
    load: Seconds = 1.0
    """Seconds of steady load, from which the latencies come; more for a model so slow that they would hold
    fewer than ten requests."""
    contract_examples: int = Field(default=10, ge=0)
    """Most requests with right, and most with wrong data, that schemathesis makes of each operation in the
    server's OpenAPI document; 0 skips the check, and the report says so."""
    contract_seconds: Seconds = 5.0
    """Seconds that these requests may take together; what there was no time for is said."""


class PublishConfig(Section):
    """Where a passing model goes on the host; container images get their address when called."""

    registry: str
    """Folder, relative to the project, that holds versions and aliases."""
    alias: str = Field(default="production", pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")
    """Alias that moves to the published version; the default baseline of the next run."""
