"""What the gates on metrics share: finding the number that they judge, and wording it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field

from ml_stages.config.sections import EvaluationConfig
from ml_stages.evaluation.catalogue import BY_CONFIGURATION, CATALOGUE, Task, spec_of
from ml_stages.evaluation.metrics_report import Comparison, Metric, MetricsReport, SliceMetrics
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need, no_slice
from ml_stages.gates.limits import Interval
from ml_stages.report.numbers import counted, number

Inconclusive = Literal["block", "pass"]
_NO_DIRECTION = ("selection_rate",)
_OF_TWO_CLASSES = [spec.name for spec in CATALOGUE if spec.tasks == (Task.BINARY,)]


class MetricGate(GateConfig):
    """A gate on one metric of the candidate, on the whole holdout or on one slice of it."""

    metric: str
    """Name of the metric, e.g. `f1`."""
    where: dict[str, str | int | float | bool] = Field(default={})
    """The slice to judge, e.g. `{ sex = "female" }`; its columns stand in `evaluation.slices`."""
    inconclusive: Inconclusive = "block"
    """What happens when the interval holds the limit, so that the data decides neither way."""

    @property
    def reads(self) -> tuple[str, ...]:
        return ("evaluate",)

    @property
    def is_estimate(self) -> bool:
        return True

    def default_name(self) -> str:
        kind = str(getattr(self, "kind", ""))
        return f"{kind}-{self.metric}{_where(self.where)}"

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:
        if not self.where:
            return super().misfit(task, evaluation)
        return own_metric_sliced(self.metric, evaluation) or no_slice(self.where, evaluation)

    def rows_judged(self, evidence: Evidence) -> MetricsReport | SliceMetrics:
        """The whole report, or its slice; :class:`Absent` when there is no such slice."""
        report = need(evidence.metrics, "evaluate", evidence)
        if not self.where:
            return report
        wanted = {column: slice_text(value) for column, value in self.where.items()}
        for part in report.slices:
            if part.where == wanted:
                return part
        seen = sorted({", ".join(f"{c} = {v}" for c, v in part.where.items()) for part in report.slices})
        raise Absent(
            f"the report has no slice {_where(wanted).strip(' []')}; "
            f"slices: {'; '.join(seen[:10]) or 'none'}; list its columns in evaluation.slices"
        )

    def settle(self, status: GateStatus, message: str, value: float | None) -> tuple[GateStatus, str]:
        """An inconclusive result as the configuration wants it, saying so."""
        return settled(status, message, self.inconclusive, is_known=value is not None)


def settled(
    status: GateStatus, message: str, inconclusive: Inconclusive, *, is_known: bool = True
) -> tuple[GateStatus, str]:
    """Let an inconclusive result through where the configuration wants that, and say so.

    Without a value there is nothing that could be let through: what is absent never passes.
    """
    if status is GateStatus.INCONCLUSIVE and inconclusive == "pass" and is_known:
        return GateStatus.PASSED, f'{message} (let through: inconclusive = "pass")'
    return status, message


def own_metric_sliced(metric: str, evaluation: EvaluationConfig) -> str:
    """The misfit of a gate that asks for a metric of the project's own on a slice."""
    own = any(metric == known.name for known in evaluation.own_metrics)
    return f"{metric} is the project's own, which is computed on all rows alone" if own else ""


def out_of_range(metric: str, task: str, limits: Mapping[str, float | None]) -> str:
    """The misfit of a limit beyond all values of the metric: every model keeps it, or none does."""
    spec = spec_of(metric, BY_CONFIGURATION[task])
    low, high = (None, None) if spec is None else (spec.lowest, spec.highest)
    for setting, limit in limits.items():
        if limit is not None and ((low is not None and limit < low) or (high is not None and limit > high)):
            ends = " to ".join("no limit" if end is None else f"{end:g}" for end in (low, high))
            return f"{setting} = {limit:g} lies outside the range of {metric}, {ends}{_as_share(limit, high)}"
    return ""


def one_sided(metric: Metric, least: float | None, most: float | None) -> str:
    """What is said of a limit on a metric's good side alone, which every worse model keeps."""
    if metric.name in _NO_DIRECTION or (least is None) == (most is None):
        return ""
    better, setting = ("lower", "max") if most is None else ("higher", "min")
    if metric.greater_is_better != (better == "higher"):
        return ""
    return f"; {better} is better, so that every worse model keeps this limit, too: was `{setting}` meant?"


def too_wide(metric: str, task: str, setting: str, width: float) -> str:
    """The misfit of a distance that is as large as the metric's whole range: it allows, or forbids, all."""
    spec = spec_of(metric, BY_CONFIGURATION[task])
    if spec is None or spec.lowest is None or spec.highest is None or width < spec.highest - spec.lowest:
        return ""
    return (
        f"{setting} = {width:g} is no less than the whole range of {metric}, {spec.lowest:g} to "
        f"{spec.highest:g}{_as_share(width, spec.highest)}"
    )


