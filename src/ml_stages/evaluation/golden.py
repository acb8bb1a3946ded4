"""Plain facts about predictions: golden rows, and which classes or numbers are predicted at all."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_stages.errors import StageError
from ml_stages.evaluation.judging import AnyRows
from ml_stages.evaluation.metrics_report import GoldenReport, OutputReport
from ml_stages.evaluation.ordered import Ordered
from ml_stages.evaluation.read import KEY
from ml_stages.evaluation.rows import Classified, Measured
from ml_stages.evaluation.text import canonical
from ml_stages.report.numbers import counted, listed

_MARKED = ("true", "t", "yes", "y", "1")
_UNMARKED = ("false", "f", "no", "n", "0", "")
_SHOWN = 3


def golden_rows(
    labels: pl.DataFrame, rows: AnyRows, others: AnyRows | None, column: str | None, *, is_sensitive: bool
) -> GoldenReport | None:
    """Which marked rows are wrong, and which the baseline predicts otherwise; ``None`` without a column.

    Raises :class:`StageError` for a column that is not there, or holds more than marks; its message has no
    value of a sensitive one.
    """
    if column is None:
        return None
    if column not in labels.columns:
        raise StageError(
            f"evaluation.golden names {column!r}, which the holdout does not have; "
            f"there are: {', '.join(labels.columns)}"
        )
    marked = _marked(labels[column], is_sensitive=is_sensitive)
    wrong = _differ(rows, None)
    changed = (
        None
        if others is None
        else labels.filter(marked & pl.Series(_differ(rows, others)))[KEY].cast(pl.String).to_list()
    )
    return GoldenReport(
        rows=int(marked.sum()),
        wrong=labels.filter(marked & pl.Series(wrong))[KEY].cast(pl.String).to_list(),
        changed=changed,
    )


def _marked(column: pl.Series, *, is_sensitive: bool) -> pl.Series:
    """Which rows are marked; a value that may be a mark or none is no reason to look away from its row."""
    texts = canonical(column).str.strip_chars().str.to_lowercase().fill_null("")
    unknown = column.filter(~texts.is_in([*_MARKED, *_UNMARKED]))
    if unknown.len():
        values = listed([repr(value) for value in unknown.unique(maintain_order=True)], _SHOWN)
        raise StageError(
            f"evaluation.golden names {column.name!r}, which does not say whether "
            f"{counted(unknown.len(), 'rows')} are marked{'' if is_sensitive else f' ({values})'}; expected "
            f"{', '.join(_MARKED)} for rows that are, {', '.join(_UNMARKED[:-1])} or nothing for others"
        )
    return texts.is_in(_MARKED)


def _differ(rows: AnyRows, others: AnyRows | None) -> NDArray[np.bool_]:
    """Where predictions differ from the labels, or from another model's; numbers beyond rounding alone."""
    if isinstance(rows, Classified) and isinstance(others, Classified | None):
        return np.asarray(rows.predicted != (rows.truth if others is None else others.predicted))
    if isinstance(rows, Measured) and isinstance(others, Measured | None):
        return ~np.isclose(rows.predicted, rows.truth if others is None else others.predicted)
    raise StageError("golden rows are for classification and regression")


def output_of(rows: AnyRows) -> OutputReport | None:
    """What is predicted: the classes, or the range of the numbers."""
    if isinstance(rows, Measured):
        return OutputReport(lowest=float(rows.predicted.min()), highest=float(rows.predicted.max()))
    if isinstance(rows, Ordered):
        return OutputReport(lowest=float(rows.score.min()), highest=float(rows.score.max()))
    if not isinstance(rows, Classified):
        return None
    names = (*rows.classes, "a class that the labels do not have")
    return OutputReport(
        classes=[name for name, count in zip(names, rows.predicted_counts, strict=True) if count],
        probabilities=[] if rows.probabilities is None else list(rows.classes),
    )
