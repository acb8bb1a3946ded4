"""The stage ``evaluate``: predictions and labels in, metrics with intervals out."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from ml_stages.config.data import DataConfig
from ml_stages.config.package import PackageConfig
from ml_stages.config.sealed import SealedConfig
from ml_stages.config.section import Section
from ml_stages.config.sections import EvaluationConfig
from ml_stages.errors import StageError
from ml_stages.evaluation.catalogue import MULTILABEL, NUMERIC, fault
from ml_stages.evaluation.class_notes import class_notes, probability_notes
from ml_stages.evaluation.estimate import Judged
from ml_stages.evaluation.golden import golden_rows, output_of
from ml_stages.evaluation.influence import Groups
from ml_stages.evaluation.judging import AnyRows, asked_own, judge_rows, wanted, with_label_noise
from ml_stages.evaluation.masked_keys import MaskedKeys, masked_keys
from ml_stages.evaluation.metrics_report import Behaviour, ClassCount, Metric, MetricsReport, SealedReport
from ml_stages.evaluation.mistakes import confusions, reliability
from ml_stages.evaluation.multilabel import LabelSets, multilabel_notes
from ml_stages.evaluation.ordered import Ordered, ranking_notes
from ml_stages.evaluation.own import OwnNumber, OwnNumbers, ProjectCode
from ml_stages.evaluation.predicted_shares import Shares, class_counts, disagreement
from ml_stages.evaluation.read import KEY, LABEL, in_order_of, read_labels, read_predictions
from ml_stages.evaluation.rows import Classified
from ml_stages.evaluation.sides import BASELINE, CANDIDATE, groups_of, sides
from ml_stages.evaluation.slices import judge_slice, slices_of
from ml_stages.evaluation.text import canonical_value
from ml_stages.job import Job
from ml_stages.sealed.ledger import Ledger

CLUSTER, QUERY = "cluster", "query"
"""Columns of predicted rows of the train set that say which belong together, and are ranked together."""
PERTURBED, PERTURBED_PREDICTIONS = "perturbed-rows", "perturbed-predictions"
LEDGER, SEALED_LEDGER = "ledger", "sealed-ledger"


@dataclass(frozen=True)
class Aids:
    """What an evaluation uses besides tables."""

    ledger: Ledger | None = None
    """Of a sealed holdout."""
    code: ProjectCode | None = None
    keys: pl.Series | None = None
    """The keys by which a sealed holdout knows the rows, where those of the labels are masked."""


class EvaluateConfig(Section):
    """The part of the configuration that the stage sees."""

    task: Literal["classification", "regression", "multilabel", "ranking"]
    data: DataConfig
    evaluation: EvaluationConfig = EvaluationConfig()
    sealed: SealedConfig | None = None
    package: PackageConfig | None = None

    def stricter(self, divisor: int) -> EvaluateConfig:
        """The same with the error of every interval divided."""
        confidence = 1 - (1 - self.evaluation.confidence) / divisor
        evaluation = self.evaluation.model_copy(update={"confidence": confidence})
        return self.model_copy(update={"evaluation": evaluation})


def run(job: Job) -> None:
    """Evaluate the candidate's and, where there are any, the baseline's predictions on the holdout."""
    try:
        config = EvaluateConfig.model_validate(job.config)
    except ValidationError as error:
        raise StageError(f"the job's configuration is not valid: {error}") from None
    labels = read_labels(job.inputs["holdout-labels"], holes=config.task == MULTILABEL)
    keys, masked = labels[KEY], masked_keys(labels, config.data)
    labels = masked.hide(labels) if masked else labels
    candidate = _read(job.inputs[CANDIDATE], labels, config, masked)
    baseline = _read(job.inputs[BASELINE], labels, config, masked) if BASELINE in job.inputs else None
    code = code_of(job.inputs["code"], config.package) if "code" in job.inputs else None
    aids = Aids(_ledger(job, config), code, keys)
    report = evaluate(labels, candidate, baseline, config, aids)

    def with_behaviours(report: MetricsReport, config: EvaluateConfig) -> MetricsReport:
        return report.model_copy(update={"behaviours": _behaviours(job, labels, candidate, config, masked)})

    stricter = {
        divisor: with_behaviours(part, config.stricter(divisor)) for divisor, part in report.stricter.items()
    }
    job.write_report(with_behaviours(report, config).model_copy(update={"stricter": stricter}))


def code_of(folder: Path, package: PackageConfig | None) -> ProjectCode:
    """What a project's own metrics are imported from."""
    return ProjectCode(folder, None if package is None else package.model_dump())


