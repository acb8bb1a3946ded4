"""How wide intervals of balanced accuracy and AUC are beside those that a user could take instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from tables import percent

_MISSED = 0.06
"""5 % and one point."""
WIDEST = 1.3
_LEAST_SHARE = {25: 1 - _MISSED ** (1 / 25), 72: 1 - _MISSED ** (1 / 72)}

ORACLE = """\
An oracle is a method that a user could take instead, on the same draws: of ROC AUC that of DeLong,
of Brunner and Munzel (statsmodels), DeLong's on the logit scale, Hanley and McNeil's, Newcombe's method
5, Clopper and Pearson's (scipy) and Wilson's for a share of as many rows as the rarer class has, and the
BCa bootstrap ({few:,} draws a cell); of balanced accuracy, enumerated, Newcombe's, Agresti and Caffo's,
Wald's and Miettinen and Nurminen's interval of two rates (statsmodels), and squared distances to exact
or mid-P ones. The spread of the estimates is none: it knows the truth, and nobody can take it. It
stands in the tables all the same. Who chooses a method knows the rows of both classes and the sample,
but neither the truth nor how scores are shaped. So each is held to what it promises, less one point, in
two readings: in the very cell, where it may hold by luck of the shape, and the narrowest that holds is
the oracle; and with every shape of the same rows and AUC, or every pair of rates of the same rows. This
was settled before it was looked up which cells pass."""


@dataclass(frozen=True)
class Beside:
    """One cell beside the narrowest method that keeps what it promises, in the cell and everywhere."""

    name: str
    size: tuple[int, float]
    width: float
    here: str
    here_width: float
    elsewhere: float
    """What that method misses at most with other shapes, or rates, of the same rows."""
    everywhere: str
    everywhere_width: float

    @property
    def times(self) -> float:
        return self.width / self.here_width

    @property
    def least_alone(self) -> bool:
        """Whether what rows of which none was drawn make up is more than the oracle allows for."""
        rows, auc = self.size
        return auc * _LEAST_SHARE[rows] > WIDEST * self.here_width


def beside_aucs(ranked: Sequence[dict[str, Any]]) -> list[Beside]:
    """Cells of ROC AUC in which some method keeps what it promises."""
    worst: dict[tuple[int, float, str], float] = {}
    for one in ranked:
        for method, (misses, _) in one["instead"].items():
            place = (one["positives"], one["auc"], method)
            worst[place] = max(worst.get(place, 0.0), misses)
    cells = []
    for one in ranked:
        size = (one["positives"], one["auc"])
        found = {
            method: (misses, width, worst[*size, method])
            for method, (misses, width) in one["instead"].items()
        }
        cells += _beside(auc_name(one), size, one["width"], found)
    return cells


def beside_averages(
    averages: Sequence[dict[str, Any]], instead: Sequence[dict[str, Any]], methods: Sequence[dict[str, Any]]
) -> list[Beside]:
    """Cells of balanced accuracy."""
    worst = {(one["positives"], one["name"]): one["misses"] for one in methods}
    found: dict[tuple[Any, ...], dict[str, tuple[float, float, float]]] = {}
    for one in instead:
        known = found.setdefault(_place(one), {})
        known[one["method"]] = (1 - one["covered"], one["width"], worst[one["positives"], one["method"]])
    return [
        one
        for cell in averages
        for one in _beside(average_name(cell), (0, 0.0), cell["width"], found[_place(cell)])
    ]


def _place(cell: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(cell[kind] for kind in ("positives", "negatives", "recall", "specificity"))


def _beside(
    name: str, size: tuple[int, float], width: float, found: dict[str, tuple[float, float, float]]
) -> Iterator[Beside]:
    here = {method: told for method, told in found.items() if told[0] <= _MISSED}
    if not here:
        return
    sure = {method: told for method, told in here.items() if told[2] <= _MISSED}
    narrowest = min(here, key=lambda method: here[method][1])
    everywhere = min(sure, key=lambda method: sure[method][1], default="")
    yield Beside(
        name,
        size,
        width,
        narrowest,
        here[narrowest][1],
        here[narrowest][2],
        everywhere,
        sure[everywhere][1] if everywhere else 0.0,
    )


_BESIDE = (
    "- {name}, width: some method holds in {here} of {cells} cells. Beside the narrowest the product's is "
    "more than 1.3 times as wide in {wide} (at most {most:.2f} times). A method that holds with everything "
    "of the same size is there in {everywhere} cells: beside the narrowest of these at most {sure:.2f} "
    "times."
)
_LUCK = (
    " In {lucky} of the {wide} the oracle holds by luck of the shape. Positives that rank below all else, "
    "and of which none was drawn, show in no sample: an interval that misses 6 % whatever the shape reaches "
    "{few} of the AUC down where no such row is among 25, and {more} where none is among 72. That alone is "
    "more than 1.3 times the oracle in {alone} of the {wide}:"
)


def told_widths(name: str, cells: Sequence[Beside], all_cells: int) -> list[str]:
    """How wide the product's are beside the oracle, in both readings."""
    wide = [one for one in cells if one.times > WIDEST]
    sure = [one for one in cells if one.everywhere]
    text = (_BESIDE + (_LUCK if wide else "")).format(
        name=name,
        here=len(cells),
        cells=all_cells,
        wide=len(wide),
        most=max(one.times for one in cells),
        everywhere=len(sure),
        sure=max(one.width / one.everywhere_width for one in sure),
        lucky=sum(one.elsewhere > _MISSED for one in wide),
        few=percent(_LEAST_SHARE[25]),
        more=percent(_LEAST_SHARE[72]),
        alone=sum(one.least_alone for one in wide),
    )
    found = [
        f"  - {one.name}: {one.times:.2f} times that of {one.here}, which misses up to "
        f"{percent(one.elsewhere)} with other shapes"
        for one in wide
    ]
    return [*fill(text, 104, subsequent_indent="  ").split("\n"), *found]


def auc_name(one: dict[str, Any]) -> str:
    return f"roc_auc, {one['positives']} and {one['negatives']} rows, AUC {one['auc']:g}, {one['scores']}"


def average_name(cell: dict[str, Any]) -> str:
    sides = f"{cell['positives']} and {cell['negatives']} rows"
    return f"balanced accuracy, {sides}, recall {cell['recall']:g}, specificity {cell['specificity']:g}"
