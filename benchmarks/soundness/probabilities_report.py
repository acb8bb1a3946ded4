"""The tables of log loss and of the calibration error."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from probabilities import GROUP, LIMIT
from tables import percent, table

_TEXT = """\
Too low: the upper bound lies below the truth, so that a limit passes that is not kept. Scores are normal,
half of their variance between groups of {group} rows, and labels follow a logistic curve. The truth is
computed from the chances themselves; of the calibration error it is that of 15 bins, which is what is
estimated (errors within a bin only add to it).

Before, the interval of a log loss knew no loss above the worst that was seen; now it leaves room for as many
mistakes as may exist of which none was drawn, at what the model's own probabilities say that they cost. That
is dear where a model says exactly 0 and 1 and is not always right: of 500 rows a forest's interval
is {forest:.1f} times as wide as its estimates spread, of 2,000 {forest_of_many:.1f} times; of the models that
are never quite sure {careful} times. The price of the room over groups is higher, since all such rows of a
group may be wrong together. For the calibration error the two last columns say what a gate with a limit of
{limit:g} does: it passes a calibrated model of 2,000 rows in {passes}, none of 500, of which it knows the
error no closer than {width:.2f}. The rare class keeps
the limit, though it is said ten times too seldom: its error is 0.009.

Of 0 and 1 alone the calibration error passed in 3.1 to 3.7 % when these cells were first drawn, and failed
in up to 3.1 % of two leaves, since the noise was taken from the mistakes that were seen: the fewer, the
surer. The bounds now lean as Wilson's do; the tables are of the same seeds.
"""

_COMPARED = """\
The difference is candidate minus baseline, and less is better. Too high, where both are equal, is a false
block. Before: without room for mistakes that cost one model more than the other, and of which none was
drawn. Equal models differ by noise of a tenth before the same last step.
"""


def probabilities(single: Sequence[dict[str, Any]], two: Sequence[dict[str, Any]]) -> str:
    return "\n".join(
        [
            "## Log loss and calibration error\n",
            _filled(_TEXT.format(**_told(single))),
            _single(single),
            "### Log losses compared\n",
            _filled(_COMPARED),
            _two(two),
        ]
    )


def _filled(text: str) -> str:
    return "\n\n".join(fill(part, 104) for part in text.split("\n\n")) + "\n"


def _told(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found = {(c["metric"], c["condition"], c["rows"]): c for c in cells if not c["grouped"]}

    def times(condition: str, rows: int) -> float:
        cell = found["log_loss", condition, rows]
        return float(cell["width"] / cell["spread"])

    sure = [times(f"calibrated{more}", rows) for more in ("", " but at its ends") for rows in (500, 2000)]
    calibrated = found["calibration_error", "calibrated", 2000]
    return {
        "group": GROUP,
        "limit": LIMIT,
        "forest": times("a forest's votes", 500),
        "forest_of_many": times("a forest's votes", 2000),
        "careful": f"{min(sure):.2f} to {max(sure):.2f}",
        "passes": percent(calibrated["passes"]),
        "width": found["calibration_error", "calibrated", 500]["width"],
    }


def _single(cells: Sequence[dict[str, Any]]) -> str:
    body = [
        [
            cell["metric"],
            cell["condition"],
            _rows(cell),
            f"{cell['true']:.4f}",
            *(percent(cell[kind]) for kind in ("too_low", "too_high", "too_low_before")),
            f"{cell['width']:.3f}",
            f"{cell['width'] / cell['spread']:.2f}",
            *(percent(cell[kind]) for kind in ("passes", "fails")),
        ]
        for cell in sorted(cells, key=lambda cell: cell["metric"] != "log_loss")
    ]
    head = (
        *("metric", "model", "rows", "truth", "too low", "too high", "too low, before", "width"),
        *("times the estimates' own spread", f"a limit of {LIMIT:g} passes", "fails"),
    )
    return table(head, body)


def _two(cells: Sequence[dict[str, Any]]) -> str:
    kinds = ("false_pass", "too_high", "false_pass_before", "too_high_before")
    body = [
        [
            cell["scenario"],
            _rows(cell),
            f"{cell['true']:+.3f}",
            *(percent(cell[kind]) for kind in kinds),
            f"{cell['width']:.3f}",
        ]
        for cell in cells
    ]
    head = ("candidate", "rows", "difference", "false pass", "too high", *_BEFORE, "width")
    return table(head, body)


_BEFORE = ("false pass, before", "too high, before")


def _rows(cell: dict[str, Any]) -> str:
    return f"{cell['rows']:,}" if not cell["grouped"] else f"{cell['rows'] // GROUP} x {GROUP}"
