"""The registry: by which methods each metric of the catalogue is estimated and compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from ml_stages.evaluation import calibration, clustered, counts, estimators, paired
from ml_stages.evaluation.catalogue import SPECS, MetricSpec, Task, names
from ml_stages.evaluation.clustered import Groups
from ml_stages.evaluation.estimate import Difference, Estimate, Judged, undefined
from ml_stages.evaluation.rows import Classified, Measured, Rows
from ml_stages.evaluation.sample import ClassifiedPair, ClassifiedSample, MeasuredPair, MeasuredSample
from ml_stages.evidence import Comparison, Metric

S = TypeVar("S", ClassifiedSample, MeasuredSample)
P = TypeVar("P", ClassifiedPair, MeasuredPair)


@dataclass(frozen=True)
class Method(Generic[S, P]):
    """How one metric is estimated on one model and compared between two."""

    estimate: Callable[[S], Estimate]
    compare: Callable[[P], Difference]


ClassifiedMethod = Method[ClassifiedSample, ClassifiedPair]
MeasuredMethod = Method[MeasuredSample, MeasuredPair]

_BOTH: dict[str, ClassifiedMethod] = {
    "accuracy": Method(estimators.accuracy, paired.accuracy),
    "balanced_accuracy": Method(estimators.macro_recall, paired.dirichlet(counts.balanced_accuracy)),
    "f1_macro": Method(estimators.resampled(counts.f1_macro), paired.dirichlet(counts.f1_macro)),
    "f1_micro": Method(estimators.accuracy, paired.accuracy),
    "f1_weighted": Method(estimators.resampled(counts.f1_weighted), paired.dirichlet(counts.f1_weighted)),
    "mcc": Method(estimators.mcc, paired.dirichlet(counts.mcc)),
    "roc_auc": Method(estimators.roc_auc, paired.roc_auc),
    "pr_auc": Method(estimators.pr_auc, paired.pr_auc),
    "log_loss": Method(estimators.log_loss, paired.log_loss),
    "brier": Method(estimators.brier, paired.brier),
    "calibration_error": Method(calibration.calibration_error, calibration.compare),
}

BINARY: dict[str, ClassifiedMethod] = _BOTH | {
    "precision": Method(estimators.precision, paired.dirichlet(counts.precision)),
    "recall": Method(estimators.recall, paired.recall),
    "specificity": Method(estimators.specificity, paired.specificity),
    "f1": Method(estimators.f1, paired.dirichlet(counts.f1)),
    "selection_rate": Method(estimators.selection_rate, paired.selection_rate),
}

MULTICLASS: dict[str, ClassifiedMethod] = _BOTH | {
    "precision": Method(estimators.macro_precision, paired.dirichlet(counts.precision_macro)),
    "recall": Method(estimators.macro_recall, paired.dirichlet(counts.balanced_accuracy)),
    "f1": Method(estimators.resampled(counts.f1_macro), paired.dirichlet(counts.f1_macro)),
}

REGRESSION: dict[str, MeasuredMethod] = {
    "mae": Method(estimators.mae, paired.mae),
    "rmse": Method(estimators.rmse, paired.rmse),
    "r2": Method(estimators.r2, paired.r2),
}


@dataclass(frozen=True)
class Common:
    """What all numbers about the same rows share."""

    rows: int
    confidence: float
    groups: Groups | None = None
    """Which rows belong together, by numbers from 0 on without gaps; ``None`` where all are independent."""
    wanted: tuple[str, ...] = ()
    """The metrics to compute; all of the task where there are none."""

    def names(self, task: Task) -> list[str]:
        """The wanted metrics of a task, in the order of the reports."""
        return [name for name in names(task) if not self.wanted or name in self.wanted]


def judge(
    candidate: Rows,
    baseline: Rows | None,
    confidence: float,
    groups: Groups | None = None,
    wanted: Sequence[str] = (),
) -> Judged:
    """Every wanted metric with its interval, and its comparison with the baseline where there is one.

    ``groups`` are the rows that belong together; without ``wanted`` it is every metric of the task.
    Metrics that need probabilities are undefined where there are none.
    """
    common = Common(len(candidate), confidence, groups, tuple(wanted))
    if isinstance(candidate, Classified):
        if isinstance(baseline, Measured):
            raise TypeError("a classifier is compared with classifiers")
        return _judge_classified(candidate, baseline, common)
    if isinstance(baseline, Classified):
        raise TypeError("a regression model is compared with regression models")
    return _judge_measured(candidate, baseline, common)


def _judge_classified(candidate: Classified, baseline: Classified | None, common: Common) -> Judged:
    methods = BINARY if candidate.task is Task.BINARY else MULTICLASS
    sample = ClassifiedSample(candidate, common.confidence)
    estimates = _classified_estimates(methods, sample, common)
    metrics = _metrics(estimates, common)
    if baseline is None:
        return Judged(metrics, [])
    other = ClassifiedSample(baseline, common.confidence)
    others = _classified_estimates(methods, other, common)
    pair = ClassifiedPair(sample, other)
    return Judged(metrics, _comparisons(methods, pair, estimates, others, common))


def _judge_measured(candidate: Measured, baseline: Measured | None, common: Common) -> Judged:
    sample = MeasuredSample(candidate, common.confidence)
    estimates = {name: _estimate(REGRESSION, name, sample, common) for name in common.names(Task.REGRESSION)}
    metrics = _metrics(estimates, common)
    if baseline is None:
        return Judged(metrics, [])
    other = MeasuredSample(baseline, common.confidence)
    others = {name: _estimate(REGRESSION, name, other, common) for name in common.names(Task.REGRESSION)}
    pair = MeasuredPair(sample, other)
    return Judged(metrics, _comparisons(REGRESSION, pair, estimates, others, common))


def _classified_estimates(
    methods: dict[str, ClassifiedMethod], sample: ClassifiedSample, common: Common
) -> dict[str, Estimate]:
    usable = sample.rows.probabilities is not None
    return {
        name: _estimate(methods, name, sample, common)
        if usable or not SPECS[name].needs_probabilities
        else undefined("the predictions have no probabilities (predict_proba)")
        for name in common.names(sample.rows.task)
    }


def _estimate(methods: dict[str, Method[S, P]], name: str, sample: S, common: Common) -> Estimate:
    by_row = methods[name].estimate(sample)
    return by_row if common.groups is None else clustered.estimate(name, by_row, sample, common.groups)


def _metrics(estimates: dict[str, Estimate], common: Common) -> list[Metric]:
    return [
        Metric(
            name=name,
            value=estimate.value,
            lower=estimate.lower,
            upper=estimate.upper,
            confidence=common.confidence,
            method=estimate.method,
            rows=common.rows,
            greater_is_better=SPECS[name].greater_is_better,
            note=estimate.note,
        )
        for name, estimate in estimates.items()
    ]


def _comparisons(
    methods: dict[str, Method[S, P]],
    pair: P,
    estimates: dict[str, Estimate],
    others: dict[str, Estimate],
    common: Common,
) -> list[Comparison]:
    return [
        _comparison(
            SPECS[name], estimates[name], other, common, partial(_difference, methods, name, pair, common)
        )
        for name, other in others.items()
    ]


def _difference(methods: dict[str, Method[S, P]], name: str, pair: P, common: Common) -> Difference:
    if common.groups is None or name in clustered.UNKNOWN:
        return methods[name].compare(pair)
    return clustered.compare(name, pair.candidate, pair.baseline, common.groups)


def _comparison(
    spec: MetricSpec,
    candidate: Estimate,
    baseline: Estimate,
    common: Common,
    compare: Callable[[], Difference],
) -> Comparison:
    undefined = [
        f"{side}: {estimate.note}"
        for side, estimate in (("candidate", candidate), ("baseline", baseline))
        if estimate.value is None
    ]
    difference = None if undefined else compare()
    return Comparison(
        metric=spec.name,
        candidate=candidate.value,
        baseline=baseline.value,
        difference=difference and difference.value,
        lower=difference and difference.lower,
        upper=difference and difference.upper,
        confidence=common.confidence,
        method=difference.method if difference else "",
        rows=common.rows,
        discordant=difference and difference.discordant,
        greater_is_better=spec.greater_is_better,
        note=difference.note if difference else "; ".join(undefined),
    )
