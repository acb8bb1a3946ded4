"""The open inference protocol, version 2, over HTTP with JSON and with binary tensors.

KServe's "Open Inference Protocol" and Triton's binary tensor data extension. A column of the schema is
an input tensor of shape ``[n]`` or ``[n, 1]``; a single input of shape ``[n, columns]`` holds all columns
in order. Outputs are ``predictions`` and, for classifiers, ``probabilities``, always as JSON.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_stages.model.answers import Answers
from ml_stages.serving.fault import RequestFault, shown
from ml_stages.serving.features import Columns, FeatureTable
from ml_stages.serving.payload import decode_text, parse_json

_FORMATS = {
    "BOOL": "?",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
KNOWN_DATATYPES = (*_FORMATS, "BYTES")
"""What a tensor may say that it is made of."""
DATATYPES = {
    "int": "INT64",
    "float": "FP64",
    "bool": "BOOL",
    "string": "BYTES",
    "date": "BYTES",
    "datetime": "BYTES",
}


def metadata(name: str, version: str, table: FeatureTable, label: Mapping[str, Any]) -> dict[str, Any]:
    """What ``/v2/models/NAME`` says: the tensors that go in and come out."""
    outputs = [{"name": "predictions", "datatype": DATATYPES[label["type"]], "shape": [-1]}]
    if label.get("classes"):
        outputs.append({"name": "probabilities", "datatype": "FP64", "shape": [-1, len(label["classes"])]})
    return {
        "name": name,
        "versions": [version],
        "platform": "ml-pipeline",
        "inputs": [
            {"name": feature.name, "datatype": DATATYPES[feature.type], "shape": [-1]}
            for feature in table.features
        ],
        "outputs": outputs,
    }


@dataclass(frozen=True, slots=True)
class Inference:
    """What is asked."""

    columns: Columns
    rows: int
    identity: str | None
    """The request's id."""
    outputs: frozenset[str]
    """Which tensors are to come back."""


def output_names(label: Mapping[str, Any]) -> tuple[str, ...]:
    """The tensors that come out."""
    return ("predictions", "probabilities") if label.get("classes") else ("predictions",)


def read_inference(
    body: bytes, head_length: str, table: FeatureTable, max_rows: int, outputs: Sequence[str]
) -> Inference:
    """What is asked, its columns checked; ``outputs`` are the tensors that there are.

    ``head_length`` is the header ``Inference-Header-Content-Length``, empty without binary tensors. Raises
    :class:`RequestFault` 400 for what cannot be read, 413 for too many rows, 422 for wrong values.
    """
    length = _head_length(head_length, len(body))
    document = parse_json(decode_text(body[:length]))
    inputs = document.get("inputs") if isinstance(document, dict) else None
    if not isinstance(inputs, list) or not all(isinstance(one, dict) for one in inputs):
        raise RequestFault(400, "form", "expected a JSON object with inputs, a list of tensors")
    rest = memoryview(body)[length:]
    columns: dict[str, list[Any]] = {}
    for tensor in inputs:
        values, rest = _values(tensor, rest)
        columns |= _columns(tensor, values, table, single=len(inputs) == 1)
    if len(rest):
        raise RequestFault(400, "binary", f"{len(rest)} bytes belong to no tensor")
    table.check_names(columns)
    rows = _rows(columns, max_rows)
    wanted = _wanted(document.get("outputs"), outputs)
    identity = document.get("id")
    return Inference(table.check(columns), rows, identity if isinstance(identity, str) else None, wanted)


def _wanted(asked: Any, known: Sequence[str]) -> frozenset[str]:
    """The outputs that were asked for; all of them where none is named."""
    if not asked:
        return frozenset(known)
    if not isinstance(asked, list) or not all(isinstance(one, dict) for one in asked):
        raise RequestFault(400, "form", "outputs must be a list of objects with the names of tensors")
    for name in (one.get("name") for one in asked):
        if name not in known:
            message = f"there is no output {shown(name)}; expected {' or '.join(known)}"
            raise RequestFault(400, "output", message)
    return frozenset(one["name"] for one in asked)


def inference_json(name: str, version: str, asked: Inference, answers: Answers) -> bytes:
    """The answer of ``/infer``."""
    rows = len(answers.predictions)
    outputs = []
    if "predictions" in asked.outputs:
        outputs.append(_output("predictions", [rows], answers.predictions))
    if "probabilities" in asked.outputs and answers.probabilities is not None:
        flat = [share for shares in answers.probabilities for share in shares]
        width = len(answers.classes or [])
        outputs.append({"name": "probabilities", "datatype": "FP64", "shape": [rows, width], "data": flat})
    fields: dict[str, Any] = {"model_name": name, "model_version": version, "outputs": outputs}
    if asked.identity is not None:
        fields["id"] = asked.identity
    if answers.classes is not None:
        fields["parameters"] = {"classes": ",".join(map(str, answers.classes))}
    return json.dumps(fields).encode()


