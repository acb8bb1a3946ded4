"""The reports that stages write: the numbers and findings that gates judge and people read.

A report measures and never judges. Durations are seconds, sizes bytes, shares between 0 and 1.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


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

    @property
    def place(self) -> str:
        """`loans/train.py:31`: file and line, as far as they are known."""
        return ":".join(str(part) for part in (self.file, self.line) if part is not None)


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
    notes: list[str] = []
    """What the place of a row depends on besides its values."""


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


class PerturbReport(Report):
    parts: int
    """Sets of rows that the predictor is asked for."""


class BehaveReport(Report):
    """The predictor's run over rows that were changed, or that it was trained on."""

    run: CommandRun


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


class PublishReport(Report):
    address: str
    version: str
    aliases: list[str] = []
    notes: list[str] = []
