"""The reports that stages write: the numbers and findings that gates judge and people read.

A report measures and never judges. Durations are seconds, sizes bytes, shares between 0 and 1.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ml_stages.report.numbers import counted


class Report(BaseModel):
    """Base of everything that a stage reports; fields may be added within a schema version."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings", defer_build=True)


class CommandRun(Report):
    """One command of the project's own, as it ended."""

    command: list[str]
    exit_status: int | None
    """``None`` when it was stopped by the time-out; negative for a signal."""
    timed_out: bool = False
    duration: float
    tail: list[str] = []
    """The last lines that it printed, for people."""

    @property
    def succeeded(self) -> bool:
        return self.exit_status == 0


class Finding(Report):
    """One thing that a check found wrong, precise enough to go and look at it."""

    rule: str
    message: str
    severity: Literal["error", "warning"] = "error"
    file: str | None = None
    line: int | None = None
    column: str | None = None
    """A table's column for data, the character position for source code."""
    observed: Any = None
    expected: Any = None
    count: int | None = None
    share: float | None = None
    examples: list[Any] = []


class ToolRun(Report):
    """A linter or another tool that ran over the source."""

    name: str
    version: str
    run: CommandRun


class LintReport(Report):
    tools: list[ToolRun]
    findings: list[Finding]


class AuditTool(Report):
    """One of the searches of an audit."""

    name: Literal["vulnerabilities", "code", "secrets"]
    by: str = ""
    """Who looked: a program with its version, the address of a service."""
    status: Literal["ran", "broke", "off"]
    """``broke`` when it could not look at everything; then nothing is known, and no gate passes."""
    message: str = ""
    """Why it broke."""
    checked: int = 0
    """How many pins or files it looked at."""


class IgnoredFinding(Report):
    """A finding that does not count, by the configuration's word."""

    finding: Finding
    reason: str
    until: date | None = None


class AuditReport(Report):
    """Known vulnerabilities, insecure code and leaked secrets; no secret itself."""

    day: date
    """When the question was asked (UTC)."""
    tools: list[AuditTool]
    findings: list[Finding]
    ignored: list[IgnoredFinding] = []
    notes: list[str] = []
    """Exceptions that ended, or that nothing needs."""
    incomplete: bool = False
    """Whether a search broke; such a report is never kept for the next run."""


class FailedTest(Report):
    name: str
    message: str


class TestReport(Report):
    run: CommandRun
    tests: int
    failures: int
    errors: int
    skipped: int
    failed_tests: list[FailedTest] = []
    coverage: float | None = None
    """Share of statements covered, where the project's tests measured it."""


class FetchReport(Report):
    run: CommandRun
    files: list[str]
    data_bytes: int


class DataReport(Report):
    rows: int | None
    """``None`` when the data could not be read."""
    columns: list[str]
    digest: str
    findings: list[Finding]


class SplitReport(Report):
    method: str
    train_rows: int
    holdout_rows: int
    holdout_digest: str
    findings: list[Finding] = []


class Device(Report):
    """What the training ran on."""

    kind: Literal["cpu", "cuda"]
    name: str
    driver: str | None = None
    cuda: str | None = None


class TrainReport(Report):
    run: CommandRun
    device: Device
    seed: int
    threads: int | None = None
    """Threads that numeric libraries were held to; ``None`` left it to them."""
    model_bytes: int
    model_files: list[str]
    notes: list[str] = []


class PredictReport(Report):
    run: CommandRun
    rows: int
    classes: list[str] | None = None
    """Labels in the order of the probability columns; ``None`` without probabilities."""
    latency_p50: float | None = None
    """Seconds for one row alone, in process."""
    latency_p99: float | None = None


class Metric(Report):
    """One number about the model on the holdout, with its interval."""

    name: str
    value: float | None
    """``None`` when it is undefined on these rows; ``note`` says why."""
    lower: float | None = None
    upper: float | None = None
    confidence: float = 0.95
    method: str = ""
    rows: int = 0
    unit: str = "rows"
    """What `rows` counts: queries where an order is judged."""
    freedom: int | None = None
    """Over groups or blocks of rows: one less than these, or fewer. Over classes: rows of the smallest."""
    deviation: float | None = None
    """Standard error, where the interval is that and what is added for rare, large contributions."""
    greater_is_better: bool = True
    note: str = ""

    @property
    def counted(self) -> str:
        """`1 row`, `144 queries`: what the number rests on."""
        return counted(self.rows, self.unit)

    @property
    def deciding(self) -> int:
        """How many independent things the interval rests on: what groups or classes leave free, or rows."""
        return self.rows if self.freedom is None else self.freedom