def _output(name: str, shape: list[int], values: Sequence[Any]) -> dict[str, Any]:
    kinds = set(map(type, values))
    known = {frozenset({bool}): "BOOL", frozenset({int}): "INT64", frozenset({float}): "FP64"}
    datatype = known.get(frozenset(kinds), "FP64" if kinds == {int, float} else "BYTES")
    data = list(map(str, values)) if datatype == "BYTES" else values
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def _head_length(text: str, size: int) -> int:
    if not text:
        return size
    if not text.isascii() or not text.isdigit() or int(text) > size:
        raise RequestFault(
            400, "binary", f"Inference-Header-Content-Length is {shown(text)}; expected at most {size}"
        )
    return int(text)


def _values(tensor: Mapping[str, Any], rest: memoryview) -> tuple[list[Any], memoryview]:
    """A tensor's values, flat, and the binary data that follow it."""
    name, datatype, shape = tensor.get("name"), tensor.get("datatype"), _shape(tensor.get("shape"))
    if not isinstance(name, str) or not isinstance(datatype, str) or shape is None:
        raise RequestFault(400, "tensor", "a tensor needs name, datatype and shape")
    if datatype not in KNOWN_DATATYPES:
        raise RequestFault(400, "datatype", f"{shown(datatype)} is no datatype", column=name[:100])
    parameters = tensor.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        values = _flat(tensor.get("data"), len(shape))
    elif type(size) is int and 0 <= size <= len(rest):
        values, rest = _unpacked(name, datatype, rest[:size]), rest[size:]
    else:
        raise RequestFault(400, "binary", f"tensor {shown(name)} announces more data than there are")
    count = shape[0] * (shape[1] if len(shape) == 2 else 1)
    if len(values) != count:
        raise RequestFault(
            422,
            "shape",
            f"tensor {shown(name)} has {len(values)} values; expected {count}",
            column=name[:100],
        )
    return values, rest


def _shape(shape: Any) -> list[int] | None:
    is_shape = isinstance(shape, list) and 1 <= len(shape) <= 2
    return shape if is_shape and all(type(one) is int and one >= 0 for one in shape) else None


def _flat(data: Any, depth: int) -> list[Any]:
    if not isinstance(data, list):
        raise RequestFault(400, "tensor", "a tensor needs data, a list")
    if depth == 2 and data and all(isinstance(line, list) for line in data):
        return [value for line in data for value in line]
    return data


def _unpacked(name: str, datatype: str, content: memoryview) -> list[Any]:
    """Little-endian numbers; texts are four bytes of length and UTF-8."""
    if datatype == "BYTES":
        return _texts(name, bytes(content))
    size = struct.calcsize(f"<{_FORMATS[datatype]}")
    if len(content) % size:
        raise RequestFault(
            400, "binary", f"tensor {shown(name)} is not made of {datatype}", column=name[:100]
        )
    return list(struct.unpack(f"<{len(content) // size}{_FORMATS[datatype]}", content))


def _texts(name: str, content: bytes) -> list[str]:
    texts: list[str] = []
    place = 0
    while place < len(content):
        end = place + 4 + int.from_bytes(content[place : place + 4], "little")
        if place + 4 > len(content) or end > len(content):
            raise RequestFault(400, "binary", f"tensor {shown(name)} ends within a text", column=name[:100])
        texts.append(decode_text(content[place + 4 : end]))
        place = end
    return texts


def _columns(
    tensor: Mapping[str, Any], values: list[Any], table: FeatureTable, *, single: bool
) -> dict[str, list[Any]]:
    """The columns that a tensor holds: one by its name, or all of them in order."""
    name, shape = tensor["name"], tensor["shape"]
    width = shape[1] if len(shape) == 2 else 1
    if width == 1 and (not single or name in table.names or len(table.names) != 1):
        values = _without_nan(values, table, name)
        return {name: values}
    if not single or width != len(table.names):
        message = (
            f"tensor {shown(name)} has {width} columns; expected {len(table.names)}, or one tensor a column"
        )
        raise RequestFault(422, "shape", message, column=name[:100])
    return {
        column: _without_nan(values[place::width], table, column) for place, column in enumerate(table.names)
    }


def _without_nan(values: list[Any], table: FeatureTable, name: str) -> list[Any]:
    """Numbers as the column's type: binary tensors know no null but NaN, and a matrix only one type."""
    feature = next((one for one in table.features if one.name == name), None)
    if feature is None or feature.type not in {"int", "float"}:
        return values
    return [None if value != value else value for value in values]  # noqa: PLR0124 - only NaN differs from itself


def _rows(columns: Mapping[str, list[Any]], max_rows: int) -> int:
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        raise RequestFault(
            422, "length", f"tensors have {min(lengths)} to {max(lengths)} rows; expected one number"
        )
    (rows,) = lengths
    if rows == 0:
        raise RequestFault(400, "no_rows", "the request has no rows")
    if rows > max_rows:
        raise RequestFault(
            413, "too_many_rows", f"the request has {rows} rows; at most {max_rows} are answered"
        )
    return rows
