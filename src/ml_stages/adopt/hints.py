"""What columns suggest that no rule can decide: another task, rows that belong together, a split by time.

Each is one line for somebody who knows the data; but for columns that no predictor can be given, nothing is
written into the configuration for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import polars as pl

from ml_stages.adopt.infer import why_left_out
from ml_stages.adopt.task import may_be_sets, task_of
from ml_stages.data.profile import ColumnProfile, Profile

_QUERY = re.compile(r"^(query|search|request|impression|srch)(_?id)?$|^q_?id$", re.IGNORECASE)
_BELONGS = re.compile(
    r"^(author|user|patient|customer|client|account|session|subject|person|household|family|speaker|player"
    r"|student|driver|device|machine|sensor|station|vehicle)(_?(id|key|no|nr|number|name))?$",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"^(time_?stamp|date_?time|time|date|ds|day|week|month|period|(event|order|trade)_?(time|date)|\w+_at)$",
    re.IGNORECASE,
)
_MOST_GRADES = 10
_FEW = 20
"""Values up to which a column holds classes rather than people."""
_ROWS_EACH = 20
"""Rows of one identifier up to which it is rather a thing that was seen again than a class of things."""
_IDENTIFIER = re.compile(r"_(id|ID)$|[a-z]I[dD]$")
_PAIRS = 20
"""Most pairs of columns that are tried as a key."""


def hints(profile: Profile, label: str, key: list[str]) -> list[str]:
    """Lines of `key: what to look at`, for the columns beside the key."""
    others = [column for column in profile.columns if column.name not in {label, *key}]
    found = profile.column(label)
    return [
        *_left_out(others),
        *(_task(found, others, profile.rows) if found else ()),
        *_together(others, profile),
        *_times(others),
    ]


def _left_out(others: list[ColumnProfile]) -> Iterator[str]:
    reasons = {column.name: why_left_out(column) for column in others}
    for name, why in reasons.items():
        if why:
            yield f"data.columns: {name} is left out of the features, since {why}"
    if all(reasons.values()):
        yield "data.columns: no column is left to predict from, and nothing can be trained"


def _task(label: ColumnProfile, others: list[ColumnProfile], rows: int) -> Iterator[str]:
    if task_of(label) == "multilabel":
        yield f"task: {label.name} holds several labels a row, as in a|b; or is each such text a class?"
    elif may_be_sets(label):
        yield f'task: {label.name} holds texts such as a|b; are they several labels a row, "multilabel"?'
    grades = label.type == "int" and label.min == 0 and _distinct(label) <= _MOST_GRADES
    query = next((one.name for one in others if _QUERY.search(one.name) and _repeats(one, rows)), None)
    if grades and query:
        yield (
            f"task: {query} may be what rows are ranked for, and {label.name} how relevant they are:"
            f' "ranking" with evaluation.query = "{query}"?'
        )


def _together(others: list[ColumnProfile], profile: Profile) -> Iterator[str]:
    for column in others:
        if _may_belong(column, profile.rows) and _repeats(column, profile.rows):
            yield (
                f"evaluation.cluster: {column.name} holds {_distinct(column):,} values in {profile.rows:,}"
                f' rows; if new ones must be predicted for, cluster = "{column.name}" keeps the rows of each'
                " on one side of the split"
            )


def _may_belong(column: ColumnProfile, rows: int) -> bool:
    """Whether rows of one value may be about one thing: by its name, or an identifier of a few rows each."""
    few_rows_each = rows < _ROWS_EACH * _distinct(column)
    return bool(_BELONGS.search(column.name) or (few_rows_each and _IDENTIFIER.search(column.name)))


def _times(others: list[ColumnProfile]) -> Iterator[str]:
    for column in others:
        if column.type in {"date", "datetime"} and _TIME.search(column.name):
            yield (
                "data.split: the holdout is chosen at random; if the future is predicted, split ="
                f' {{ method = "time", column = "{column.name}" }} holds out the newest rows'
            )
            return


def _distinct(column: ColumnProfile) -> int:
    return round(column.distribution.distinct) if column.distribution else 0


def _repeats(column: ColumnProfile, rows: int) -> bool:
    """Whether values come back, and are more than a few classes."""
    return column.type in {"string", "int"} and _FEW < _distinct(column) < 0.8 * rows


def time_keys(table: pl.LazyFrame, profile: Profile, label: str) -> list[str]:
    """A time that identifies a row, or a column and a time that do together; nothing where none does."""
    whole = [column for column in profile.columns if not column.nulls and column.name != label]
    times = [column.name for column in whole if column.type in {"date", "datetime"}]
    units = [column.name for column in whole if column.type in {"string", "int"}]
    alone = [(name,) for name in times]
    for pair in [*alone, *product(units, times)][:_PAIRS]:
        if table.select(pl.struct(pair).n_unique() == pl.len()).collect().item():
            return list(pair)
    return []