class Comparison(Report):
    """Candidate minus baseline on the same rows."""

    metric: str
    candidate: float | None
    baseline: float | None
    difference: float | None
    lower: float | None = None
    upper: float | None = None
    confidence: float = 0.95
    method: str = ""
    rows: int = 0
    unit: str = "rows"
    """What `rows` counts: queries where an order is judged."""
    discordant: int | None = None
    """Rows on which the two models differ in what the metric counts."""
    freedom: int | None = None
    """Degrees of freedom of the interval over groups or blocks of rows."""
    deviation: float | None = None
    """Standard error, where the interval is that and what is added for rare, large contributions."""
    greater_is_better: bool = True
    note: str = ""

    @property
    def counted(self) -> str:
        """`1 row`, `144 queries`: what was compared."""
        return counted(self.rows, self.unit)

    @property
    def deciding(self) -> int:
        """How many independent things the interval rests on: what groups leave free, or rows that differ."""
        if self.freedom is not None:
            return self.freedom
        return self.rows if self.discordant is None else self.discordant


class SliceMetrics(Report):
    """Metrics on the rows of one slice, e.g. ``{"sex": "female"}``."""

    where: dict[str, str]
    rows: int
    metrics: list[Metric]
    comparisons: list[Comparison] = []
    note: str = ""
    """Why there are no numbers."""


class ClassCount(Report):
    """How often a class occurs in the holdout and in what was predicted for it."""

    label: str
    rows: int
    predicted: int
    share: Metric = Metric(name="predicted", value=None)
    """Of all rows, how many are predicted so."""
    baseline_predicted: int | None = None


class SealedReport(Report):
    """What a sealed holdout said: one bit, and what is left of it."""

    answer: Literal["yes", "no", "spent"] | None
    """``None`` where it was not asked: there was no baseline to compare with."""
    asked: str
    """The condition, in words."""
    rows: int
    """Sealed rows that decide."""
    planned: int
    """Rows with which the plan keeps its tolerance."""
    runs: int
    remaining: int
    """Answers that these rows may still give."""
    repeated: bool = False
    """Whether the same predictions were judged before, so that the answer cost nothing."""
    retired: int = 0
    """Rows that were sealed once: their numbers were shown, and they are among the open ones."""
    fresh: int = 0
    """Rows that decide and are sealed still; after a retirement asked only when there are ``planned``."""
    ledger: str = ""
    """Digest of the ledger after the answer."""
    metrics: list[Metric] = []
    """The numbers, shown when the rows are retired: with their last answer, never before."""
    comparisons: list[Comparison] = []


class PerturbReport(Report):
    parts: int
    """Sets of rows that the predictor is asked for."""


class BehaveReport(Report):
    """The predictor's run over rows that were changed, or that it was trained on."""

    run: CommandRun


class Behaviour(Report):
    """How the predictions of one set of changed rows compare with those of the rows as they are."""

    gate: str
    variant: str
    rows: int
    broken: int = 0
    """Rows that do not behave as expected."""
    share: Metric = Metric(name="broken", value=None)
    """Of all rows, how many those are; without an interval for what has no rows."""
    examples: list[str] = []
    """Keys of some of them."""
    moved: int | None = None
    """Rows whose number moved at all, where it is to move one way."""
    error: str = ""
    """Why there are no usable predictions at all."""
    fault: str = ""
    """Why the predictor was not asked, or its answers cannot be read so: the gate does not fit the data."""
    idle: str = ""
    """Why no row was changed, so that there was nothing to ask."""
    metrics: list[Metric] = []
    """Metrics of rows of the train set (overfit-gap)."""