def _behaviours(
    job: Job,
    labels: pl.DataFrame,
    candidate: pl.DataFrame,
    config: EvaluateConfig,
    masked: MaskedKeys | None,
) -> list[Behaviour]:
    """What the predictor answered for changed rows, where a gate asked for them."""
    if PERTURBED not in job.inputs or PERTURBED_PREDICTIONS not in job.inputs:
        return []
    from ml_stages.behaviour.measure import Holdout, behaviours  # noqa: PLC0415 - few runs need it

    confidence, together = config.evaluation.confidence, config.evaluation.together
    cluster = config.evaluation.cluster and CLUSTER
    query = config.evaluation.query and QUERY
    of_train = config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"query": query})})
    holdout = Holdout(
        candidate,
        config.task in NUMERIC,
        None if config.data.positive is None else canonical_value(config.data.positive),
        lambda keys: Shares(
            confidence, groups_of(keys.join(labels, on=KEY, maintain_order="left"), together)
        ),
        sets=config.task == MULTILABEL,
        masked=masked,
    )

    def judge(trained: pl.DataFrame, predictions: pl.DataFrame) -> list[Metric]:
        found = sides(trained, in_order_of(trained, predictions, "train-set"), None, of_train)
        return judge_rows(found.rows, None, groups_of(trained, cluster), config.evaluation).metrics

    return behaviours(job.inputs[PERTURBED], job.inputs[PERTURBED_PREDICTIONS], holdout, judge)


def _ledger(job: Job, config: EvaluateConfig) -> Ledger | None:
    """The ledger of earlier runs, copied to where this run's answers are added to it."""
    if config.sealed is None:
        return None
    folder = job.outputs[SEALED_LEDGER]
    if LEDGER in job.inputs:
        shutil.copytree(job.inputs[LEDGER], folder, dirs_exist_ok=True)
    return Ledger(folder)


def _read(
    folder: Path, labels: pl.DataFrame, config: EvaluateConfig, masked: MaskedKeys | None
) -> pl.DataFrame:
    is_set, is_number = config.task == MULTILABEL, config.task in NUMERIC
    hide = masked.hide if masked else None
    return read_predictions(folder, labels[LABEL], numeric=is_number, holes=is_set, hide=hide)


def evaluate(
    labels: pl.DataFrame,
    candidate: pl.DataFrame,
    baseline: pl.DataFrame | None,
    config: EvaluateConfig,
    aids: Aids = Aids(),
) -> MetricsReport:
    """Metrics, comparisons and slices of predictions, joined to the labels by ``key``.

    ``labels`` has ``key``, ``label`` and the columns of the slices, the predictions ``key``,
    ``prediction`` and perhaps ``probability_<class>``. With a sealed holdout its rows are asked by way
    of the ledger and are in no other number. Raises :class:`StageError` for keys that do not match and
    for values that are missing.
    """
    mine = in_order_of(labels, candidate, CANDIDATE)
    theirs = None if baseline is None else in_order_of(labels, baseline, BASELINE)
    found = sides(labels, mine, theirs, config)
    report = _evaluated(labels, (found.rows, found.others), config, aids)
    if not found.uncompared:
        return report
    notes = [*report.notes, f"not compared: {found.uncompared}"]
    return report.model_copy(update={"uncompared": found.uncompared, "notes": notes})


def _evaluated(
    labels: pl.DataFrame, both: tuple[AnyRows, AnyRows | None], config: EvaluateConfig, aids: Aids
) -> MetricsReport:
    if config.sealed is None or aids.ledger is None:
        return _open_reports(labels, *both, config, aids.code)
    # Needs scipy, which most runs do not.
    from ml_stages.sealed.question import is_retired, is_sealed  # noqa: PLC0415

    keys = labels[KEY] if aids.keys is None else aids.keys
    hidden = is_sealed(keys, config.sealed.share)
    retired = is_retired(keys, aids.ledger)
    asked = keys.filter(hidden).cast(pl.String).to_list()
    answer = _ask((asked, retired[hidden]), _split(*both, hidden), config, aids.ledger)
    shown = ~hidden | retired
    seen = _open_reports(labels.filter(shown), *_split(*both, shown), config, aids.code)
    return seen.model_copy(update={"sealed": answer})


