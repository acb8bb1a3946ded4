"""The table of metrics of sets of labels, and which of their rates are too high."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scipy import stats
from tables import percent, table

_NOMINAL = 0.025
_RATES = ("too_high", "too_low", "equal_better", "equal_worse", "harm_passes", "harm_overstated")


def label_set_table(rows: Sequence[dict[str, Any]], draws: int) -> str:
    """What was found, then every cell."""
    rates = [(row[kind], row) for row in rows for kind in _RATES]
    level = 0.05 / len(rates)
    above = [one for one in rates if stats.binom.sf(round(one[0] * draws) - 1, draws, _NOMINAL) < level]
    largest = max(rate for rate, _ in rates)
    wide = sum(row["metric"] == "f1_macro" and row["width"] > 0.5 for row in rows)
    return "\n".join(
        [
            "## Sets of labels\n",
            f"Rows have each label independently; {draws:,} samples a cell, of two models that find 80 % of",
            "a row's labels and one that finds 70 %; a tenth as many labels as there are is said and wrong.",
            "The truth is that of 1.2 million rows, whose own standard error moves a rate at 1,000 rows by",
            f"some 0.15 %. Of {len(rates)} rates, judged simultaneously",
            f"(Bonferroni, 5 %), **{len(above)}** lie significantly above 2.5 %; the largest is",
            f"{percent(largest)}.",
            *(f"- {_name(row)}: {percent(rate)}" for rate, row in above),
            f"F1 averaged over labels says little where labels are rare: in {wide} of its cells the interval",
            "is more than 0.5 wide. F1 over all decisions (`f1_micro`) is what to gate on there.\n",
            _cells(rows),
        ]
    )


def _name(row: dict[str, Any]) -> str:
    return f"{row['metric']}, {row['rows']:,} rows, {row['labels']}"


def _cells(rows: Sequence[dict[str, Any]]) -> str:
    body = [
        [
            row["metric"],
            f"{row['rows']:,}",
            row["labels"],
            f"{row['truth']:.3f}",
            percent(row["without"]),
            *(percent(row[kind]) for kind in ("too_high", "too_low")),
            f"{row['width']:.3f}",
            *(percent(row[kind]) for kind in ("equal_better", "equal_worse")),
            f"{row['harm']:+.3f}",
            *(percent(row[kind]) for kind in ("harm_passes", "harm_overstated")),
            f"{row['difference']:.3f}",
        ]
        for row in rows
    ]
    head = (
        *("metric", "rows", "labels", "truth", "no interval", "lower bound above it", "upper bound below it"),
        *("width", "of two equal models one is better", "worse", "difference of the third", "less is proven"),
        *("more is proven", "width"),
    )
    return table(head, body)
