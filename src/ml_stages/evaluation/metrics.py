"""The registry: by which methods each metric of the catalogue is estimated and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from ml_stages.evaluation import calibration, clustered, counts, estimators, paired, parametrised
from ml_stages.evaluation.catalogue import MetricSpec, Parameter, Task, names, parameter, spec_of
from ml_stages.evaluation.estimate import Difference, Estimate, Judged, undefined
from ml_stages.evaluation.influence import Groups
from ml_stages.evaluation.metrics_report import Comparison, Metric
from ml_stages.evaluation.rows import Classified, Measured, Rows
from ml_stages.evaluation.sample import ClassifiedPair, ClassifiedSample, MeasuredPair, MeasuredSample
from ml_stages.side_by_side import MANY, both, each

S = TypeVar("S", ClassifiedSample, MeasuredSample)
P = TypeVar("P", ClassifiedPair, MeasuredPair)


@dataclass(frozen=True)
class Method(Generic[S, P]):
    """How one metric is estimated on one model and compared between two."""

    estimate: Callable[[S], Estimate]
    compare: Callable[[P], Difference]


ClassifiedMethod = Method[ClassifiedSample, ClassifiedPair]
MeasuredMethod = Method[MeasuredSample, MeasuredPair]

_SORTED = ("roc_auc", "pr_auc", "calibration_error")
"""Metrics that share the sorted scores."""

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
    "mape": Method(parametrised.estimate_mape, parametrised.compare_mape),
}


def classified_methods(task: Task, wanted: Sequence[str]) -> dict[str, ClassifiedMethod]:
    """The methods of the task, and of the wanted metrics with a parameter."""
    methods = BINARY if task is Task.BINARY else MULTICLASS
    named = {name: parameter(name) for name in wanted if name not in methods}
    return methods | {name: _classified_method(parts) for name, parts in named.items() if parts}


def _classified_method(parts: Parameter) -> ClassifiedMethod:
    if parts.number is None:
        return Method(partial(parametrised.estimate_class, parts), partial(parametrised.compare_class, parts))
    k = int(parts.number)
    return Method(partial(parametrised.estimate_top, k), partial(parametrised.compare_top, k))


def measured_methods(wanted: Sequence[str]) -> dict[str, MeasuredMethod]:
    """The methods of regression, and of the wanted quantile losses."""
    named = {name: parameter(name) for name in wanted if name not in REGRESSION}
    return REGRESSION | {
        name: Method(
            partial(parametrised.estimate_quantile, parts.number),
            partial(parametrised.compare_quantile, parts.number),
        )
        for name, parts in named.items()
        if parts and parts.number
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
        """The wanted metrics of a task, in the order of the reports; those with a parameter last."""
        plain = [name for name in names(task) if not self.wanted or name in self.wanted]
        return plain + [name for name in dict.fromkeys(self.wanted) if name not in names(task)]

    def spec(self, name: str, task: Task) -> MetricSpec:
        """What a name means for the task."""
        found = spec_of(name, (task,))
        if found is None:
            raise ValueError(f"{name!r} is no metric of a {task} task")
        return found


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
    methods = classified_methods(candidate.task, common.wanted)
    sample = ClassifiedSample(candidate, common.confidence, baseline is None and common.groups is None)
    estimates = _classified_estimates(methods, sample, common)
    metrics = _metrics(estimates, common, candidate.task)
    if baseline is None:
        return Judged(metrics, [])
    other = ClassifiedSample(baseline, common.confidence)
    others = _classified_estimates(methods, other, common)
    pair = ClassifiedPair(sample, other)
    return Judged(metrics, _comparisons(methods, pair, estimates, others, common))


def _judge_measured(candidate: Measured, baseline: Measured | None, common: Common) -> Judged:
    sample = MeasuredSample(candidate, common.confidence)
    methods = measured_methods(common.wanted)
    estimates = {name: _estimate(methods, name, sample, common) for name in common.names(Task.REGRESSION)}
    metrics = _metrics(estimates, common, candidate.task)
    if baseline is None:
        return Judged(metrics, [])
    other = MeasuredSample(baseline, common.confidence)
    others = {name: _estimate(methods, name, other, common) for name in common.names(Task.REGRESSION)}
    pair = MeasuredPair(sample, other)
    return Judged(metrics, _comparisons(methods, pair, estimates, others, common))


def _classified_estimates(
    methods: dict[str, ClassifiedMethod], sample: ClassifiedSample, common: Common
) -> dict[str, Estimate]:
    usable = sample.rows.probabilities is not None

    def estimates(names: Iterable[str]) -> dict[str, Estimate]:
        return {
            name: _estimate(methods, name, sample, common)
            if usable or not common.spec(name, sample.rows.task).needs_probabilities
            else undefined("the predictions have no probabilities (predict_proba)")
            for name in names
        }

    names = common.names(sample.rows.task)
    if len(sample.rows) < MANY:
        return estimates(names)
    # The first of sorted scores sorts them, which takes about as long as all others.
    sorting = [name for name in names if name in _SORTED]
    others = [name for name in names if name not in _SORTED]
    of_first, of_others = both(partial(estimates, sorting[:1]), partial(estimates, others))
    found = of_first | of_others
    for more in each(estimates, [[name] for name in sorting[1:]]):
        found |= more
    return {name: found[name] for name in names}


def _estimate(methods: dict[str, Method[S, P]], name: str, sample: S, common: Common) -> Estimate:
    by_row = methods[name].estimate(sample)
    return by_row if common.groups is None else clustered.estimate(name, by_row, sample, common.groups)


def _metrics(estimates: dict[str, Estimate], common: Common, task: Task) -> list[Metric]:
    return [
        estimate.as_metric(
            name, common.confidence, common.rows, greater_is_better=common.spec(name, task).greater_is_better
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
            common.spec(name, pair.candidate.rows.task),
            estimates[name],
            other,
            common,
            partial(_difference, methods, name, pair, common),
        )
        for name, other in others.items()
    ]


def _difference(methods: dict[str, Method[S, P]], name: str, pair: P, common: Common) -> Difference:
    by_row = methods[name].compare(pair)
    if common.groups is None or name in clustered.UNKNOWN:
        return by_row
    return clustered.compare(name, by_row, pair.candidate, pair.baseline, common.groups)


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
        freedom=difference and difference.freedom,
        deviation=difference and difference.deviation,
        greater_is_better=spec.greater_is_better,
        note=difference.note if difference else "; ".join(undefined),
    )