class GoldenReport(Report):
    """Rows that must be right, or must not change."""

    rows: int
    wrong: list[str]
    """Keys of those that are predicted wrongly."""
    changed: list[str] | None = None
    """Keys of those that the baseline predicts otherwise; ``None`` without a baseline."""


class OutputReport(Report):
    """What the predictions look like."""

    classes: list[str] = []
    """The classes that are predicted (classification)."""
    lowest: float | None = None
    highest: float | None = None
    """The range of what is predicted (regression, ranking)."""
    probabilities: list[str] = []
    """The classes that have a column of probabilities."""


class MetricsReport(Report):
    rows: int
    metrics: list[Metric]
    comparisons: list[Comparison] = []
    """Empty where there is no baseline."""
    slices: list[SliceMetrics] = []
    classes: list[ClassCount] = []
    """The classes of the label; empty for regression."""
    positive: str | None = None
    """The positive class of two."""
    disagreement: Metric | None = None
    """Share of rows on which candidate and baseline predict different classes."""
    behaviours: list[Behaviour] = []
    """Empty where no gate asks for changed rows."""
    golden: GoldenReport | None = None
    output: OutputReport | None = None
    sealed: SealedReport | None = None
    """The answer of the sealed holdout, where there is one; all other numbers are of the open rows."""
    stricter: dict[int, MetricsReport] = {}
    """The same with intervals at the error divided by so many, where a composed gate needs them."""
    broken: dict[str, str] = {}
    """Metrics of the project's own that gave nothing, and why; they are in no other list."""
    notes: list[str] = []

    def metric(self, name: str) -> Metric | None:
        return next((metric for metric in self.metrics if metric.name == name), None)

    def comparison(self, name: str) -> Comparison | None:
        return next((comparison for comparison in self.comparisons if comparison.metric == name), None)

    @property
    def counted(self) -> str:
        """`1,200 holdout rows`, and of how many queries an order was judged."""
        units = dict.fromkeys(metric.counted for metric in self.metrics if metric.unit != "rows")
        return ", ".join([counted(self.rows, "holdout rows"), *units])


class BundleReport(Report):
    digest: str
    identity: str = ""
    """Digest of model, code and pins: equal for two bundles that answer alike by construction."""
    bytes: int
    files: int
    model_digest: str
    format: Literal["predictor", "onnx"] = "predictor"
    """What the server loads: the project's own predictor, or the model that it was converted to."""
    notes: list[str] = []


class ProbeCheck(Report):
    name: str
    status: Literal["passed", "failed", "skipped"]
    message: str


class LatencyQuantile(Report):
    """A quantile of the latencies under load, in seconds, with its interval."""

    share: float
    seconds: float
    lower: float | None
    upper: float | None
    """``None`` where there are too few requests to tell."""
    confidence: float = 0.95


class LoadReport(Report):
    """A steady load of single rows, arriving at random times whether or not others were answered."""

    server: Literal["candidate", "baseline"] = "candidate"
    rate: float
    """Requests a second that were due."""
    seconds: float
    requests: int
    refused: int
    """Answered 429 or 503: too much at once."""
    lost: int
    """Not answered at all, or with another 5xx."""
    throughput: float
    """Requests a second that were answered 200."""
    quantiles: list[LatencyQuantile]
    memory_growth: float | None = None
    """Bytes by which the server's processes grew over the load."""
    generator_lag: float = 0.0
    """The longest that the load generator was behind its own schedule, in seconds."""


class LatencyRatio(Report):
    """A quantile of the candidate's latencies over the baseline's, under the same load in turns."""

    share: float
    ratio: float
    lower: float
    upper: float
    confidence: float = 0.95
    rounds: int
    """Pairs of turns; each gave one ratio, and the interval is that of their mean."""


class ProbeReport(Report):
    subject: str
    """Digest of the bundle or image that answered."""
    checks: list[ProbeCheck]
    cold_start: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None
    requests: int = 0
    load: list[LoadReport] = []
    """The candidate's, and the baseline's where it is compared, under the same load in turns."""
    ratios: list[LatencyRatio] = []
    """The candidate against the baseline, for the quantiles that the load was long enough for."""
    notes: list[str] = []


class PublishReport(Report):
    address: str
    version: str
    aliases: list[str] = []
    notes: list[str] = []
