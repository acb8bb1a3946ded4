"""The candidate's and the baseline's answers as arrays, and whether the two can be compared at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from ml_stages.data.missing import missing_of
from ml_stages.errors import StageError
from ml_stages.evaluation.catalogue import MULTILABEL
from ml_stages.evaluation.classes import (
    IncomparableError,
    check_comparable,
    classified,
    known_classes,
    measured,
    ordered,
)
from ml_stages.evaluation.influence import Groups
from ml_stages.evaluation.judging import AnyRows
from ml_stages.evaluation.multilabel import check_known, label_names, label_sets
from ml_stages.evaluation.read import LABEL, PREDICTION

if TYPE_CHECKING:
    from ml_stages.evaluation.evaluate import EvaluateConfig

CANDIDATE, BASELINE = "predictions", "baseline-predictions"


@dataclass(frozen=True)
class Sides:
    """What is judged, and what it is compared with."""

    rows: AnyRows
    others: AnyRows | None = None
    uncompared: str = ""
    """Why a baseline that answered is not compared with."""


def sides(
    labels: pl.DataFrame, mine: pl.DataFrame, theirs: pl.DataFrame | None, config: EvaluateConfig
) -> Sides:
    """Both models' predictions, in the order of ``labels``.

    A baseline of other classes takes nothing from the candidate's own numbers. Raises :class:`StageError` for
    values that are none of the task's.
    """
    try:
        return _sides(labels, mine, theirs, config)
    except IncomparableError as error:
        return replace(_sides(labels, mine, None, config), uncompared=str(error))


def _sides(
    labels: pl.DataFrame, mine: pl.DataFrame, theirs: pl.DataFrame | None, config: EvaluateConfig
) -> Sides:
    truth = labels[LABEL]
    if config.task == "regression":
        return _both(lambda table, _: measured(truth, table), mine, theirs)
    if config.task == MULTILABEL:
        names = label_names(truth, mine[PREDICTION])
        if theirs is not None:
            check_known(theirs[PREDICTION], names, BASELINE)
            names = label_names(truth, mine[PREDICTION], theirs[PREDICTION])
        return _both(lambda table, _: label_sets(truth, table[PREDICTION], names), mine, theirs)
    if config.task == "ranking":
        query = groups_of(labels, config.evaluation.query, "query")
        assert query is not None  # noqa: S101 - the configuration holds a ranking to naming one
        return _both(lambda table, _: ordered(truth, table, query), mine, theirs)
    classes = known_classes(truth, mine, config.data.positive)
    if theirs is not None:
        check_comparable(theirs, mine, classes, BASELINE)
    return _both(lambda table, what: classified(truth, table, classes, what), mine, theirs)


def _both(
    rows_of: Callable[[pl.DataFrame, str], AnyRows], mine: pl.DataFrame, theirs: pl.DataFrame | None
) -> Sides:
    return Sides(rows_of(mine, CANDIDATE), None if theirs is None else rows_of(theirs, BASELINE))


def groups_of(labels: pl.DataFrame, column: str | None, setting: str = "cluster") -> Groups | None:
    """Which rows belong together, numbered without gaps."""
    if column is None:
        return None
    if column not in labels.columns:
        raise StageError(
            f"evaluation.{setting} names {column!r}, which the holdout does not have; "
            f"there are: {', '.join(labels.columns)}"
        )
    if missing := missing_of(labels[column]).sum():
        raise StageError(f"evaluation.{setting}: {missing:,} rows have no value in {column!r}")
    return (labels[column].rank("dense").cast(pl.Int64) - 1).to_numpy()
