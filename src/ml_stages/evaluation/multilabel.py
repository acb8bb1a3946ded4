"""Sets of labels: rows that have several labels, or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_stages.errors import StageError
from ml_stages.evaluation.catalogue import Task, spec_of
from ml_stages.evaluation.classes import refuse_strange
from ml_stages.evaluation.losses import mean
from ml_stages.evaluation.ranking import Influenced
from ml_stages.evaluation.rows import Index
from ml_stages.evaluation.unit_metrics import Numbers, UnitMetric, ratio
from ml_stages.report.numbers import counted, listed

SEPARATOR = "|"
_MOST_LABELS = 1000
_NAMED = 5
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LabelSets:
    """Which labels each row has, and which one model says; both are rows by labels."""

    labels: tuple[str, ...]
    truth: Bools
    predicted: Bools
    occurring: int
    """How many of the labels some row of the whole holdout has; a model may name others, which are wrong."""

    @property
    def task(self) -> Task:
        return Task.MULTILABEL

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, index: Index) -> LabelSets:
        """The same for some of the rows."""
        return LabelSets(self.labels, self.truth[index], self.predicted[index], self.occurring)


def label_names(*columns: pl.Series) -> tuple[str, ...]:
    """Every label of columns of sets such as `red|round`, sorted."""
    found: set[str] = set()
    for column in columns:
        found |= set(column.cast(pl.String).fill_null("").str.split(SEPARATOR).explode().unique()) - {
            "",
            None,
        }
    if len(found) > _MOST_LABELS:
        raise StageError(
            f"there are {len(found):,} labels (at most {_MOST_LABELS:,}); are sets written as a{SEPARATOR}b?"
        )
    return tuple(sorted(found))


def check_known(predicted: pl.Series, known: tuple[str, ...], what: str) -> None:
    """Raise :class:`IncomparableError` for a baseline of labels with other names."""
    strange = sorted(set(label_names(predicted)) - set(known))
    sets = predicted.cast(pl.String).fill_null("").str.split(SEPARATOR)
    rows = sum(not named.isdisjoint(strange) for named in map(set, sets)) if strange else 0
    refuse_strange(what, strange, (rows, len(predicted)), known)


def label_sets(truth: pl.Series, predicted: pl.Series, labels: tuple[str, ...]) -> LabelSets:
    """Both columns as tables of whether a row has a label."""
    table = _table(truth, labels)
    return LabelSets(labels, table, _table(predicted, labels), int(table.any(axis=0).sum()))


def _table(column: pl.Series, labels: tuple[str, ...]) -> Bools:
    sets = column.cast(pl.String).fill_null("").str.split(SEPARATOR)
    code = {label: place for place, label in enumerate(labels)}
    table = np.zeros((len(column), len(labels)), dtype=np.bool_)
    flat = sets.explode()
    rows = np.repeat(np.arange(len(column)), sets.list.len().to_numpy())
    known = flat.is_in(list(code)).fill_null(value=False).to_numpy()
    codes = flat.replace_strict(code, default=0, return_dtype=pl.Int32).to_numpy()
    table[rows[known], codes[known]] = True
    return table


def numbers(rows: LabelSets, wanted: list[str]) -> Numbers:
    """The wanted metrics with what each row contributes."""
    hit = (rows.truth & rows.predicted).astype(np.float64)
    own, said = rows.truth.astype(np.float64), rows.predicted.astype(np.float64)
    either = np.maximum(own, said).sum(axis=1)
    known: dict[str, Callable[[], Influenced | None]] = {
        "subset_accuracy": lambda: mean((rows.truth == rows.predicted).all(axis=1).astype(np.float64)),
        "hamming_loss": lambda: _hamming_loss(rows),
        "jaccard": lambda: mean(np.where(either == 0, 1.0, hit.sum(axis=1) / np.maximum(either, 1))),
        "f1_micro": lambda: ratio(2 * hit.sum(axis=1), (own + said).sum(axis=1)),
        "precision_micro": lambda: ratio(hit.sum(axis=1), said.sum(axis=1)),
        "recall_micro": lambda: ratio(hit.sum(axis=1), own.sum(axis=1)),
        "f1_macro": lambda: _f1_macro(hit, own + said, own),
    }
    occurring = rows.truth.any(axis=0)
    counted_by = {
        "recall_micro": own.sum(axis=1, keepdims=True),
        "precision_micro": said.sum(axis=1, keepdims=True),
        "f1_micro": (own + said).sum(axis=1, keepdims=True),
        "f1_macro": (own + said)[:, occurring],
    }
    return {name: _unit(name, known[name]() if len(rows) else None, counted_by.get(name)) for name in wanted}


def multilabel_notes(rows: LabelSets) -> list[str]:
    """A note on labels that the model never predicts: rows without any label may hide it from the numbers."""
    never = rows.truth.any(axis=0) & ~rows.predicted.any(axis=0)
    if not never.any():
        return []
    names = listed([repr(rows.labels[place]) for place in np.flatnonzero(never)], _NAMED)
    count = int(rows.truth[:, never].any(axis=1).sum())
    return [f"no row is predicted to have {names}, which {count:,} of {counted(len(rows), 'rows')} have"]


def _hamming_loss(rows: LabelSets) -> Influenced | None:
    """Wrong labels of a row over all that occur: labels that a model invents must not make it look better."""
    if rows.occurring == 0:
        return None
    wrong = (rows.truth != rows.predicted).sum(axis=1)
    return mean(np.minimum(wrong / rows.occurring, 1.0))


def _f1_macro(hit: Floats, both: Floats, own: Floats) -> Influenced | None:
    """F1 of each label that occurs, averaged."""
    occurring = own.any(axis=0)
    parts = [ratio(2 * hit[:, label], both[:, label]) for label in np.flatnonzero(occurring)]
    found = [part for part in parts if part is not None]
    if not found:
        return None
    return Influenced(
        sum(part.value for part in found) / len(found), np.mean([part.influence for part in found], axis=0)
    )


def _unit(name: str, number: Influenced | None, counted_by: Floats | None) -> UnitMetric:
    """``counted_by`` is how much each row has of what a share counts, by shares; else rows are alike."""
    spec = spec_of(name, (Task.MULTILABEL,))
    assert spec is not None  # noqa: S101 - the names were checked
    return UnitMetric(
        number,
        spec.greater_is_better,
        note="" if number else "undefined: no labels",
        parts=None if number is None or counted_by is None else counted_by / counted_by.sum(axis=0),
    )
