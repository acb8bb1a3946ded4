"""Golden answers: what the tested model said offline about each holdout row."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar

from ml_stages.errors import StageError
from ml_stages.serving.fault import RequestFault
from ml_stages.serving.features import FeatureTable
from ml_stages.serving.payload import LONGEST_FIELD

T = TypeVar("T")

_PREFIX = "probability_"


@dataclass(frozen=True)
class Golden:
    """One holdout row as it is sent, and the offline answer for it."""

    row: Mapping[str, Any]
    prediction: str
    probabilities: Mapping[str, float]
    """By class; empty for models without."""


def read_golden(features: Path, predictions: Path, schema: Mapping[str, Any], limit: int) -> list[Golden]:
    """At most ``limit`` rows, spread evenly over the holdout.

    ``features`` and ``predictions`` are the artifacts' folders. Raises :class:`StageError` when the two
    do not hold the same rows.
    """
    rows = read_rows([features], schema)
    answers = _read_csv(predictions / "predictions.csv")
    keys = [line["key"] for line in _read_csv(features / "keys.csv")]
    if [line["key"] for line in answers] != keys or len(rows) != len(keys):
        raise StageError("the offline predictions are not those of the holdout's rows; run predict again")
    return [_golden(row, line) for row, line in spread([*zip(rows, answers, strict=True)], limit)]


def spread(rows: Sequence[T], limit: int) -> Sequence[T]:
    """At most ``limit`` of the rows, evenly from the first on."""
    return rows[:: max(1, math.ceil(len(rows) / limit))]


def _golden(row: Mapping[str, Any], line: Mapping[str, str]) -> Golden:
    shares = {
        name.removeprefix(_PREFIX): float(text) for name, text in line.items() if name.startswith(_PREFIX)
    }
    return Golden(row, line["prediction"], shares)


def _read_csv(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8-sig") as stream:
        return records_of_csv(stream)


def records_of_csv(stream: TextIO) -> list[dict[str, str]]:
    """Every row by the names of the head line; raises :class:`csv.Error` for what is not CSV.

    So is a row that has more or fewer fields than the head line.
    """
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        lines = csv.reader(stream, strict=True)
        head = next(lines, [])
        records = []
        for line in lines:
            # A blank line is a row only of a single column: it is how a null is written there.
            fields = line or [""] * (len(head) == 1)
            if fields and len(fields) != len(head):
                raise csv.Error(f"line {lines.line_num} has {len(fields)} fields; expected {len(head)}")
            if fields:
                records.append(dict(zip(head, fields, strict=True)))
    finally:
        csv.field_size_limit(before)
    return records


def read_rows(folders: Sequence[Path], schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The holdout's rows as they are sent: the columns of a schema, which may lie in several folders.

    Raises :class:`StageError` where a column is in none of them, or a value does not fit.
    """
    table = FeatureTable.from_schema(schema)
    columns: dict[str, list[Any]] = {}
    for file in (file for folder in folders for file in folder.glob("features.*")):
        columns |= _parquet_columns(file, table) if file.suffix == ".parquet" else _csv_columns(file, table)
    if missing := [name for name in table.names if name not in columns]:
        raise StageError(f"the holdout has no column {missing[0]!r}")
    rows = zip(*(columns[name] for name in table.names), strict=True)
    return [dict(zip(table.names, values, strict=True)) for values in rows]


def _csv_columns(file: Path, table: FeatureTable) -> dict[str, list[Any]]:
    lines = _read_csv(file)
    there = lines[0].keys() if lines else table.names
    try:
        return {
            feature.name: feature.parse([line[feature.name] for line in lines], table.null_values)
            for feature in table.features
            if feature.name in there
        }
    except RequestFault as fault:
        raise StageError(f"the holdout does not fit the schema: row {fault.row}: {fault.message}") from None


def _parquet_columns(file: Path, table: FeatureTable) -> dict[str, list[Any]]:
    import polars as pl  # noqa: PLC0415 - only tables that are Parquet need it

    names = [name for name in pl.read_parquet_schema(file) if name in table.names]
    columns = pl.read_parquet(file, columns=names).to_dict(as_series=False)
    return {name: [_json_value(value) for value in values] for name, values in columns.items()}


def _json_value(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value


def split_body(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A request for rows in the form `dataframe_split`."""
    names = list(rows[0])
    data = [[row[name] for name in names] for row in rows]
    return json.dumps({"dataframe_split": {"columns": names, "data": data}}).encode()


def difference(golden: Golden, answer: Mapping[str, Any], row: int, tolerance: float) -> str | None:
    """How a served answer differs from the offline one, or ``None``.

    ``answer`` is the whole document, ``row`` the place in it. Numbers may differ by ``tolerance``,
    relative above 1, else absolute.
    """
    prediction = answer["predictions"][row]
    if not _same(golden.prediction, prediction, tolerance):
        return f"prediction {prediction!r}, expected {golden.prediction!r}"
    if not golden.probabilities:
        return None
    if "probabilities" not in answer:
        return "no probabilities, expected some"
    served = dict(zip(map(str, answer["classes"]), answer["probabilities"][row], strict=True))
    for name, share in golden.probabilities.items():
        if name not in served or not close(served[name], share, tolerance):
            return f"probability of {name!r} {served.get(name)!r}, expected {share!r}"
    return None


def _same(offline: str, served: Any, tolerance: float) -> bool:
    if isinstance(served, str | bool):
        return str(served) == offline
    if isinstance(served, list | dict):  # as servers of others answer a row
        return alike(_parsed(offline), served, tolerance)
    try:
        return close(float(served), float(offline), tolerance)
    except (TypeError, ValueError):
        return False


def _parsed(offline: str) -> Any:
    try:
        return json.loads(offline)
    except ValueError:
        return offline


def as_text(prediction: Any) -> str:
    """A prediction as it stands in a :class:`Golden`."""
    return json.dumps(prediction) if isinstance(prediction, list | dict) else str(prediction)


def alike(one: Any, other: Any, tolerance: float) -> bool:
    """Whether two JSON values are the same, with numbers that differ by no more than the tolerance."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key], tolerance) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(alike(*pair, tolerance) for pair in pairs)
    if isinstance(one, int | float) and isinstance(other, int | float):
        return close(one, other, tolerance)
    return bool(one == other)


def close(one: float, other: float, tolerance: float) -> bool:
    """Whether two numbers differ by no more than the tolerance, relative above 1, else absolute."""
    return abs(one - other) <= tolerance * max(1.0, abs(other))
