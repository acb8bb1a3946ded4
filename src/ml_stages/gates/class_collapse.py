"""`class-collapse`: every class of the label is still predicted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.config.sections import EvaluationConfig
from ml_stages.evaluation.metrics_report import ClassCount, MetricsReport
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need, no_classes
from ml_stages.gates.limits import Interval, within
from ml_stages.gates.model_metric import Inconclusive, interval_of, interval_text, noted, settled
from ml_stages.gates.multiple import all_must_keep, chance_of, smallest
from ml_stages.report.numbers import counted, exact


class ClassCollapse(GateConfig):
    """Every class is predicted at least `min_ratio` times as often as it occurs in the holdout.

    Training that collapses to the majority keeps a good accuracy. The interval of the share of rows that
    are predicted as a class is held against `min_ratio` times the share that has it. Every class within
    its limit passes; some class proven beyond it, in spite of their number (Holm's procedure), fails;
    else it is inconclusive.

    Null hypothesis: some class is predicted less often.

    Source: Clopper and Pearson, Biometrika 26:404 (1934); Holm, Scand. J. Stat. 6:65 (1979).

    Assumes: rows (or the groups of `evaluation.cluster`) are independent, and how often a class occurs is
    taken from the holdout as if it were known: near `min_ratio = 1` the interval is then too narrow for a
    model that predicts at random.

    Limits: classes that do not occur in the holdout are not judged. That a class is predicted often enough
    does not mean that it is predicted rightly: see `slice`, or `threshold` with `recall[CLASS]`.
    """

    kind: Literal["class-collapse"]
    min_ratio: float = Field(default=0.1, gt=0, le=1)
    """Smallest ratio of predicted rows to rows of a class."""
    inconclusive: Inconclusive = "block"
    """What happens when there are too few rows to tell."""

    def default_name(self) -> str:
        return "class-collapse"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("evaluate",)

    @property
    def is_estimate(self) -> bool:
        return True

    def misfit(self, task: str, evaluation: EvaluationConfig) -> str:  # noqa: ARG002 - an interface
        return no_classes("class-collapse", task)

    def judge(self, evidence: Evidence) -> Judgement:
        report = need(evidence.metrics, "evaluate", evidence)
        occurring = [found for found in report.classes if found.rows > 0]
        if not occurring:
            raise Absent("the report counts no classes; class-collapse is for classification only")
        worst = min(occurring, key=lambda found: found.predicted / found.rows)
        chances = [self._chance(found, report) for found in occurring]
        held = [within(_interval(found), self._least(found, report), None) for found in occurring]
        found = all_must_keep(held, chances, worst.share.confidence)
        status, message = settled(found, self._wording(worst, report, len(occurring)), self.inconclusive)
        return Judgement(
            status=status,
            message=message + ("; too few rows to tell" if found is GateStatus.INCONCLUSIVE else ""),
            observed=worst.predicted / worst.rows,
            expected={"min_ratio": self.min_ratio},
            interval=_times(_interval(worst), report.rows / worst.rows),
            chance=smallest(chances),
            harm="a class is predicted too seldom",
        )

    def _least(self, found: ClassCount, report: MetricsReport) -> float:
        return self.min_ratio * found.rows / report.rows

    def _chance(self, found: ClassCount, report: MetricsReport) -> float:
        chance = chance_of(found.share, (self._least(found, report), None))
        return 1.0 if chance is None else chance

    def _wording(self, worst: ClassCount, report: MetricsReport, classes: int) -> str:
        low, high = _times(_interval(worst), report.rows / worst.rows) or (None, None)
        ratio = f"{worst.predicted / worst.rows:.4g}{interval_text(low, high, worst.share.confidence)}"
        return (
            f"class {worst.label!r} is predicted {worst.predicted:,} times and occurs {worst.rows:,} "
            f"times in {counted(report.rows, 'rows')}, a ratio of {ratio}"
            f"{f', the least of {classes} classes' if classes > 1 else ''}; "
            f"expected at least {exact(self.min_ratio)} for each{noted(worst.share.note)}{_absent(report)}"
        )


def _absent(report: MetricsReport) -> str:
    """The classes that the holdout does not hold, so that nobody takes them for judged."""
    names = [repr(found.label) for found in report.classes if not found.rows]
    return (
        f"; not judged, for want of rows: {', '.join(names[:5])}{', ...' * (len(names) > 5)}" if names else ""
    )


def _interval(found: ClassCount) -> Interval | None:
    return interval_of(found.share.lower, found.share.upper)


def _times(interval: Interval | None, factor: float) -> Interval | None:
    return None if interval is None else (interval[0] * factor, interval[1] * factor)
