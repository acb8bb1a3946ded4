"""Judge rows of any task, as the configuration asks."""

from __future__ import annotations

from ml_stages.config.sections import EvaluationConfig
from ml_stages.evaluation import multilabel, noise, ordered
from ml_stages.evaluation.catalogue import Task, names
from ml_stages.evaluation.estimate import Judged
from ml_stages.evaluation.influence import Groups
from ml_stages.evaluation.metrics import judge
from ml_stages.evaluation.multilabel import LabelSets
from ml_stages.evaluation.ordered import Ordered
from ml_stages.evaluation.own import OwnNumbers, ProjectCode, own_numbers
from ml_stages.evaluation.rows import Classified, Measured
from ml_stages.evaluation.unit_metrics import judge_units

AnyRows = Classified | Measured | LabelSets | Ordered


def wanted(config: EvaluationConfig, task: Task) -> list[str]:
    """The names of the metrics to compute, without the project's own."""
    own = {metric.name for metric in config.own_metrics}
    chosen = [*(config.metrics or names(task)), *config.more_metrics]
    return [name for name in dict.fromkeys(chosen) if name not in own]


def judge_rows(
    candidate: AnyRows, baseline: AnyRows | None, groups: Groups | None, config: EvaluationConfig
) -> Judged:
    """Metrics and comparisons on some rows, by the configured confidence and label noise."""
    asked = wanted(config, candidate.task)
    if isinstance(candidate, LabelSets):
        theirs = multilabel.numbers(baseline, asked) if isinstance(baseline, LabelSets) else None
        return judge_units(multilabel.numbers(candidate, asked), theirs, config.confidence, groups, "rows")
    if isinstance(candidate, Ordered):
        other = ordered.numbers(baseline, asked) if isinstance(baseline, Ordered) else None
        within = None if groups is None else ordered.groups_of_queries(candidate, groups)
        return judge_units(ordered.numbers(candidate, asked), other, config.confidence, within, "queries")
    assert not isinstance(baseline, LabelSets | Ordered)  # noqa: S101 - both models have one task
    judged = judge(candidate, baseline, config.confidence, groups, asked)
    return with_label_noise(judged, candidate, config)


def with_label_noise(judged: Judged, rows: AnyRows, config: EvaluationConfig) -> Judged:
    """The same numbers with intervals that hold for the wrong labels that the configuration allows for."""
    if config.label_noise == 0 or not isinstance(rows, Classified):
        return judged
    return noise.widened(judged, rows, config.label_noise)


def asked_own(
    config: EvaluationConfig,
    code: ProjectCode | None,
    candidate: AnyRows,
    baseline: AnyRows | None,
    groups: Groups | None,
) -> OwnNumbers:
    """What the project's own metrics give, where there are any."""
    if not config.own_metrics or isinstance(candidate, LabelSets | Ordered):
        return OwnNumbers()
    assert not isinstance(baseline, LabelSets | Ordered)  # noqa: S101 - both models have one task
    return own_numbers(config.own_metrics, code, (candidate, baseline), groups)
