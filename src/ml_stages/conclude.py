"""Draw the conclusion of a run from its results: gates, lineage, verdict. The same for every runner."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ml_stages.config.config import Config
from ml_stages.errors import UsageError
from ml_stages.evidence import BundleReport, DataReport, SplitReport, TrainReport
from ml_stages.gather import gather, notes_of, report_of
from ml_stages.judge import judge
from ml_stages.lineage import Lineage
from ml_stages.model.identity import Published
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.runner import StageRun
from ml_stages.selection import select
from ml_stages.stages import BY_NAME, Environment, Stage
from ml_stages.verdict import GateResult, Verdict, VerdictStatus, decide, explain, is_first, may_deploy

_OTHER_SPLIT = (
    "it was published with another split (key, share, method or groups): rows that it was trained on may be "
    "in this holdout, where it looks better than it is"
)
_OTHER_LABEL = (
    "it was published to predict {!r}: unless that column was only renamed, a comparison with it proves "
    "nothing"
)
_FORCED = (
    "it was published with --force ({}), which lets a model past failed gates: a comparison with it proves "
    "nothing about the version before; --baseline names that one"
)
Results = Mapping[str, StageRun[Any]]


@dataclass(frozen=True)
class Conclusion:
    """What a run was asked to do and started from; turns its results into a verdict."""

    config: Config
    origins: Lineage
    """What was known of the lineage before anything ran."""
    baseline: Published | None = None
    """What the model is compared with."""
    is_declined: bool = False
    """Whether it is compared with nothing, as the run was told, though a version is published."""
    published_instead: str = ""
    """Of a run without a baseline: what was published under other names."""
    fetches_data: bool = False
    """Whether no data was given, and the configuration says where it comes from."""
    told: tuple[str, ...] = ()
    """What people should know of the project; notes of the stage that it matters to most."""
    until: str | None = None
    force: str | None = None
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if self.until == "fetch-data" and not self.fetches_data:
            raise UsageError("there is nothing to fetch: data was given, or [fetch] is not configured")
        self._need_comparable()

    def _need_comparable(self) -> None:
        """A number beside a class is no comparison, which is known before anybody trains."""
        was = self.baseline and self.baseline.task
        if was and was != self.config.task and any(stage.name == "baseline" for stage in self.stages()):
            raise UsageError(
                f"the published model is for {was}, and the task is {self.config.task} now: they cannot be "
                "compared; give the new model another `name`, or compare with none (`--baseline none`)"
            )

    def stages(self) -> list[Stage]:
        """The stages of this run, in an order in which they can run."""
        return select(self.config, fetches_data=self.fetches_data, until=self.until)

    def gates(self, results: Results, *, without: str | None = None) -> list[GateResult]:
        """Judge every gate whose stages are part of this run, but those that read ``without``."""
        names = {stage.name for stage in self.stages()}
        gates = [
            gate for gate in self.config.all_gates() if set(gate.reads) <= names and without not in gate.reads
        ]
        evidence = gather(results, self.config, has_baseline=self.baseline is not None)
        return judge(
            gates,
            replace(
                evidence,
                same_model=self._is_baseline(results),
                is_declined=self.is_declined,
                data_digest=self.origins.data_digest,
            ),
        )

    def _is_baseline(self, results: Results) -> bool:
        bundle = report_of(results, "build-image", BundleReport)
        return bundle is not None and self.baseline is not None and bundle.identity == self.baseline.identity

    def verdict(self, results: Results, *, interrupted: bool = False) -> Verdict:
        """The verdict that the results allow; what did not run is skipped in it."""
        stages = [_outcome(stage, results, interrupted=interrupted) for stage in self.stages()]
        stages = self._with_doubts(self._with_told(stages))
        gates = self.gates(results)
        partial = self.until not in (None, "publish")
        status = decide(gates, stages, partial=partial, interrupted=interrupted)
        forced = self.force if status is VerdictStatus.FAILED else None
        return Verdict(
            name=self.config.name,
            status=status,
            should_deploy=may_deploy(status, stages, forced),
            forced=forced,
            first_run=is_first(gates, has_baseline=self.baseline is not None or self.is_declined),
            baseline_declined=self.is_declined,
            interrupted=interrupted,
            causes=explain(gates, stages, interrupted=interrupted),
            gates=gates,
            stages=stages,
            lineage=self.lineage(results),
            started=self.started.isoformat(timespec="seconds"),
            duration=round(time.monotonic() - self.clock, 3),
        ).writable()

    def _with_told(self, stages: list[StageOutcome]) -> list[StageOutcome]:
        """Say it once: of training, or of the project's first stage of a shorter run."""
        using = [one.name for one in stages if BY_NAME[one.name].environment is Environment.PROJECT]
        if not using:
            return stages
        teller = "train" if "train" in using else using[0]
        return [_noted(one, *self.told) if one.name == teller else one for one in stages]

    def _with_doubts(self, stages: list[StageOutcome]) -> list[StageOutcome]:
        """Say what a comparison with this baseline is worth less for."""
        return [_noted(one, *self._doubts()) if one.name == "baseline" else one for one in stages]

    def _doubts(self) -> list[str]:
        if self.baseline is None:
            return [self.published_instead] if self.published_instead else []
        label, forced = self.baseline.label, self.baseline.forced
        split = self.baseline.split
        is_apart = split is None or self.config.holds_out_after(split, self.baseline.since)
        doubts = [] if is_apart else [_OTHER_SPLIT]
        doubts += [] if label in (None, self.config.data.label) else [_OTHER_LABEL.format(label)]
        return doubts if forced is None else [*doubts, _FORCED.format(forced)]

    def lineage(self, results: Results) -> Lineage:
        """What is known, after these results, of where the model comes from."""
        data = report_of(results, "data-validate", DataReport)
        split = report_of(results, "split", SplitReport)
        train = report_of(results, "train", TrainReport)
        bundle = report_of(results, "build-image", BundleReport)
        return self.origins.model_copy(
            update={
                "data_digest": data.digest if data and data.rows is not None else self.origins.data_digest,
                "holdout_digest": split and split.holdout_digest,
                "device": train and train.device.name,
                "model_digest": bundle and bundle.model_digest,
                "bundle_digest": bundle and bundle.digest,
            }
        )

    async def evaluate_gate(self, results: Results) -> StageRun[Any]:
        """The stage `evaluate-gate`: the gates that need no running model."""
        started = time.monotonic()
        gates = self.gates(results, without="probe")
        text = "[" + ",\n".join(gate.model_dump_json() for gate in gates) + "]"
        duration = round(time.monotonic() - started, 3)
        outcome = StageOutcome(name="evaluate-gate", status=StageStatus.PASSED, duration=duration)
        return StageRun(outcome, text)

    async def conclude(self, results: Results) -> StageRun[Any]:
        """The stage `verdict`: every gate, on every report."""
        started = time.monotonic()
        text = self.verdict(results).model_dump_json(indent=1)
        duration = round(time.monotonic() - started, 3)
        return StageRun(StageOutcome(name="verdict", status=StageStatus.PASSED, duration=duration), text)


def _noted(outcome: StageOutcome, *notes: str) -> StageOutcome:
    return outcome.model_copy(update={"notes": [*notes, *outcome.notes]})


def _outcome(stage: Stage, results: Results, *, interrupted: bool) -> StageOutcome:
    if stage.name in results:
        result = results[stage.name]
        notes = [*result.outcome.notes, *notes_of(result)]
        return result.outcome.model_copy(update={"notes": notes})
    reason = "interrupted" if interrupted else "not run yet"
    return StageOutcome(name=stage.name, status=StageStatus.SKIPPED, reason=reason)
