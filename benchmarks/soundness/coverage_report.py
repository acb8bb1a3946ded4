"""The tables of coverage, and which of their cells fall short."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from aucs import RESAMPLED_DRAWS
from oracles import ORACLE, WIDEST, auc_name, average_name, beside_aucs, beside_averages, told_widths
from scipy import stats
from tables import percent, table
from widths import wide

from ml_stages.evaluation.estimators import FEWEST_SQUARED

_HONEST = 0.94
"""95 % less one point."""
_MOSTLY = 0.5


def coverage_tables(rows: dict[str, list[dict[str, Any]]], draws: dict[str, int]) -> str:
    """What was found, then every cell; ``draws`` by section."""
    drawn = [cell | {"draws": draws[section]} for section in ("single", "measured") for cell in rows[section]]
    return "\n".join(
        [
            "## Coverage of single metrics\n",
            "Asked is that a 95 % interval misses the truth in at most 6 %, and is at most 1.3 times as wide",
            "as an oracle's where both are honest. Where no interval is honest, none is given: every gate on",
            "the metric is then inconclusive, and nobody is misled.\n",
            *_found(rows, drawn),
            "",
            "### Shares of rows: accuracy, precision, recall, specificity, top-k\n",
            "Enumerated. Beside the product's (Clopper-Pearson) Wilson's, which was the product's until",
            "this table showed where it falls short; a share of 0.9999 stands for 0.0001 too. F1 has the",
            "same interval, of Jaccard's index: a share of those rows that are positive either way.\n",
            _shares(rows["shares"]),
            "### Balanced accuracy, enumerated\n",
            "The spread is that of the middle 95 % of the estimates. With at most 100 rows in the smaller",
            "class by the exact test, else by squared distances, which stand beside it.\n",
            _averages(rows["averages"]),
            "### Where balanced accuracy and AUC are wide\n",
            wide(rows),
            f"### The others (at least {min(draws['single'], draws['measured']):,} draws a cell)\n",
            "Which tails are heavy is told by the sample alone. Before, all had an interval, and most of the",
            "heavy ones a note: RMSE and R2 with t3 or lognormal residuals then missed the truth in 13 to",
            "34 %.\n",
            _drawn(drawn),
        ]
    )


def _found(rows: dict[str, list[dict[str, Any]]], drawn: Sequence[dict[str, Any]]) -> list[str]:
    averages = [cell | {"name": average_name(cell)} for cell in rows["averages"]]
    cells = [cell | {"name": _drawn_name(cell)} for cell in drawn]
    cells += [_as_cell(one, drawn[0]["draws"]) for one in rows["ranked"]]
    level = 0.05 / len(cells)
    short = [c for c in cells if _too_often(c["misled"], c["draws"], level)]
    short += [cell | {"misled": 1 - cell["covered"]} for cell in averages if cell["covered"] < _HONEST]
    broad = [one for one in drawn if one["width"] > WIDEST * one["oracle"] and one["inconclusive"] < _MOSTLY]
    heavy = [c for c in cells if c["inconclusive"] > _MOSTLY and c["rows"] >= FEWEST_SQUARED]
    return [
        *_found_shares(rows["shares"]),
        f"- Balanced accuracy, {len(averages)} cells enumerated, and the other metrics, {len(cells)} drawn",
        f"  (judged simultaneously, Bonferroni, 5 %). The truth is missed in more than 6 % in {len(short)}:",
        *(f"  - {cell['name']}: {percent(cell['misled'])}" for cell in short),
        f"- RMSE and R2 have no interval below {FEWEST_SQUARED} rows: what is rare and far out, and does",
        "  not occur among 100 or 200 rows, no method can see. With an interval from 100 rows on, errors",
        "  of which one in a hundred is ten times as wide were misjudged in 41 and 34 % at 100 rows and in",
        "  20 % at 200.",
        f"- Inconclusive in most samples are {len(heavy)} other cells, all of RMSE or R2 with tails heavier",
        "  than normal ones. Of these, intervals of Laplace and t5 residuals would be honest, but at these",
        "  sizes cannot be told from those of t3 residuals, which are not.",
        *fill(ORACLE.format(few=RESAMPLED_DRAWS), 104, initial_indent="- ", subsequent_indent="  ").split(
            "\n"
        ),
        *told_widths("ROC AUC", beside_aucs(rows["ranked"]), len(rows["ranked"])),
        *told_widths(
            "Balanced accuracy",
            beside_averages(rows["averages"], rows["instead"], rows["methods"]),
            len(rows["averages"]),
        ),
        "- The others stand beside the spread of their own estimates, which is stricter. More than 1.3 times",
        f"  as wide are {len(broad)}.",
        *(f"  - {_drawn_name(cell)}: {cell['width'] / cell['oracle']:.2f} times" for cell in broad),
    ]


def _too_often(misled: float, draws: int, level: float) -> bool:
    return bool(stats.binom.sf(round(misled * draws) - 1, draws, 1 - _HONEST) < level)


def _found_shares(cells: Sequence[dict[str, Any]]) -> list[str]:
    honest = [cell for cell in cells if cell["covered_by_wilson"] >= _HONEST]
    lowest, others = (min(cell[kind] for cell in cells) for kind in ("covered", "covered_by_wilson"))
    exact = max(cell["width"] / cell["oracle"] for cell in cells)
    wilson = max(cell["width"] / cell["wilson_width"] for cell in honest)
    return [
        f"- Shares, {len(cells)} cells: covered is at least {percent(lowest)}; at most {exact:.2f} times as",
        f"  wide as scipy's exact interval, and {wilson:.2f} times as Wilson's where that covers 94 %.",
        f"  Wilson's falls short in {len(cells) - len(honest)} cells, down to {percent(others)}.",
    ]


def _as_cell(one: dict[str, Any], draws: int) -> dict[str, Any]:
    missed = {"misled": one["too_high"] + one["too_low"], "inconclusive": 0.0, "draws": draws}
    return missed | {"name": auc_name(one)}


def _drawn_name(cell: dict[str, Any]) -> str:
    return f"{cell['metric']}, {cell['rows']:,} rows, {cell['condition']}"


def _shares(cells: Sequence[dict[str, Any]]) -> str:
    body = [
        [
            f"{cell['rows']:,}",
            f"{cell['share']:g}",
            percent(cell["covered"]),
            percent(cell["covered_by_wilson"]),
            f"{cell['width']:.4f}",
            f"{cell['width'] / cell['oracle']:.2f}",
            f"{cell['width'] / cell['wilson_width']:.2f}",
        ]
        for cell in cells
    ]
    head = ("rows", "share", "coverage", "Wilson's", "width", "times scipy's exact", "times Wilson's")
    return table(head, body)


def _averages(cells: Sequence[dict[str, Any]]) -> str:
    body = [
        [
            str(cell["positives"]),
            str(cell["negatives"]),
            f"{cell['recall']:g}",
            f"{cell['specificity']:g}",
            *(percent(cell["covered"]), f"{cell['width']:.4f}", f"{cell['width'] / cell['oracle']:.2f}"),
            *(percent(cell["distances_covered"]), f"{cell['distances_width'] / cell['oracle']:.2f}"),
        ]
        for cell in cells
    ]
    head = (
        *("positives", "negatives", "recall", "specificity", "coverage", "width", "times the spread"),
        *("coverage by squared distances", "times the spread"),
    )
    return table(head, body)


def _drawn(cells: Sequence[dict[str, Any]]) -> str:
    body = [
        [
            cell["metric"],
            f"{cell['rows']:,}",
            cell["condition"],
            percent(cell["misled"]),
            percent(cell["inconclusive"]),
            *_widths(cell),
            percent(cell["flagged"]),
        ]
        for cell in cells
    ]
    head = (
        "metric",
        "rows",
        "condition",
        "truth missed",
        "no interval",
        "width",
        "times the estimates' own spread",
        "reports with a note",
    )
    return table(head, body)


def _widths(cell: dict[str, Any]) -> tuple[str, str]:
    """Of the intervals that were given, which say little where hardly any was."""
    if cell["inconclusive"] > _MOSTLY:
        return "", ""
    return f"{cell['width']:.4f}", f"{cell['width'] / cell['oracle']:.2f}"
