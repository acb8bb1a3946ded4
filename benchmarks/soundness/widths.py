"""Where intervals of balanced accuracy and AUC are wide, and what other methods do there."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from instead import RESAMPLED
from tables import percent, table

_USUAL = 0.9
"""The highest AUC at which the price is told apart."""

_FLOOR = (
    "In these cells nearly every sample is almost without an error: the estimates hardly vary, and an "
    "interval has to be wide all the same. The floor is what no interval that covers 95 % everywhere can "
    "undercut on average, even one made for that very truth (Pratt, J. Am. Stat. Assoc. 56:549 (1961), "
    "computed from the best tests); beside it that of intervals of which each side errs in at most 2.5 %, "
    "which is what a gate relies on, since it looks at one side. In {beyond} of {cells} cells the spread is "
    "below the first, in {beyond_sided} below the second: there it is no honest width. The product is "
    "{honest} times as wide as the spread in the {honest_cells} others of the first kind, {ours} times as "
    "wide as the first floor and {ours_sided} times as wide as the second."
)
_TRIED = (
    "What else is known was tried, on every truth of a grid from 0.05 to 0.999 in both classes: squared "
    "distances to the exact intervals of both classes (the product's before, and now with more than 100 "
    "rows in the smaller class or more than two classes), mid-P intervals in place of the exact ones, and "
    "Miettinen and Nurminen's score interval (of which balanced accuracy is a linear function)."
)
_REFUSED = (
    "Squared distances put the upper bound too low in up to {low}, where 2.5 are promised. Mid-P ones miss "
    "up to {misses} and put the lower bound above the truth in up to {high}: so many models would pass at "
    "their limit. The score interval misses far more."
)
_MELDED = (
    "The product's is Buehler's bound of the mean itself: pairs of counts ordered by squared distances to "
    "Wilson's bounds with half a mistake more, the chance maximised over the share of the larger class, in "
    "the part of its range that its rows leave (Berger and Boos). Other orders (mid-P, Jeffreys, Clopper and "
    "Pearson, melded confidence distributions of Fay, Proschan and Brittain, Biometrics 71:146 (2015)) gave "
    "widths within 3 % of these and none that was narrower by 1 %, so that what remains above the floor "
    "lies in the counts being whole numbers. It takes 5 to 25 ms a table (9 to 63 s as first tried), "
    "so that slices have it too: 8 ms each, where all metrics of a slice take 10."
)
_OF_AUC = (
    "Where few rows of the rarer class are ranked wrongly, DeLong's variance is small just when the AUC "
    "came out too high, and on the logit scale it missed up to {logit}. Newcombe's method 5 supposes scores "
    "that spread alike in both classes and missed up to {newcombe}, the BCa bootstrap up to {bca}. Now the "
    "lower bound is DeLong's on the logit scale or, where farther out, half a width by Student's t with "
    "half of the skewness that the sample shows, joined (the fourth root of the sum of fourth powers) with "
    "what positives ranked below all else would take, of which none was drawn with a chance of 4 %; the "
    "upper one is that of Clopper and Pearson for as many rows as the variance is worth (Korn and Graubard, "
    "Surv. Methodol. 24:193 (1998)). It misses at most {ours}, {before} before, when the variance of one "
    "more such row was added instead; its lower bound is above the truth in at most {high_auc}. The price: "
    "where the AUC is 0.96 or 0.99 it is {wider} times as wide as before, else {usual} times."
)
_AUC_EXACT = (
    "Enumerated, with positives that rank above all negatives or below them all, where an AUC varies most: "
    "{exact}. Of shares between, with other positives of an AUC of 0.88 to 0.9995, 15 to 200 positives and "
    "6,000 draws each (336 cells), at most 5.7 % are missed, before 10.2 %. Chosen among: that row in the "
    "skewness too, the largest share of which none is drawn in 2.5, 4, 4.5 and 5 %, joined by powers of 2, "
    "2.5, 3 and 4, with none, a quarter, half or all of the skewness; of those that missed at most 5.8 % the "
    "narrowest. With 2.5 % each side would keep its half of the error; of normal scores intervals would be "
    "0 to 13 % wider (most at 0.99)."
)
_AUC_FLOOR = (
    "The floor is what no interval that covers 95 % for scores of every shape can undercut on average "
    "(Pratt's bound again, of positives that rank below all else): with an AUC of 0.99 and normal scores "
    "{least} times the spread, and the product's {wide} times."
)


def wide(rows: dict[str, list[dict[str, Any]]]) -> str:
    cells, ranked = rows["floors"], rows["ranked"]
    parts = (
        _FLOOR,
        _floors(cells),
        _TRIED,
        _methods(rows["methods"]),
        _REFUSED,
        _MELDED,
        _OF_AUC,
        _AUC_EXACT,
        _AUC_FLOOR,
        _ranked_table(ranked),
    )
    told = (
        _of_floors(cells)
        | _of_methods(rows["methods"])
        | _of_ranked(ranked)
        | {"exact": _exact(rows["hidden"])}
    )
    return "\n".join(
        part if part.startswith("|") else fill(part.format(**told), 104) + "\n" for part in parts
    )


def _of_floors(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    honest = [cell["ours"] / cell["spread"] for cell in cells if cell["spread"] >= cell["floor"]]
    return {
        "cells": len(cells),
        "beyond": len(cells) - len(honest),
        "beyond_sided": sum(cell["spread"] < cell["sided"] for cell in cells),
        "honest": _range(honest),
        "honest_cells": len(honest),
        "ours": _range([cell["ours"] / cell["floor"] for cell in cells]),
        "ours_sided": _range([cell["ours"] / cell["sided"] for cell in cells]),
    }


def _of_methods(methods: Sequence[dict[str, Any]]) -> dict[str, str]:
    mid_p = [one for one in methods if one["name"].startswith("mid-P")]
    distances = [one for one in methods if one["name"].startswith("exact, squared")]
    return {
        "misses": percent(max(one["misses"] for one in mid_p)),
        "high": percent(max(one["too_high"] for one in mid_p)),
        "low": percent(max(one["too_low"] for one in distances)),
    }


def _of_ranked(ranked: Sequence[dict[str, Any]]) -> dict[str, str]:
    high = [one for one in ranked if one["auc"] > _USUAL]
    rest = [one for one in ranked if one["auc"] <= _USUAL]
    sure = [one for one in ranked if one["auc"] == max(all_["auc"] for all_ in ranked)]
    normal = [one for one in sure if one["scores"] == "normal"]

    def worst(method: str) -> str:
        return percent(max(one["instead"][method][0] for one in ranked))

    return {
        "logit": worst("logit DeLong"),
        "newcombe": worst("Newcombe's method 5"),
        "bca": worst(RESAMPLED),
        "ours": percent(max(one["too_high"] + one["too_low"] for one in ranked)),
        "before": percent(max(one["before_misses"] for one in ranked)),
        "high_auc": percent(max(one["too_high"] for one in ranked)),
        "wider": _range([one["width"] / one["before_width"] for one in high]),
        "usual": _range([one["width"] / one["before_width"] for one in rest]),
        "wide": _range([one["width"] / one["spread"] for one in normal]),
        "least": _range([one["floor"] / one["spread"] for one in normal]),
    }


def _exact(cells: Sequence[dict[str, Any]]) -> str:
    told = (
        f"{percent(one['misses'])} ({percent(one['before'])} before) with {one['positives']:,}"
        for one in cells
    )
    return "missed are at most " + ", ".join(told) + " positives"


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"


def _floors(cells: Sequence[dict[str, Any]]) -> str:
    body = [
        [
            f"{cell['positives']} and {cell['negatives']}",
            f"{cell['recall']:g}, {cell['specificity']:g}",
            *(
                f"{cell[kind]:.4f}"
                for kind in ("spread", "floor", "sided", "ours", "distances", "mid_p", "score")
            ),
            *(f"{cell['ours'] / cell[kind]:.2f}" for kind in ("spread", "floor", "sided")),
        ]
        for cell in cells
    ]
    head = (
        "rows",
        "recall, specificity",
        "spread",
        "floor",
        "each side 2.5 %",
        "the product's",
        "squared distances",
        "mid-P",
        "score",
        "times the spread",
        "times the floor",
        "times that of each side",
    )
    return table(head, body)


def _methods(cells: Sequence[dict[str, Any]]) -> str:
    body = [
        [
            one["name"],
            f"{one['positives']} and {one['negatives']}",
            percent(one["misses"]),
            percent(one["too_high"]),
            percent(one["too_low"]),
        ]
        for one in cells
    ]
    head = ("method", "rows", "misses at most", "lower bound too high at most", "upper too low at most")
    return table(head, body)


def _ranked_table(cells: Sequence[dict[str, Any]]) -> str:
    others = list(cells[0]["instead"])
    body = [
        [
            f"{one['positives']} and {one['negatives']}",
            f"{one['auc']:g}",
            one["scores"],
            *(percent(one[kind]) for kind in ("too_high", "too_low")),
            f"{one['width']:.3f}",
            *(f"{one['width'] / one[kind]:.2f}" for kind in ("spread", "before_width")),
            percent(one["before_misses"]),
            *(f"{percent(one['instead'][name][0])}, {one['instead'][name][1]:.3f}" for name in others),
            f"{one['floor'] / one['spread']:.2f}",
        ]
        for one in cells
    ]
    head = (
        "rows",
        "AUC",
        "scores",
        "lower bound too high",
        "upper too low",
        "width",
        "times the spread",
        "times before",
        "before: misses",
        *(f"{name}: misses, width" for name in others),
        "floor, times the spread",
    )
    return table(head, body)
