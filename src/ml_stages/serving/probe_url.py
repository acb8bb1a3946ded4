"""`ml-pipeline probe URL`: probe any server that speaks one of the protocols, without a pipeline run.

Nobody knows what the answers should be, so the server is held to its own: a row must be answered alone as
among others, and in a crowd as on its own.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ml_stages.config.sections import ProbeConfig
from ml_stages.errors import UsageError
from ml_stages.serving.openapi import SENSITIVE
from ml_stages.serving.probe import check_load, with_latency
from ml_stages.serving.probing.checks import CHECKS, GENERAL, failed_to_answer, run_checks
from ml_stages.serving.probing.dialect import Dialect, Inference, Invocations, Tensor
from ml_stages.serving.probing.golden import Golden, as_text, records_of_csv
from ml_stages.serving.probing.latency import Loaded, measure_load
from ml_stages.serving.probing.probe_report import ProbeCheck, ProbeReport
from ml_stages.serving.probing.subject import Subject
from ml_stages.serving.probing.target import Target, Unanswered

_TYPES = {"integer": "int", "number": "float", "boolean": "bool", "string": "string"}
_FORMATS = {"date": "date", "date-time": "datetime"}
_DATATYPES = {"BOOL": "bool", "BYTES": "string", "FP16": "float", "FP32": "float", "FP64": "float"}
_EXAMPLES: dict[str, Sequence[Any]] = {
    "int": (1, 2, 3),
    "float": (0.5, 1.5, -2.0),
    "bool": (True, False, True),
    "string": ("a", "b", "c"),
    "date": ("2024-01-01", "2024-02-29", "2024-12-31"),
    "datetime": ("2024-01-01T00:00:00", "2024-02-29T12:00:00", "2024-12-31T23:59:59"),
}


def probe_url(
    url: str, rows: Path | None = None, model: str | None = None, config: ProbeConfig | None = None
) -> ProbeReport:
    """Probe a running server.

    ``rows`` is a file of rows to ask for (CSV, or JSON: a list of objects); without it rows are made up
    from what the server says of its columns. ``model`` is the model's name, for servers of the open
    inference protocol. Raises :class:`UsageError` when the server cannot be reached, or does not say
    what it expects and no rows are given.
    """
    config = config or ProbeConfig()
    target = _target(url)
    try:
        is_ours = "x-model-digest" in target.ask("GET", "/ping").headers
        inputs = _inputs(target, model) if model else []
        features = _described(target) or [one for tensor in inputs for one in _features_of(tensor)]
    except Unanswered as error:
        raise UsageError(f"{url}: {error}; expected a server of predictions") from None
    asked = _read_rows(rows)[: config.rows] if rows else _made_up(url, features)
    features = features or [_feature_of(name, [row[name] for row in asked]) for name in asked[0]]
    dialect: Dialect = Inference(model, _tensors(inputs, list(asked[0]))) if model else Invocations()
    subject = Subject(target, [], {"features": features}, config, dialect, is_ours, "answered alone")
    return _probe(subject, asked, url, hint="" if rows else "; it was made up: give real rows with --rows")


def _target(url: str) -> Target:
    parts = urlsplit(url)
    try:
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise UsageError(f"{url} is no address of a server; expected http://HOST:PORT or https://HOST")
    if parts.username is not None:
        place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        raise UsageError(f"the address of {place} holds credentials, which are not sent; expected none")
    return Target(url)


def _probe(subject: Subject, rows: Sequence[Mapping[str, Any]], url: str, hint: str) -> ProbeReport:
    try:
        subject.golden = _own_answers(subject, rows)
    except Unanswered as error:
        failed = ProbeCheck(name="golden answers", status="failed", message=f"{error}{hint}")
        return ProbeReport(subject=url, checks=[failed])
    checks = run_checks(subject, CHECKS if subject.is_ours else GENERAL)
    try:
        candidate = Loaded("candidate", subject.target, subject.dialect, subject.rows)
        loads = [measure_load(candidate, subject.config.load)]
        checks.append(check_load(loads[0]))
    except Unanswered as error:
        loads = []
        checks.append(failed_to_answer("load", error))
    requests = subject.requests + sum(load.requests for load in loads)
    return with_latency(ProbeReport(subject=url, checks=checks, requests=requests, load=loads))


def _own_answers(subject: Subject, rows: Sequence[Mapping[str, Any]]) -> list[Golden]:
    """What the server says to each row alone, one after the other."""
    golden: list[Golden] = []
    with subject.target.connect() as connection:
        for row in rows:
            reply = subject.dialect.ask(connection, [row])
            document = reply.json()
            predictions = document.get("predictions") if isinstance(document, dict) else None
            if reply.status != 200 or not isinstance(predictions, list) or not predictions:
                raise Unanswered(f"{subject.shown(row)}: got {reply.shown()}; expected predictions")
            try:
                golden.append(Golden(row, as_text(predictions[0]), _shares(document)))
            except (KeyError, TypeError, ValueError, IndexError):
                wanted = "probabilities only with the classes in their order"
                raise Unanswered(f"{subject.shown(row)}: got {reply.shown()}; expected {wanted}") from None
    subject.requests += len(rows)
    return golden


def _shares(document: Mapping[str, Any]) -> dict[str, float]:
    """The first row's probabilities by class; empty for models without."""
    shares = document.get("probabilities")
    if not shares:
        return {}
    return dict(zip(map(str, document["classes"]), map(float, shares[0]), strict=True))


