"""What a table's profile suggests as rules: ranges with slack, allowed values, nulls, key, sensitive columns.

Pure functions over the profile. The rules hold on the data they came from; the slack is what further data
of the same kind may need.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from ml_stages.adopt.margin import Margin, margin_for
from ml_stages.adopt.ranges import IDENTIFIER, MOST_ALLOWED, range_of, rounded
from ml_stages.adopt.second_sample import OFTEN, least_by_chance, most_by_chance
from ml_stages.adopt.task import MOST_CLASSES, Task, task_of
from ml_stages.checks.types import is_beyond_int64
from ml_stages.config.data import ColumnType
from ml_stages.data.periods import are_periods
from ml_stages.data.profile import ColumnProfile, Profile
from ml_stages.data.types import infer as as_what
from ml_stages.data.types import type_of
from ml_stages.data.unsupported import labels_lack, predictors_lack
from ml_stages.report.numbers import counted, in_percent

_NULL_TEXTS = ("NA", "N/A", "n/a", "NULL", "null", "None", "none", "NaN", "nan", "?", "-", "--", "missing")
_PERSONAL = re.compile(
    r"(first|last|full|sur|maiden|user|customer)_?name|^name$|e_?mail|phone|mobile|ssn|social_?security"
    r"|passport|iban|(card|account)_?(no|num|number)$|street|address|birth|^dob$|ip_?addr|^ip$|^zip|post(al)?_?code"
    r"|(tax|national)_?id|^log_?in$|password|licen[cs]e_?plate|^lat(itude)?$|^(lon|lng|longitude)$",
    re.IGNORECASE,
)
_PERSONAL_TEXTS = re.compile(
    r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"  # an e-mail address
    r"|\+\d[\d ()/-]{6,17}\d"  # a telephone number
    r"|[A-Z]{2}\d{2}( ?[A-Z0-9]{4}){3,7}( ?[A-Z0-9]{1,3})?"  # an IBAN
    r"|\d{1,3}(\.\d{1,3}){3}"  # an IP address
    r"|\d{3}-\d{2}-\d{4}"  # a social security number
)
_PROTECTED = re.compile(
    r"^(sex|gender|male|female|race|ethnic\w*|black|white|asian|hispanic|religion|nationality|foreign\w*|disab\w*"
    r"|pregnan\w*|marital\w*|married|single|orientation|age(_\w+)?)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class InferredColumn:
    """A rule for one column, and why."""

    name: str
    rule: dict[str, Any]
    """Fields of ``ColumnRule``."""
    why: str


@dataclass(frozen=True)
class Inferred:
    """What the profile suggests."""

    task: Task
    key: list[str]
    columns: list[InferredColumn]
    protected: list[str]
    """Columns that look like protected attributes and have few values: worth a look one by one."""
    margin: Margin
    table: dict[str, Any] = field(default_factory=dict)
    """Fields of ``DataConfig`` about the whole table."""


def infer(profile: Profile, label: str) -> Inferred:
    """Suggest rules; ``profile`` was measured with ``unique`` asked for every :func:`key_candidates`."""
    task = task_of(profile.column(label))
    key = _key(profile, label)
    return Inferred(
        task=task,
        key=key,
        columns=[_column(column, profile.rows, label, key) for column in profile.columns],
        protected=[
            column.name
            for column in profile.columns
            if _PROTECTED.search(column.name) and column.name != label and _is_categorical(column)
        ],
        margin=margin_for(task, profile.column(label)),
        table=_table(profile, task),
    )


def label_doubts(profile: Profile, label: str) -> list[str]:
    """What about the label somebody has to look at."""
    column = profile.column(label)
    if column is None or column.distribution is None:
        return []
    different = column.distribution.distinct
    task = task_of(column)
    if task == "regression" and different <= MOST_CLASSES:
        return [f'task: {label} holds {different} different numbers; is it rather "classification"?']
    if task == "classification" and different > max(MOST_CLASSES, profile.rows / 10):
        return [f"data.label: {label} holds {different:,} classes in {profile.rows:,} rows; is it the label?"]
    return []


def why_left_out(column: ColumnProfile) -> str:
    """Why no predictor can be given the column; empty where one can."""
    if column.unsupported:
        return predictors_lack(column.unsupported)
    if is_beyond_int64(column):
        return "integers beyond 64 bits with a sign cannot be given to a predictor; store them as texts"
    return ""


def key_candidates(profile: Profile, label: str) -> list[str]:
    """Columns that may identify a row: without nulls, and about as many different values as rows."""
    return [
        column.name
        for column in profile.columns
        if column.name != label
        and column.type in {"int", "string"}
        and not column.nulls
        and column.distribution
        and column.distribution.distinct >= profile.rows * (1 - 5 * column.distribution.distinct_error)
    ]


def null_texts(profile: Profile) -> list[str]:
    """Texts that stand for "no value" in columns that hold numbers otherwise."""
    found: dict[str, None] = {}
    for column in profile.columns:
        values = column.distribution and column.distribution.values
        if column.type != "string" or not values:
            continue
        nulls = [text for text in values.counts if text.strip() in _NULL_TEXTS]
        if nulls and all(_is_number(text) for text in values.counts if text not in nulls):
            found |= dict.fromkeys(nulls)
    return list(found)


def times_in_texts(profile: Profile) -> dict[str, ColumnType]:
    """Columns whose texts, as far as the profile holds them, all read as dates or times, and as which."""
    found: dict[str, ColumnType] = {}
    for column in profile.columns:
        values = column.distribution and column.distribution.values
        if column.type == "string" and values:
            kind = type_of(as_what(pl.Series(list(values.counts))))
            found |= {column.name: kind} if kind in {"date", "datetime"} else {}
    return found


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text) is not None


def never_repeated(profile: Profile, label: str) -> list[str]:
    """Columns that identify a row in this data; ``profile`` is one as :func:`infer` takes."""
    return [
        column.name
        for column in profile.columns
        if column.repeated == 0 and not column.nulls and column.name != label
    ]


def _key(profile: Profile, label: str) -> list[str]:
    different = never_repeated(profile, label)
    named = [name for name in different if IDENTIFIER.search(name)]
    # One beside the label alone is what a model predicts from.
    first = [
        column.name for column in profile.columns[:1] if column.name in different and len(profile.columns) > 2
    ]
    return (named or first)[:1]


def _is_categorical(column: ColumnProfile) -> bool:
    return bool(column.distribution and column.distribution.values)


def _column(column: ColumnProfile, rows: int, label: str, key: list[str]) -> InferredColumn:
    if column.unsupported and column.name == label:
        return InferredColumn(column.name, {}, f"CHECK: {labels_lack(column.unsupported)}")
    of_the_row = column.name == label or column.name in key
    left_out = "" if of_the_row and not column.unsupported else why_left_out(column)
    rule: dict[str, Any] = {"feature": False} if left_out else {"type": column.type}
    why = [f"CHECK: {left_out}"] if left_out else []
    why += [_role(column, label, key)] if of_the_row else []
    personal = _is_personal(column)
    if column.name not in key and not personal and not left_out:
        for fields, reason in _values(column, rows, label):
            rule |= fields
            why += [reason] if reason else []
    missing = (column.nulls + column.nan) / rows if rows else 0.0
    if missing and column.name not in key and (column.name != label or task_of(column) == "multilabel"):
        rule["max_null"] = round(min(1.0, most_by_chance(column.nulls + column.nan, rows) + 0.01), 2)
        why.append(f"{in_percent(missing)} missing")
    if personal:
        rule["sensitive"] = True
        why.append("looks personal: masked in reports")
    if _PROTECTED.search(column.name) and column.name != label and not left_out:
        why.append("looks protected: feature = false would hide it from the model")
    return InferredColumn(column.name, rule, "; ".join(why) or "every row has a value")


def _values(column: ColumnProfile, rows: int, label: str) -> list[tuple[dict[str, Any], str]]:
    """What the column may hold, and why."""
    task = task_of(column) if column.name == label else None
    if task == "multilabel":
        return [({}, "several labels a row")]
    if task == "classification" and column.type == "int":
        return [_classes(column)]
    return [range_of(column, rows), _allowed(column), ({}, _times(column))]


def _is_personal(column: ColumnProfile) -> bool:
    """By its name, or because nearly all of its texts are addresses, numbers of telephones..."""
    values = column.distribution and column.distribution.values
    if _PERSONAL.search(column.name):
        return True
    if column.type != "string" or not values:
        return False
    looked_at = list(values.counts)[:1_000]
    return sum(bool(_PERSONAL_TEXTS.fullmatch(text)) for text in looked_at) > 0.9 * len(looked_at)


def _times(column: ColumnProfile) -> str:
    if column.oldest is None or column.newest is None:
        return ""
    oldest, newest = (np.datetime64(int(time // 86400), "D") for time in (column.oldest, column.newest))
    return f"seen {oldest} to {newest}"


def _role(column: ColumnProfile, label: str, key: list[str]) -> str:
    return "the label" if column.name == label else "the key" if column.name in key else ""


def _allowed(column: ColumnProfile) -> tuple[dict[str, Any], str]:
    values = column.distribution and column.distribution.values
    if column.type != "string" or not values:
        return {}, ""
    exact = column.distribution is not None and column.distribution.distinct == len(values.counts)
    if not exact or len(values.counts) > MOST_ALLOWED:
        return {}, _different(column)
    if are_periods(values.counts):
        return {}, f"seen {min(values.counts)} to {max(values.counts)}; later ones will come"
    if min(values.counts.values()) < OFTEN:
        return {}, f"{counted(len(values.counts), 'texts')}, some in fewer than {OFTEN} rows: others may come"
    return {"allowed": sorted(values.counts)}, f"every text seen, each in at least {OFTEN} rows"


def _different(column: ColumnProfile) -> str:
    """How many texts there are; many are counted with an error, those that never repeat without."""
    if column.distribution is None:
        return ""
    if column.repeated == 0:
        return "never repeats"
    about = "about " if column.distribution.distinct_error else ""
    return f"{about}{column.distribution.distinct:,} different texts"


def _classes(column: ColumnProfile) -> tuple[dict[str, Any], str]:
    """Classes that are numbers: a new one is no matter of a range."""
    values = column.distribution and column.distribution.values
    return {"allowed": sorted(int(value) for value in values.counts)} if values else {}, "every class seen"


def _table(profile: Profile, task: str) -> dict[str, Any]:
    found: dict[str, Any] = {"min_rows": rounded(profile.rows / 2, down=True)}
    found["min_rows"] = max(1, int(found["min_rows"]))
    if profile.duplicates:
        found["max_duplicates"] = most_by_chance(profile.duplicates, profile.rows)
    counts = profile.label_counts
    if task == "classification" and counts:
        rarest = least_by_chance(min(counts.values()), profile.rows)
        found |= {"balance": {"min_share": float(f"{rarest:.2g}")}} if rarest else {}
    return found
