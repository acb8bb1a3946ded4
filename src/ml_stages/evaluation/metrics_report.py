"""What the evaluation measured of a model: metrics and comparisons with their intervals, slices, behaviours.

Gates judge these numbers and people read them; nothing here judges. Shares are between 0 and 1.
"""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Literal

from pydantic import AfterValidator

from ml_stages.evidence import Report
from ml_stages.report.numbers import counted

Number = Annotated[
    float | None, AfterValidator(lambda value: value if value is not None and isfinite(value) else None)
]
"""NaN is no number: a gate would take it for one that lies neither within its limits nor beyond."""


class Interval(Report):
    """Where a number lies, how that was found, and what it rests on."""

    lower: Number = None
    upper: Number = None
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


class Metric(Interval):
    """One number about the model on the holdout, with its interval."""

    name: str
    value: Number
    """``None`` when it is undefined on these rows; ``note`` says why."""

    @property
    def deciding(self) -> int:
        """How many independent things the interval rests on: what groups or classes leave free, or rows."""
        return self.rows if self.freedom is None else self.freedom


class Comparison(Interval):
    """Candidate minus baseline on the same rows."""

    metric: str
    candidate: Number
    baseline: Number
    difference: Number
    discordant: int | None = None
    """Rows on which the two models differ in what the metric counts."""

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


class Confusion(Report):
    """A cell of the confusion table."""

    label: str
    predicted: str | None
    """``None`` for all that the labels do not have."""
    rows: int


class ReliabilityBin(Report):
    """Rows for which about the same was predicted."""

    rows: int
    predicted: float
    """The mean of what was predicted."""
    observed: float
    """The mean of what was so."""
    lower: float | None = None
    upper: float | None = None
    """Where that mean may lie; ``None`` for rows in groups, and where one row is alone."""


class Reliability(Report):
    """What was observed where so much was predicted."""

    of: str
    """What was observed, e.g. `the share of yes`."""
    bins: list[ReliabilityBin]
    """By what was predicted, the least first."""
    every: int = 1
    """Of how many rows one was looked at."""


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
    uncompared: str = ""
    """Why a baseline that answered is not compared with."""
    slices: list[SliceMetrics] = []
    classes: list[ClassCount] = []
    """The classes of the label; empty for regression."""
    confusions: list[Confusion] = []
    """The cells of the confusion table, the most frequent ones first."""
    reliability: Reliability | None = None
    """``None`` where neither probabilities nor numbers are predicted."""
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
