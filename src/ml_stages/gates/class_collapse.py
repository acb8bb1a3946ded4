"""`class-collapse`: every class of the label is still predicted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_stages.evidence import ClassCount
from ml_stages.gates.gate import Absent, Evidence, GateConfig, GateStatus, Judgement, need
from ml_stages.gates.limits import every, share_interval, within


class ClassCollapse(GateConfig):
    """Every class is predicted at least `min_ratio` times as often as it occurs in the holdout.

    Training that collapses to the majority keeps a good accuracy. The interval (exact, 95 %) of the
    predicted share is held against the share that is asked for; classes that do not occur in the
    holdout are not judged.

    Null hypothesis: some class is predicted less often.

    Source: Clopper and Pearson, Biometrika 26:404 (1934).

    Assumes: independent rows.

    Limits: classes that the holdout does not hold are not judged; the intervals of several classes are
    not corrected, since every class must pass.
    """

    kind: Literal["class-collapse"]
    min_ratio: float = Field(default=0.1, gt=0, le=1)
    """Smallest ratio of predicted rows to rows of a class."""

    def default_name(self) -> str:
        return "class-collapse"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("evaluate",)

    def judge(self, evidence: Evidence) -> Judgement:
        report = need(evidence.metrics, "evaluate", evidence)
        occurring = [found for found in report.classes if found.rows > 0]
        if not occurring:
            raise Absent("the report counts no classes; class-collapse is for classification only")
        worst = min(occurring, key=lambda found: found.predicted / found.rows)
        status = every(self._status(found, report.rows) for found in occurring)
        return Judgement(
            status=status,
            message=(
                f"class {worst.label!r} is predicted {worst.predicted:,} times and occurs {worst.rows:,} "
                f"times in {report.rows:,} rows, the least of {len(occurring)} classes; "
                f"expected at least {self.min_ratio:g} times as often as it occurs"
                + ("; too few rows to tell" if status is GateStatus.INCONCLUSIVE else "")
            ),
            observed=worst.predicted / worst.rows,
            expected={"min_ratio": self.min_ratio},
        )

    def _status(self, found: ClassCount, rows: int) -> GateStatus:
        return within(share_interval(found.predicted, rows, 0.95), self.min_ratio * found.rows / rows, None)