def _as_share(limit: float, highest: float | None) -> str:
    """A hint for a percentage where a share was meant."""
    return f"; did you mean {limit / 100:g}?" if highest == 1 and 1 < limit <= 100 else ""


def slice_text(value: str | float) -> str:
    """A slice's value as reports spell it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _where(where: Mapping[str, object]) -> str:
    return f" [{', '.join(f'{column} = {value}' for column, value in where.items())}]" if where else ""


def find_metric(part: MetricsReport | SliceMetrics, name: str) -> Metric:
    """The metric, or :class:`Absent` with the nearest name."""
    for metric in part.metrics:
        if metric.name == name:
            return metric
    _need_whole(part, name)
    raise Absent(_unknown("metric", name, [metric.name for metric in part.metrics], part))


def _need_whole(part: MetricsReport | SliceMetrics, name: str) -> None:
    """Raise :class:`Absent` for a metric of the project's own that broke: an error, which blocks."""
    if isinstance(part, MetricsReport) and name in part.broken:
        raise Absent(f"{part.broken[name]}; mend the function, or take the gate out")


def find_comparison(part: MetricsReport | SliceMetrics, name: str, evidence: Evidence) -> Comparison:
    """The comparison with the baseline, or :class:`Absent` with what to do."""
    for comparison in part.comparisons:
        if comparison.metric == name:
            return comparison
    _need_whole(part, name)
    if evidence.was_compared:
        known = [comparison.metric for comparison in part.comparisons]
        raise Absent(_unknown("comparison of", name, known, part))
    raise no_baseline(evidence)


def no_baseline(evidence: Evidence, before: str = "") -> Absent:
    """Why nothing can be compared, and what to do; skipped where the configuration allows a first run.

    A baseline that gave no answers is no first run, and no choice of anybody: an error.
    """
    if "baseline" in evidence.missing:
        return Absent(f"{before}not judged: {evidence.missing['baseline']}")
    if evidence.first_run_allowed and evidence.is_declined:
        said = "no comparison: the run was told to have no baseline, though a version is published"
        return Absent(f"{before}{said}", GateStatus.SKIPPED)
    if evidence.first_run_allowed:
        return Absent(f"{before}the first run: there is no baseline yet", GateStatus.SKIPPED)
    return Absent(
        f"{before}there is no baseline to compare with; publish one or give its predictions, "
        'or set baseline.first_run = "allow" for the first run'
    )


def unchanged(evidence: Evidence, interval: tuple[float, float] | None) -> Judgement | None:
    """A pass without statistics where the baseline is the same model: then nothing can have changed.

    Equal predictions alone prove less: rows that the holdout happens not to hold may be lost.
    """
    if not evidence.same_model:
        return None
    message = "the baseline is the same model, to the byte: nothing can have changed"
    return Judgement(status=GateStatus.PASSED, message=message, observed=0.0, interval=interval)


def _unknown(what: str, name: str, known: Iterable[str], part: MetricsReport | SliceMetrics) -> str:
    names = list(known)
    if not names:
        note, on = getattr(part, "note", ""), counted(part.rows, "rows")
        return f"no {what} {name!r}: {note or f'the report holds none on {on}'}"
    if name in _OF_TWO_CLASSES:
        return (
            f"no {what} {name!r} in the report; it is of a positive and a negative class, and there are more"
        )
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names)}"
    return f"no {what} {name!r} in the report; {hint}"


def counted_of(rows: int, found: Metric | Comparison) -> str:
    """All these rows, though some may have no part in the number; or the queries among them."""
    return counted(rows, "rows") if found.unit == "rows" else found.counted


def interval_text(lower: float | None, upper: float | None, confidence: float) -> str:
    """The interval as people read it; empty where there is none."""
    if lower is None or upper is None:
        return ""
    return f" ({percent(confidence)} interval {number(lower)} to {number(upper)})"


def share_interval_text(interval: Interval, confidence: float) -> str:
    """`95% interval 1.00% to 2.50%`, of a share of rows."""
    return f"{percent(confidence)} interval {interval[0]:.2%} to {interval[1]:.2%}"


def percent(share: float) -> str:
    """A confidence as people write it: 95%, and 98.75% where an error of 5 % is divided."""
    return f"{100 * share:.4g}%"


def noted(note: str) -> str:
    return f"; note: {note}" if note else ""


def interval_of(lower: float | None, upper: float | None) -> tuple[float, float] | None:
    return None if lower is None or upper is None else (lower, upper)
