"""Where the model errs: the confusion table, and what was observed where it predicted how much."""

from __future__ import annotations

from html import escape

from ml_stages.evaluation.metrics_report import (
    ClassCount,
    Confusion,
    MetricsReport,
    Reliability,
    ReliabilityBin,
)
from ml_stages.report.markup import interval, name, section, table
from ml_stages.report.numbers import number

_MOST_CLASSES = 12
_MOST_MISTAKES = 20
_SIZE, _LEFT, _EDGE = 240, 24, 8
_STRANGE = "(no class of the labels)"


def mistakes(report: MetricsReport | None) -> str:
    """Sections on a model's mistakes, as HTML; empty where there is nothing to show."""
    if report is None:
        return ""
    return _confusions(report.confusions, report.classes) + _reliability(report.reliability)


def _confusions(cells: list[Confusion], classes: list[ClassCount]) -> str:
    if not cells:
        return ""
    if len(classes) <= _MOST_CLASSES:
        return section("Confusion matrix", _matrix(cells, classes))
    wrong = [cell for cell in cells if cell.label != cell.predicted][:_MOST_MISTAKES]
    rows = [
        (name(cell.label), name(_predicted(cell.predicted)), f"{cell.rows:,}", _share(cell, classes))
        for cell in wrong
    ]
    if not rows:
        return ""
    shown = table(("label", "predicted", "rows", "of the label's"), rows, "numbers")
    return section(f"Confusion matrix: the {len(rows):,} most frequent mistakes", shown)


def _matrix(cells: list[Confusion], classes: list[ClassCount]) -> str:
    found = {(cell.label, cell.predicted): cell for cell in cells}
    columns: list[str | None] = [one.label for one in classes]
    columns += [None] if any(cell.predicted is None for cell in cells) else []
    rows = [
        (name(one.label), *(_cell(found.get((one.label, column)), classes) for column in columns))
        for one in classes
    ]
    head = ("label", *(f"predicted {escape(_predicted(column))}" for column in columns))
    return table(head, rows, "numbers")


def _cell(cell: Confusion | None, classes: list[ClassCount]) -> str:
    return "" if cell is None else f"{cell.rows:,}<small>{_share(cell, classes)}</small>"


def _share(cell: Confusion, classes: list[ClassCount]) -> str:
    rows = next(one.rows for one in classes if one.label == cell.label)
    return f"{cell.rows / rows:.1%}"


def _predicted(label: str | None) -> str:
    return _STRANGE if label is None else label


def _reliability(found: Reliability | None) -> str:
    if found is None:
        return ""
    rows = (
        (
            f"{one.rows:,}",
            number(one.predicted),
            interval(one.observed, one.lower, one.upper),
        )
        for one in found.bins
    )
    some = f", one row of {found.every:,}" if found.every > 1 else ""
    shown = table(("rows", "predicted on average", "observed"), rows, "numbers")
    bars = ", with its interval" if any(one.lower is not None for one in found.bins) else ""
    words = (
        f"<p class=quiet>Across what was predicted, upwards {escape(found.of)}{bars}{some};"
        " on the line the two are equal.</p>"
    )
    numbers = f"<details><summary>the numbers</summary>{shown}</details>"
    return section("Reliability", _plot(found.bins) + words + numbers)


def _plot(bins: list[ReliabilityBin]) -> str:
    ends = _ends(bins)
    least, most = min(ends), max(ends)
    span = (most - least) or 1.0

    def x(value: float) -> float:
        return _LEFT + (_SIZE - _LEFT - _EDGE) * (value - least) / span

    def y(value: float) -> float:
        return _SIZE - _LEFT - (_SIZE - _LEFT - _EDGE) * (value - least) / span

    left, right, low, high = x(least), x(most), y(least), y(most)
    drawn = [
        f'<path d="M{left} {high}V{low}H{right}" class="axes"/>',
        f'<path d="M{left} {low}L{right} {high}" class="axes"/>',
    ]
    for one in bins:
        across = f"{x(one.predicted):.1f}"
        if one.lower is not None and one.upper is not None:
            drawn.append(f'<path d="M{across} {y(one.lower):.1f}V{y(one.upper):.1f}"/>')
        drawn.append(f'<circle cx="{across}" cy="{y(one.observed):.1f}" r="3"/>')
    words = (
        f'<text x="{_LEFT}" y="{_SIZE - 6}">{number(least)}</text>'
        f'<text x="{_SIZE - _EDGE}" y="{_SIZE - 6}" text-anchor="end">{number(most)}</text>'
    )
    head = (
        f'<svg class="plot" width="{_SIZE}" height="{_SIZE}" role="img" aria-label="observed by predicted">'
    )
    return f"{head}{''.join(drawn)}{words}</svg>"


def _ends(bins: list[ReliabilityBin]) -> list[float]:
    """All that the plot has to have room for; shares have the whole scale."""
    values = [
        value
        for one in bins
        for value in (one.predicted, one.observed, one.lower, one.upper)
        if value is not None
    ]
    return [*values, 0.0, 1.0] if all(0 <= value <= 1 for value in values) else values
