"""Ranking: rows that are ordered within a query, by a score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.catalogue import Task, parameter
from ml_stages.evaluation.losses import mean
from ml_stages.evaluation.rows import Index
from ml_stages.evaluation.unit_metrics import Numbers, UnitMetric
from ml_stages.report.numbers import counted

Floats = NDArray[np.float64]
_MANY = 0.1
_ALL_ALIKE = (
    "undefined: every query has rows of one relevance alone, which no order gets wrong; does "
    "evaluation.query name the column whose rows are ranked together?"
)


_ALL_AMONG = (
    "undefined: no query has more than {k:g} rows, so that every order has all of them among the first"
)


@dataclass(frozen=True)
class Ordered:
    """Relevance of each row, one model's score of it, and the query that it belongs to."""

    relevance: Floats
    score: Floats
    query: NDArray[np.intp]

    @property
    def task(self) -> Task:
        return Task.RANKING

    def __len__(self) -> int:
        return len(self.relevance)

    def take(self, index: Index) -> Ordered:
        """The same for some of the rows; a query keeps those of its rows that are among them."""
        return Ordered(self.relevance[index], self.score[index], self.query[index])


def queries(rows: Ordered) -> NDArray[np.intp]:
    """The queries with at least one relevant row, which are those that an order can be right about."""
    return np.unique(rows.query[rows.relevance > 0])


def groups_of_queries(rows: Ordered, groups: NDArray[np.intp]) -> NDArray[np.intp]:
    """The group of each query with a relevant row, numbered without gaps; its first row says which."""
    first = np.unique(rows.query, return_index=True)[1]
    kept = np.isin(rows.query[first], queries(rows))
    return np.asarray(np.unique(groups[first[kept]], return_inverse=True)[1])


def numbers(rows: Ordered, wanted: list[str]) -> Numbers:
    """The wanted metrics with what each query contributes: a plain mean over the queries.

    Rows of equal score stand in the worst order, so that a constant score earns nothing. Where no query has
    rows of which some are more relevant than others, every order is right, and there is no metric.
    """
    lists = _lists(rows)
    if lists.relevant.any() and lists.alike.all():
        return {name: UnitMetric(None, note=_ALL_ALIKE) for name in wanted}
    return {name: lists.metric(name) for name in wanted}


def ranking_notes(rows: Ordered) -> list[str]:
    """A note where many of the queries are right whatever the scores, which no average shows."""
    alike = _lists(rows).alike
    if alike.sum() <= _MANY * alike.size:
        return []
    of = f"{alike.sum():,} of {counted(alike.size, 'queries')}"
    return [f"{of} have rows of one relevance alone: no order gets them wrong, whatever the scores"]


def _lists(rows: Ordered) -> _Lists:
    order = np.lexsort((rows.relevance, -rows.score, rows.query))
    ideal = np.lexsort((-rows.relevance, rows.query))
    query = rows.query[order]
    starts = (
        np.flatnonzero(np.r_[True, query[1:] != query[:-1]]) if len(rows) else np.array([], dtype=np.intp)
    )
    first = np.repeat(starts, np.diff(np.r_[starts, len(rows)]))
    rank = np.asarray(np.arange(len(rows)) - first + 1, dtype=np.float64)
    return _Lists(rows.relevance[order], rows.relevance[ideal], rank, starts)


@dataclass(frozen=True)
class _Lists:
    """Relevance in the model's and in the best order, by query; ``rank`` counts from 1 in each."""

    model: Floats
    best: Floats
    rank: Floats
    starts: NDArray[np.intp]

    @cached_property
    def relevant(self) -> NDArray[np.bool_]:
        """Which queries have a relevant row."""
        return np.asarray(self._by_query(np.maximum) > 0)

    @property
    def alike(self) -> NDArray[np.bool_]:
        """Of those, which have rows of one relevance alone."""
        same = self._by_query(np.minimum) == self._by_query(np.maximum)
        return np.asarray(same[self.relevant])

    def _by_query(self, extreme: np.ufunc) -> Floats:
        if not self.starts.size:
            return np.array([])
        return np.asarray(extreme.reduceat(self.best, self.starts))

    def metric(self, name: str) -> UnitMetric:
        parts = parameter(name)
        kind = name if parts is None else parts.kind
        k = np.inf if parts is None or parts.number is None else parts.number
        by_kind: dict[str, Callable[[float], Floats]] = {
            "ndcg": self._ndcg,
            "mrr": self._mrr,
            "precision": self._precision,
        }
        if not self.relevant.any():
            return UnitMetric(None, note="undefined: no query has a relevant row")
        if kind == "precision" and self.rank.max() <= k:
            return UnitMetric(None, note=_ALL_AMONG.format(k=k))
        return UnitMetric(mean(by_kind[kind](k)[self.relevant]))

    def _sum(self, values: Floats, k: float) -> Floats:
        return np.asarray(np.add.reduceat(values * (self.rank <= k), self.starts))

    def _ndcg(self, k: float) -> Floats:
        """Jarvelin and Kekalainen, ACM Trans. Inf. Syst. 20:422 (2002), with relevance as the gain."""
        discount = 1 / np.log2(self.rank + 1)
        best = self._sum(self.best * discount, k)
        return self._sum(self.model * discount, k) / np.where(best > 0, best, 1)

    def _mrr(self, k: float) -> Floats:
        inverse = np.where((self.model > 0) & (self.rank <= k), 1 / self.rank, 0.0)
        return np.asarray(np.maximum.reduceat(inverse, self.starts))

    def _precision(self, k: float) -> Floats:
        return self._sum((self.model > 0).astype(np.float64), k) / k
