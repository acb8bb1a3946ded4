"""Judge files of predictions, for projects that use nothing else of the pipeline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ml_stages import digest
from ml_stages.conclude import Results
from ml_stages.config.config import JudgingConfig
from ml_stages.config.load import load_judging_config
from ml_stages.errors import PipelineError, UsageError
from ml_stages.evaluation.evaluate import Aids, EvaluateConfig, code_of
from ml_stages.evaluation.files import evaluate_files
from ml_stages.gates.gate import GateConfig
from ml_stages.gather import gather, notes_of
from ml_stages.host.output import drop_reports, write_reports
from ml_stages.judge import judge
from ml_stages.lineage import Lineage
from ml_stages.model.failure import told, told_whole
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.result import TAIL_LINES
from ml_stages.runner import StageRun
from ml_stages.sealed.ledger import Ledger
from ml_stages.side_by_side import both
from ml_stages.verdict import Verdict, decide, explain, is_first, may_deploy

EVALUATE = "evaluate"
_SAME_FILE = (
    "the baseline's predictions are the candidate's, to the byte: a comparison of a file with itself proves"
    " nothing, where two were meant"
)


@dataclass(frozen=True)
class FilesRequest:
    """What the user asked for."""

    predictions: Path
    config: Path
    output: Path
    baseline_predictions: Path | None = None
    profile: str | None = None


@dataclass(frozen=True)
class JudgedFiles:
    """How it ended."""

    verdict: Verdict
    results: Results
    left_out: list[str]
    """Gates of the configuration that need more than predictions, and were not judged."""
    unwritten: list[str]


def judge_files(request: FilesRequest) -> JudgedFiles:
    """Evaluate the files, judge the gates that need no more than that, and write every report.

    Raises :class:`UsageError` for a wrong configuration or files that cannot be read, and
    :class:`PipelineError` when the output folder cannot be written; else there is a verdict.
    """
    started = _Start()
    config = load_judging_config(request.config, request.profile)
    gates = [gate for gate in config.own_gates() if set(gate.reads) <= {EVALUATE}]
    if not gates:
        raise UsageError(
            f"{request.config} has no gate that predictions alone can answer: nothing would be judged; "
            'expected one such as [[gates]] with kind = "threshold", metric = "f1" and min = 0.8'
        )
    _prepare(request.output)
    evaluated, lineage = both(lambda: _evaluate(request, config), lambda: _lineage(config, request))
    verdict = _verdict(config, gates, evaluated, lineage, started)
    left_out = [
        f"{gate.label} (needs {', '.join(name for name in gate.reads if name != EVALUATE)})"
        for gate in config.own_gates()
        if gate not in gates
    ]
    results = {EVALUATE: evaluated}
    return JudgedFiles(verdict, results, left_out, write_reports(request.output, verdict, results))


@dataclass(frozen=True)
class _Start:
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self.clock, 3)


def _prepare(output: Path) -> None:
    try:
        (output / "stages").mkdir(parents=True, exist_ok=True)
        drop_reports(output)
    except OSError as error:
        raise PipelineError(f"the output folder {output} cannot be written: {error.strerror}") from None


def _evaluate(request: FilesRequest, config: JudgingConfig) -> StageRun[Any]:
    """The stage `evaluate` on files; what is wrong with their content is its reason to end."""
    started = _Start()
    stage = EvaluateConfig(
        task=config.task, data=config.data, evaluation=config.evaluation, sealed=config.sealed
    )
    project = request.config.parent
    ledger = Ledger(project / config.sealed.ledger) if config.sealed else None
    aids = Aids(ledger, code_of(project.resolve(), config.package))
    try:
        report = evaluate_files(request.predictions, request.baseline_predictions, stage, aids)
    except UsageError:
        raise
    except OSError as error:  # the ledger of a sealed holdout
        raise PipelineError(f"{error.filename} cannot be written: {error.strerror}") from None
    except PipelineError as error:
        return StageRun(_broken(str(error), started))
    except Exception as error:  # noqa: BLE001 - a bug must not take the verdict along, as in a run
        is_sensitive = any(rule.sensitive for rule in config.data.columns.values())
        tail = told_whole(error, is_sensitive=is_sensitive).splitlines()
        return StageRun(_broken(told(error, is_sensitive=is_sensitive), started, tail[-TAIL_LINES:]))
    outcome = StageOutcome(name=EVALUATE, status=StageStatus.PASSED, duration=started.seconds)
    return StageRun(outcome, report.model_dump_json(indent=1))


def _broken(reason: str, started: _Start, tail: Sequence[str] = ()) -> StageOutcome:
    return StageOutcome(
        name=EVALUATE, status=StageStatus.ERROR, reason=reason, duration=started.seconds, tail=list(tail)
    )


def _verdict(
    config: JudgingConfig,
    gates: Sequence[GateConfig],
    evaluated: StageRun[Any],
    lineage: Lineage,
    started: _Start,
) -> Verdict:
    evidence = gather({EVALUATE: evaluated}, config, has_baseline=lineage.baseline is not None)
    judged = judge(gates, evidence)
    same = [_SAME_FILE] if lineage.baseline == lineage.data_digest else []
    stages = [evaluated.outcome.model_copy(update={"notes": [*same, *notes_of(evaluated)]})]
    status = decide(judged, stages, partial=len(gates) < len(config.own_gates()))
    return Verdict(
        name=config.name,
        status=status,
        should_deploy=may_deploy(status, stages, forced=None),
        first_run=is_first(judged, has_baseline=lineage.baseline is not None),
        causes=explain(judged, stages),
        gates=judged,
        stages=stages,
        lineage=lineage,
        started=started.at.isoformat(timespec="seconds"),
        duration=started.seconds,
    ).writable()


def _lineage(config: JudgingConfig, request: FilesRequest) -> Lineage:
    baseline = request.baseline_predictions
    return Lineage(
        pipeline_version=version("ml-pipeline"),
        data_digest=digest.of_file(request.predictions),
        config_digest=digest.of_value(config.model_dump(mode="json")),
        baseline=digest.of_file(baseline) if baseline else None,
        seed=config.seed,
        profile=request.profile,
    )