def _described(target: Target) -> list[dict[str, Any]]:
    """The columns that the server expects, as its OpenAPI document says; empty when it does not."""
    document = target.ask("GET", "/openapi.json").json()
    try:
        described = document["components"]["schemas"]["Row"]["properties"]
        return [_feature(name, schema) for name, schema in described.items()]
    except (TypeError, KeyError, AttributeError, StopIteration):
        return []


def _inputs(target: Target, model: str) -> list[dict[str, Any]]:
    """The tensors that a model of the open inference protocol says it takes."""
    document = target.ask("GET", f"/v2/models/{model}").json()
    inputs = document.get("inputs", []) if isinstance(document, dict) else []
    named = [one for one in inputs if isinstance(one, dict) and {"name", "datatype", "shape"} <= one.keys()]
    return named if len(named) == len(inputs) else []


def _features_of(tensor: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The columns that fill a tensor: one by its name, or as many as a row of it has."""
    kind = _DATATYPES.get(tensor["datatype"], "int")
    width = _width(tensor)
    names = [tensor["name"]] if width <= 1 else [f"{tensor['name']}[{place}]" for place in range(width)]
    return [{"name": name, "type": kind, "nullable": False} for name in names]


def _width(tensor: Mapping[str, Any]) -> int:
    """Columns of a tensor of two dimensions; -1 where it says that any number will do."""
    shape = tensor["shape"]
    return int(shape[1]) if len(shape) == 2 else 1


def _tensors(inputs: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Tensor]:
    """How the columns of the rows fill the inputs: by their names, else all in order the only one."""
    if len(inputs) == 1 and inputs[0]["name"] not in names:
        return [Tensor(inputs[0]["name"], inputs[0]["datatype"], names, len(inputs[0]["shape"]))]
    return [Tensor(one["name"], one["datatype"], [one["name"]], len(one["shape"])) for one in inputs]


def _feature(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind = next(kind for kind in kinds if kind != "null")
    named = _FORMATS.get(schema.get("format", ""), _TYPES[kind])
    is_sensitive = bool(schema.get(SENSITIVE))
    return {"name": name, "type": named, "nullable": "null" in kinds, "sensitive": is_sensitive}


def _feature_of(name: str, values: Sequence[Any]) -> dict[str, Any]:
    """A column as its values are."""
    kinds = {type(value) for value in values if value is not None}
    known = {frozenset({bool}): "bool", frozenset({int}): "int"}
    numbers = "float" if kinds and kinds <= {int, float} else "string"
    return {"name": name, "type": known.get(frozenset(kinds), numbers), "nullable": None in values}


def _made_up(url: str, features: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if not features:
        raise UsageError(
            f"{url} does not say what columns it expects; give rows to ask for with --rows, and for a"
            " server of the open inference protocol the model's name with --model"
        )
    return [{one["name"]: _EXAMPLES[one["type"]][row] for one in features} for row in range(3)]


def _read_rows(file: Path) -> list[dict[str, Any]]:
    """Rows of a file; in CSV what reads as a number is one, and an empty field is null."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        rows = json.loads(text) if file.suffix == ".json" else records_of_csv(io.StringIO(text, newline=""))
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) and row for row in rows):
        raise UsageError(f"{file} has no rows; expected CSV with a head line, or a JSON list of objects")
    if file.suffix == ".json":
        return rows
    return [{name: _value(field) for name, field in row.items()} for row in rows]


def _value(text: str) -> Any:
    if text == "":
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
