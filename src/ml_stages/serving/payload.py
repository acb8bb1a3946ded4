"""Turn the body of a scoring request into columns: MLflow's and SageMaker's JSON forms, and CSV.

JSON objects with one of `dataframe_records`, `dataframe_split`, `instances`, `inputs` as MLflow's
scoring protocol defines them; `text/csv` with a head line.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from ml_stages.serving.fault import RequestFault, shown
from ml_stages.serving.features import Columns, FeatureTable

LONGEST_FIELD = 2**31 - 1
"""Letters of a field of CSV: what is read is limited already. Python's own limit of 131,072 is less than many
documents and pictures have."""
FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


def read_payload(body: bytes, content_type: str, table: FeatureTable, max_rows: int) -> tuple[Columns, int]:
    """Checked columns and the number of rows.

    Raises :class:`RequestFault`: 415 for another content type, 400 for what cannot be read, 413 for too
    many rows, 422 for values that do not fit the columns.
    """
    kind, _, options = content_type.partition(";")
    kind = kind.strip().lower()
    if kind not in {"application/json", "text/csv"}:
        raise RequestFault(
            415, "content_type", f"expected application/json or text/csv, got {shown(content_type)}"
        )
    _check_charset(options)
    text = decode_text(body)
    columns = _read_csv(text, table, max_rows) if kind == "text/csv" else _read_json(text, table, max_rows)
    rows = len(next(iter(columns.values())))
    _check_rows(rows, max_rows)
    return columns, rows


def _check_charset(options: str) -> None:
    name, _, value = options.partition("=")
    if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in {
        "utf-8",
        "utf8",
        "us-ascii",
    }:
        raise RequestFault(415, "charset", f"expected UTF-8, got charset {shown(value.strip())}")


def decode_text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestFault(400, "encoding", f"the body is not UTF-8: byte {error.start} is wrong") from None


def parse_json(text: str) -> Any:
    """JSON without repeated names and bottomless nesting, NaN as null; raises :class:`RequestFault` (400)."""
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise RequestFault(400, "json", "the JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise RequestFault(400, "json", f"the body is not JSON: {error.msg} ({where})") from None
    except ValueError:
        raise RequestFault(400, "json", "the JSON holds a number with too many digits") from None


def _constant(name: str) -> None:
    """NaN is how MLflow's client writes a null, although JSON has no such word; infinity is nothing."""
    if name != "NaN":
        raise RequestFault(400, "json", f"{name} is not JSON; expected a finite number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RequestFault(400, "json", f"the name {shown(twice)} occurs twice in one object")
    return found


_DECODER = json.JSONDecoder(parse_constant=_constant, object_pairs_hook=_unique)


def _read_json(text: str, table: FeatureTable, max_rows: int) -> Columns:
    document = parse_json(text)
    expected = f"expected a JSON object with one of {', '.join(FORMS)}"
    if not isinstance(document, dict):
        raise RequestFault(400, "form", f"{expected}; got {_kind(document)}")
    found = [name for name in FORMS if name in document]
    if len(found) != 1:
        raise RequestFault(400, "form", f"{expected}; found {', '.join(found) or 'none of them'}")
    _check_members(document, found[0])
    return _READERS[found[0]](document[found[0]], table, max_rows)


def _check_members(document: dict[str, Any], form: str) -> None:
    if document.get("params") not in (None, {}):
        raise RequestFault(400, "params", "this model takes no params")
    # `signature_name` is what SageMaker's TensorFlow clients send along.
    unknown = [name for name in document if name not in {form, "params", "signature_name"}]
    if unknown:
        raise RequestFault(400, "form", f"unknown member {shown(unknown[0])} beside {form}")


def _records(records: Any, table: FeatureTable, max_rows: int) -> Columns:
    rows = _list(records, "dataframe_records", max_rows)
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise RequestFault(400, "form", f"row {number} is {_kind(row)}; expected an object", row=number)
        table.check_names(row, number)
    return table.check({name: [row[name] for row in rows] for name in table.names})


def _split(split: Any, table: FeatureTable, max_rows: int) -> Columns:
    if not isinstance(split, dict) or not isinstance(split.get("columns"), list) or "data" not in split:
        raise RequestFault(400, "form", "dataframe_split expects an object with columns and data")
    names = split["columns"]
    if not all(isinstance(name, str) for name in names):
        raise RequestFault(400, "form", "dataframe_split.columns expects texts")
    table.check_names(names)
    return table.check(_transposed(_list(split["data"], "dataframe_split.data", max_rows), names))


def _transposed(rows: list[Any], names: Sequence[str]) -> Columns:
    for number, row in enumerate(rows):
        if not isinstance(row, list):
            raise RequestFault(400, "form", f"row {number} is {_kind(row)}; expected a list", row=number)
        if len(row) != len(names):
            raise RequestFault(
                422, "width", f"row {number} has {len(row)} values; expected {len(names)}", row=number
            )
    return {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


def _instances(instances: Any, table: FeatureTable, max_rows: int) -> Columns:
    rows = _list(instances, "instances", max_rows)
    if isinstance(rows[0], dict):
        return _records(rows, table, max_rows)
    if not isinstance(rows[0], list) and len(table.features) == 1:
        rows = [[value] for value in rows]
    return table.check(_transposed(rows, table.names))


def _inputs(inputs: Any, table: FeatureTable, max_rows: int) -> Columns:
    if not isinstance(inputs, dict):
        return _instances(inputs, table, max_rows)
    table.check_names(inputs)
    columns = {name: _column(values) for name, values in inputs.items()}
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise RequestFault(
            422, "length", f"columns have {min(lengths)} to {max(lengths)} values; expected one length"
        )
    _check_rows(max(lengths), max_rows)
    return table.check(columns)


def _column(values: Any) -> list[Any]:
    """A column's values: a list, a list of lists of one value (a tensor of shape (n, 1)), or one value."""
    if not isinstance(values, list):
        return [values]
    if values and all(isinstance(value, list) and len(value) == 1 for value in values):
        return [value[0] for value in values]
    return values


_READERS: dict[str, Callable[[Any, FeatureTable, int], Columns]] = {
    "dataframe_records": _records,
    "dataframe_split": _split,
    "instances": _instances,
    "inputs": _inputs,
}


def _list(value: Any, name: str, max_rows: int) -> list[Any]:
    if not isinstance(value, list):
        raise RequestFault(400, "form", f"{name} expects a list of rows, got {_kind(value)}")
    _check_rows(len(value), max_rows)
    return value


def _check_rows(rows: int, max_rows: int) -> None:
    if rows == 0:
        raise RequestFault(400, "no_rows", "the request has no rows")
    if rows > max_rows:
        raise RequestFault(
            413, "too_many_rows", f"the request has {rows} rows; at most {max_rows} are answered"
        )


def _read_csv(text: str, table: FeatureTable, max_rows: int) -> Columns:
    csv.field_size_limit(LONGEST_FIELD)
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = next(lines, None)
        rows = [line for line in lines if line]
    except csv.Error as error:
        raise RequestFault(400, "csv", f"the CSV cannot be read: {error} (line {lines.line_num})") from None
    if not head:
        raise RequestFault(400, "csv", "the CSV is empty; expected a head line with the columns' names")
    if len(head) == 1 and len(table.features) > 1:
        message = f"the head line is one column, {shown(head[0])}; expected commas between the names"
        raise RequestFault(400, "csv", message)
    table.check_names(head)
    _check_rows(len(rows), max_rows)
    texts = _transposed(rows, head)
    return table.check(
        {feature.name: feature.parse(texts[feature.name], table.null_values) for feature in table.features}
    )


def _kind(value: Any) -> str:
    """A JSON value's kind in JSON's own words."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