def _split(
    rows: AnyRows, others: AnyRows | None, chosen: NDArray[np.bool_]
) -> tuple[AnyRows, AnyRows | None]:
    index = np.flatnonzero(chosen)
    return rows.take(index), None if others is None else others.take(index)


def _ask(
    hidden: tuple[list[str], NDArray[np.bool_]],
    both: tuple[AnyRows, AnyRows | None],
    config: EvaluateConfig,
    ledger: Ledger,
) -> SealedReport:
    """The answer on hidden rows, given by their keys and by which of them are retired."""
    from ml_stages.sealed.question import Sealed, ask  # noqa: PLC0415 (needs scipy)

    (keys, retired), (rows, others) = hidden, both
    assert config.sealed is not None  # noqa: S101 - asked only where it is configured
    if not isinstance(rows, Classified) or not isinstance(others, Classified | None):
        raise StageError(f"a sealed holdout judges classes; the task is {config.task}")
    if not len(rows) > 0:
        raise StageError("the sealed part of the holdout has no rows: raise sealed.share or data.holdout")
    return ask(Sealed(keys, rows, others), retired, config.sealed, ledger, config.evaluation.confidence)


def _open_reports(
    labels: pl.DataFrame,
    rows: AnyRows,
    others: AnyRows | None,
    config: EvaluateConfig,
    code: ProjectCode | None,
) -> MetricsReport:
    """The report, and in it those with narrower errors that composed gates need."""
    if not len(rows):
        raise StageError("the open part of the holdout has no rows: lower sealed.share or raise data.holdout")
    own = asked_own(config.evaluation, code, rows, others, groups_of(labels, config.evaluation.cluster))
    stricter = {
        divisor: _open_report(labels, rows, others, config.stricter(divisor), own)
        for divisor in config.evaluation.stricter
    }
    report = _open_report(labels, rows, others, config, own)
    seen = reliability(rows, config.evaluation.confidence, grouped=config.evaluation.cluster is not None)
    return report.model_copy(
        update={"stricter": stricter, "confusions": confusions(rows), "reliability": seen}
    )


def _open_report(
    labels: pl.DataFrame, rows: AnyRows, others: AnyRows | None, config: EvaluateConfig, own: OwnNumbers
) -> MetricsReport:
    golden, groups = config.evaluation.golden, groups_of(labels, config.evaluation.cluster)
    shares = Shares(config.evaluation.confidence, groups)
    _check_names(wanted(config.evaluation, rows.task), rows)
    judged = judge_rows(rows, others, groups, config.evaluation)
    judged_own = [_judged_own(one, groups, rows, config.evaluation) for one in own.found]
    parts = slices_of(labels, config.evaluation.slices, config.evaluation.crossed)
    classes = class_counts(rows, others, shares)
    return MetricsReport(
        rows=len(rows),
        metrics=[metric for one in (judged, *judged_own) for metric in one.metrics],
        comparisons=[comparison for one in (judged, *judged_own) for comparison in one.comparisons],
        broken=dict(own.broken),
        notes=[*_notes(rows, classes), *(reason for _, reason in own.broken)],
        slices=[judge_slice(part, rows, others, config.evaluation, groups) for part in parts],
        classes=classes,
        positive=rows.classes[1] if isinstance(rows, Classified) and len(rows.classes) == 2 else None,
        disagreement=disagreement(rows, others, shares),
        golden=golden_rows(labels, rows, others, golden, is_sensitive=config.data.is_sensitive(golden or "")),
        output=output_of(rows),
    )


def _notes(rows: AnyRows, classes: list[ClassCount]) -> list[str]:
    """What no average shows of the rows behind the numbers."""
    if isinstance(rows, LabelSets):
        return multilabel_notes(rows)
    if isinstance(rows, Ordered):
        return ranking_notes(rows)
    told = probability_notes(rows) if isinstance(rows, Classified) else []
    return [*class_notes(classes, len(rows)), *told]


def _judged_own(one: OwnNumber, groups: Groups | None, rows: AnyRows, evaluation: EvaluationConfig) -> Judged:
    judged = one.judged(evaluation.confidence, groups, len(rows))
    return with_label_noise(judged, rows, evaluation)


def _check_names(asked: list[str], rows: AnyRows) -> None:
    for name in asked:
        if wrong := fault(name, (rows.task,)):
            raise StageError(f"evaluation.metrics: {wrong} (the task is {rows.task})")
