"""`sealed`: the sealed holdout says yes."""

from __future__ import annotations

from typing import Literal

from ml_stages.evaluation.metrics_report import SealedReport
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need
from ml_stages.gates.model_metric import interval_text, no_baseline
from ml_stages.report.numbers import number


class Sealed(GateConfig):
    """The sealed part of the holdout proves what the section `sealed` asks, by one bit.

    Stands by itself where that section is there. `no` means that it is not proven, which of course can
    be for lack of rows; no number says how far it was. The test is exact (Clopper and Pearson for a
    bound, Berger and Boos for a paired difference), at an error of 1 - `reliability` divided among
    everything that `runs` answers can lead to: 2 to the power of `runs` candidates with
    `adaptivity = "full"`, `runs` with `"first-change"` (Renggli et al., MLSys 2019). The same
    predictions asked again get the same answer for nothing. When the answers are spent the gate is
    inconclusive and blocks, the numbers of the retired rows are shown, and these rows are open from then on.
    As soon as the data has as many fresh rows that the hash seals as the plan needs, they alone are asked.

    Null hypothesis: the candidate does not meet the condition.

    Source: Clopper and Pearson, Biometrika 26:404 (1934); Berger and Boos, J. Am. Stat. Assoc. 89:1012
    (1994); Renggli et al., MLSys 2019.

    Assumes: sealed rows are independent and drawn like those that the model will meet, their labels are
    right, and nobody looks at them otherwise.

    Limits: classification only. What is sealed is what reports say: the labels lie where the data lies.
    Two branches that ask at once may together ask more often than planned, which shows when ledgers are
    merged. An edited or incomplete ledger is an error; what it cannot notice stands in docs/judging.md.
    """

    kind: Literal["sealed"]

    def default_name(self) -> str:
        return "sealed"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("evaluate",)

    def judge(self, evidence: Evidence) -> Judgement:
        report = need(evidence.metrics, "evaluate", evidence).sealed
        if report is None:
            raise Absent("the report has no answer of a sealed holdout; configure the section `sealed`")
        if report.answer is None:
            raise no_baseline(evidence, f"not asked, nothing spent{_few(report)}: ")
        status = {"yes": GateStatus.PASSED, "no": GateStatus.FAILED, "spent": GateStatus.INCONCLUSIVE}
        return Judgement(
            status=status[report.answer],
            message=_wording(report),
            observed=report.answer,
            expected=report.asked,
        )


def _wording(report: SealedReport) -> str:
    answers = {
        "yes": f"the sealed holdout proves {report.asked}",
        "no": f"the sealed holdout does not prove {report.asked}",
        "spent": f"the sealed holdout is spent after {report.runs} answers or the one that retired it",
    }
    again = " (asked before: free)" if report.repeated else ""
    again += f"; {report.retired:,} rows are retired and open, the others alone were asked" * _renewed(report)
    left = f"{report.remaining} of {report.runs} answers left"
    few = "" if report.answer == "spent" else _few(report)
    return f"{answers[str(report.answer)]}{again}; {left}{few}{_retirement(report)}"


def _few(report: SealedReport) -> str:
    if report.rows >= report.planned:
        return ""
    return (
        f"; {report.rows:,} rows decide, the plan needs {report.planned:,} (a candidate must be better by "
        "more than the tolerance)"
    )


def _retirement(report: SealedReport) -> str:
    if report.remaining:
        return ""
    shown = ", ".join(
        f"{metric.name} {number(metric.value)}{interval_text(metric.lower, metric.upper, metric.confidence)}"
        for metric in report.metrics[:3]
        if metric.value is not None
    )
    numbers = f"; its numbers, now that it is retired: {shown}" if shown else ""
    there = f", of which {report.fresh:,} are there" if report.retired and not _renewed(report) else ""
    return f"; for the next candidate seal {report.planned:,} fresh rows{there}{numbers}"


def _renewed(report: SealedReport) -> bool:
    """Whether fresh rows answered after others were retired."""
    return report.retired > 0 and report.fresh >= report.planned
