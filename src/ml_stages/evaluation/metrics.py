"""The registry: by which methods each metric of the catalogue is estimated and compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from ml_stages.evaluation import counts, estimators, paired
from ml_stages.evaluation.catalogue import SPECS, MetricSpec, Task, names
from ml_stages.evaluation.estimate import Difference, Estimate, undefined
from ml_stages.evaluation.rows import Classified, Measured, Rows
from ml_stages.evaluation.sample import ClassifiedPair, ClassifiedSample, MeasuredPair, MeasuredSample
from ml_stages.evidence import Comparison, Metric

S = TypeVar("S")
P = TypeVar("P")


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


@dataclass(frozen=True)
class Judged:
    """Metrics of the candidate and, where there is a baseline, how it compares."""

    metrics: list[Metric]
    comparisons: list[Comparison]


def judge(candidate: Rows, baseline: Rows | None, confidence: float) -> Judged:
    """Every metric of the task that the predictions allow, and every comparison that both allow."""
    if isinstance(candidate, Classified):
        if isinstance(baseline, Measured):
            raise TypeError("a classifier is compared with classifiers")
        return _judge_classified(candidate, baseline, confidence)
    if isinstance(baseline, Classified):
        raise TypeError("a regression model is compared with regression models")
    return _judge_measured(candidate, baseline, confidence)


def _judge_classified(candidate: Classified, baseline: Classified | None, confidence: float) -> Judged:
    methods = BINARY if candidate.task is Task.BINARY else MULTICLASS
    common = Common(len(candidate), confidence)
    sample = ClassifiedSample(candidate, confidence)
    estimates = _classified_estimates(methods, sample)
    metrics = _metrics(estimates, common)
    if baseline is None:
        return Judged(metrics, [])
    other = ClassifiedSample(baseline, confidence)
    others = _classified_estimates(methods, other)
    return Judged(metrics, _comparisons(methods, ClassifiedPair(sample, other), estimates, others, common))


def _classified_estimates(
    methods: dict[str, ClassifiedMethod], sample: ClassifiedSample
) -> dict[str, Estimate]:
    """An estimate for every metric; those that need probabilities are undefined without any."""
    usable = sample.rows.probabilities is not None
    return {
        name: methods[name].estimate(sample)
        if usable or not SPECS[name].needs_probabilities
        else undefined("the predictions have no probabilities (predict_proba)")
        for name in names(sample.rows.task)
    }


def _judge_measured(candidate: Measured, baseline: Measured | None, confidence: float) -> Judged:
    common = Common(len(candidate), confidence)
    sample = MeasuredSample(candidate, confidence)
    estimates = _estimates(REGRESSION, sample, names(Task.REGRESSION))
    metrics = _metrics(estimates, common)
    if baseline is None:
        return Judged(metrics, [])
    other = MeasuredSample(baseline, confidence)
    others = _estimates(REGRESSION, other, names(Task.REGRESSION))
    return Judged(metrics, _comparisons(REGRESSION, MeasuredPair(sample, other), estimates, others, common))


def _estimates(methods: dict[str, Method[S, P]], sample: S, wanted: list[str]) -> dict[str, Estimate]:
    return {name: methods[name].estimate(sample) for name in wanted}


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
        _comparison(SPECS[name], estimates[name], other, common, partial(methods[name].compare, pair))
        for name, other in others.items()
    ]


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
