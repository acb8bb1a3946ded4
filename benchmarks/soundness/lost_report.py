"""The table of count metrics and rankings over groups of rows that are lost."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from lost_groups import EQUAL
from tables import percent, table

from ml_stages.evaluation.lost_groups import RANKINGS

_TEXT = """\
Two models are compared on groups of ten rows: equal ones, or a candidate that is the baseline but in
three groups (expected; a sample has none of them in about 5 %). Too high: the lower bound lies above
the true difference, so that a candidate that is worse by the margin passes. Rows of a group are alike
(0.3), scores are normal, two deviations apart; a row that is wrong lies as far on the other side of the
limit. Widths are medians; a plain t allows for no group that was not seen.

Once a group was allowed for of which every row changes the number as much as any two rows of the
candidate differ: ten positives, though a group had one or two. That was {before} times as wide as a
plain t. Of counts each row now loses what its class can lose, from the best to the worst prediction of
its label, in a group made up like the quarter of groups that has most to lose: {counts} times a plain
t. At ten groups that is still wide, since one of them is a tenth of the whole. A plain t passes harm in
4 to 39 % of such samples (1,500 other draws), with which the part was chosen among the mean, the worst
quarter and the worst group.

Of rankings a lost row fell to where rows are that are taken for another class, or to the worst quarter
of its own (PR AUC: twentieth), until groups ranked beyond all others, on the wrong side, passed in 4.5
and 4.4 %: in nearly every sample that holds no such group. Now as many of them are allowed for as may
exist where none is drawn with a chance of 2.5 %, made up as all rows are or as the others in the group
of a positive or a negative row, and of a metric one standard error higher than it came out; joined to
the half-width as for one AUC. That is {rankings} times a plain t, which knows of none of it. Where no
row differs, no interval that lets harm pass in at most 2.5 % can be much narrower: 7 % of 50 groups
take 0.13 from an AUC of 0.92, 31 % of ten 0.48. ROC AUC of equal models was 1.6 times a plain t at 50
groups and 4.5 at ten, PR AUC 2.3 and 6.9; now they are {equal}. With more groups the price is soon gone for
ROC AUC, not for PR AUC, which a few rows at the very top lower much: half-widths of equal models are
0.035 and 0.18 at 200 groups (before 0.019 and 0.052), 0.009 and 0.057 at 1,000 (0.008 and 0.019), 0.003
and 0.016 at 5,000 (0.003 and 0.008; 8 draws each). Without the standard error PR AUC
passed in 3.1 and 3.5 % with 5 % positives (1,000 other draws). Counts are not allowed for so yet: the
confusion table with as many groups lost, or the rows of one class in them, would give 1.0 to 2.5 times
a plain t (precision with all positives of 3 groups missed 5.8), and pass in at most about 3 % (400 other
draws). The last three candidates were added
when this was chosen, looking for worse ones.
"""


def lost_groups(rows: Sequence[dict[str, Any]]) -> str:
    ranked = [row for row in rows if row["metric"] in RANKINGS]
    counted = [row for row in rows if row["metric"] not in RANKINGS]
    equal = [
        f"{row['width'] / row['plain']:.1f} ({row['metric']}, {row['groups']} groups)"
        for row in ranked
        if row["scenario"] == EQUAL.name
    ]
    told = {
        "before": _range([row["before"] / row["plain"] for row in rows]),
        "counts": _range([row["width"] / row["plain"] for row in counted]),
        "rankings": _range([row["width"] / row["plain"] for row in ranked]),
        "equal": ", ".join(equal),
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
