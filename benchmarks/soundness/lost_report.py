"""The table of count metrics and rankings over groups of rows that are lost."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from lost_groups import BEYOND
from tables import percent, table

_TEXT = """\
Two models are compared on groups of ten rows: equal ones, or a candidate that is the baseline but in
three groups (expected; a sample has none of them in about 5 %). Too high: the lower bound lies above
the true difference, so that a candidate that is worse by the margin passes. Rows of a group are alike
(0.3), scores are normal, two deviations apart; a row that is wrong lies as far on the other side of the
limit. Widths are medians; a plain t allows for no group that was not seen.

Before, a group was allowed for of which every row changes the number as much as any two rows of the
candidate differ: ten positives, though a group had one or two. That was {before} times as wide as a
plain t. Now each row loses what its class can lose (of counts, from the best to the worst prediction of
its label; of rankings, from the best of its class down to those that the model takes for another class
or to the worst quarter, of PR AUC the worst twentieth, whichever is worse), in a group made up like the
quarter of groups that has most to lose: {now} times a plain t, {times} times as wide as before. At ten
groups that is still wide, since one of them is a tenth of the whole. A plain t passes harm in 4 to 39 %
of such samples (1,500 other draws), with which the parts were chosen among the mean, the worst quarter
and the worst group, and among a quarter, a twentieth and the worst row of a class.

Not allowed for are groups ranked beyond all others, on the wrong side: ROC AUC and PR AUC then pass in
nearly all samples that hold no such group, in {passing}, where the version before passed in 0.1 to
0.2 % (1,500 other draws). Allowing for them makes intervals of equal models 4 to 7 times as wide as a
plain t.
"""


def lost_groups(rows: Sequence[dict[str, Any]]) -> str:
    usual = [row for row in rows if row["scenario"] != BEYOND]
    beyond = [row for row in rows if row["scenario"] == BEYOND and row["metric"] in ("roc_auc", "pr_auc")]
    told = {
        "before": _range([row["before"] / row["plain"] for row in usual]),
        "now": _range([row["width"] / row["plain"] for row in usual]),
        "times": _range([row["width"] / row["before"] for row in usual]),
        "passing": " and ".join(percent(row["too_high"]) for row in beyond),
    }
    text = "\n\n".join(fill(part, 104) for part in _TEXT.format(**told).split("\n\n"))
    body = [
        [
            row["metric"],
            row["scenario"],
            str(row["groups"]),
            f"{row['positives']:.0%}",
            f"{row['truth']:+.3f}",
            percent(row["too_high"]),
            percent(row["too_low"]),
            f"{row['width']:.3f}",
            *(f"{row['width'] / row[kind]:.2f}" for kind in ("before", "plain")),
        ]
        for row in rows
    ]
    head = (
        "metric compared",
        "candidate",
        "groups",
        "positives",
        "difference",
        "lower bound too high",
        "upper too low",
        "width",
        "times before",
        "times a plain t",
    )
    return f"\n### Counts and rankings compared, groups that are lost\n\n{text}\n\n" + table(head, body)


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.2g} to {max(values):.2g}"
