"""Requests that no server may answer with a prediction, or fall over: what the world sends."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_stages.serving.features import Feature, FeatureTable

_JSON = {"Content-Type": "application/json"}
_CSV = {"Content-Type": "text/csv"}


@dataclass(frozen=True)
class BadInput:
    """One request, and the statuses that are a right answer to it."""

    name: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: _JSON)
    method: str = "POST"
    path: str = "/invocations"
    expected: tuple[int, ...] = (400, 422)

    @property
    def wanted(self) -> str:
        """The same in words."""
        return " or ".join(map(str, self.expected))


def bad_inputs(row: Mapping[str, Any], table: FeatureTable) -> list[BadInput]:
    """Every kind that these columns allow, made from one good row."""
    return [
        *broken_json(row),
        *_wrong_forms(row),
        *_wrong_columns(row, table.features),
        *(case for feature in _one_of_each(table.features) for case in _wrong_values(row, feature)),
        *_wrong_csv(row, table.features),
        *_wrong_http(row),
    ]


def _records(*rows: Any) -> bytes:
    return json.dumps({"dataframe_records": rows}).encode()


def broken_json(row: Mapping[str, Any]) -> Iterator[BadInput]:
    """Bodies that no protocol has a meaning for."""
    good = _records(row)
    yield BadInput("empty body", b"")
    yield BadInput("spaces alone", b" " * 100)
    yield BadInput("truncated JSON", good[: len(good) // 2])
    yield BadInput("two documents", good + good)
    yield BadInput("JSON null", b"null")
    yield BadInput("JSON number", b"17")
    yield BadInput("JSON text", b'"dataframe_records"')
    yield BadInput("JSON list", b"[]")
    yield BadInput("invalid UTF-8", b'{"dataframe_records": "\xff\xfe\x80"}')
    yield BadInput("UTF-16", good.decode().encode("utf-16"))
    yield BadInput("NUL bytes", b"\x00" * 64)
    yield BadInput("nested 100,000 deep", b"[" * 100_000)
    yield BadInput("nested 100,000 deep in a row", b'{"dataframe_records":' + b"[" * 100_000)
    yield BadInput("number with 10,000 digits", b'{"dataframe_records": [' + b"9" * 10_000 + b"]}")
    yield BadInput("a name twice", b'{"dataframe_records": [], "dataframe_records": []}')
    yield BadInput("Python instead of JSON", repr({"dataframe_records": [dict(row)]}).encode())
    yield BadInput("a pickle as JSON", b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.")


def _wrong_forms(row: Mapping[str, Any]) -> Iterator[BadInput]:
    names, values = list(row), list(row.values())
    forms: dict[str, Any] = {
        "empty object": {},
        "unknown form": {"rows": [row]},
        "two forms at once": {"dataframe_records": [row], "instances": [row]},
        "no rows": {"dataframe_records": []},
        "records are an object": {"dataframe_records": row},
        "records are a text": {"dataframe_records": "all"},
        "a row is a number": {"dataframe_records": [1]},
        "a row is null": {"dataframe_records": [row, None]},
        "a row is empty": {"dataframe_records": [{}]},
        "split without columns": {"dataframe_split": {"data": [values]}},
        "split without data": {"dataframe_split": {"columns": names}},
        "split with a short row": {"dataframe_split": {"columns": names, "data": [values, values[1:]]}},
        "split with columns that are numbers": {
            "dataframe_split": {"columns": list(range(len(names))), "data": [values]}
        },
        "split with a column twice": {
            "dataframe_split": {"columns": [*names, names[0]], "data": [[*values, values[0]]]}
        },
        "split with rows that are objects": {"dataframe_split": {"columns": names, "data": [row]}},
        "instances with a long row": {"instances": [[*values, 1]]},
        "instances are null": {"instances": None},
        "inputs of two lengths": {
            "inputs": {name: [value] * (1 + (name == names[0])) for name, value in row.items()}
        },
        "inputs without values": {"inputs": {name: [] for name in names}},
        "params that nobody takes": {"dataframe_records": [row], "params": {"temperature": 1}},
    }
    one_column = {"inputs of two lengths"} if len(names) == 1 else set()
    for name, form in forms.items():
        if name not in one_column:
            yield BadInput(name, json.dumps(form).encode())


def _wrong_columns(row: Mapping[str, Any], features: Sequence[Feature]) -> Iterator[BadInput]:
    first = features[0].name
    rest = {name: value for name, value in row.items() if name != first}
    yield BadInput("a column is missing", _records(rest))
    yield BadInput("a column is missing in the second row", _records(row, rest))
    yield BadInput("an unknown column", _records({**row, "no such column": 1}))
    yield BadInput("a column in other case", _records({**rest, first.swapcase() + "?": row[first]}))
    yield BadInput("injection as a column", _records({**row, "'; DROP TABLE models; --": 1}))
    yield BadInput("a dunder as a column", _records({**row, "__class__": {"__init__": 1}}))
    yield BadInput("a column of a megabyte", _records({**row, "x" * 2**20: 1}), expected=(400, 413, 422))


def _one_of_each(features: Sequence[Feature]) -> list[Feature]:
    """The first column of every type, nullable or not."""
    return list({(feature.type, feature.nullable): feature for feature in reversed(features)}.values())


_MISFITS: dict[str, dict[str, Any]] = {
    "int": {"a fraction": 1.5, "more than 64 bits": 2**70, "a text": "1", "a boolean": True},
    "float": {"a text": "high", "a number in quotes": "1.0", "a boolean": False},
    "string": {"a number": 7, "a boolean": True},
    "bool": {"a number": 1, "a text": "true"},
    "date": {"no date": "2024-02-31", "a number": 20240131, "another order": "31.01.2024"},
    "datetime": {"no time": "yesterday", "a number": 1_700_000_000},
}


def _wrong_values(row: Mapping[str, Any], feature: Feature) -> Iterator[BadInput]:
    misfits = {**_MISFITS[feature.type], "a list": [1], "an object": {"value": 1}}
    if not feature.nullable:
        misfits["null"] = None
    for name, value in misfits.items():
        yield BadInput(f"{name} for {feature.type} {feature.name!r}", _records({**row, feature.name: value}))
    marked = {**row, feature.name: "@"}
    literals = ["Infinity", "-Infinity"] + ([] if feature.nullable else ["NaN"])
    literals += ["1e999"] if feature.type in {"int", "float"} else []
    for literal in literals:
        body = _records(marked).replace(b'"@"', literal.encode())
        yield BadInput(f"{literal} for {feature.type} {feature.name!r}", body)
    if feature.type == "string":
        body = _records(marked).replace(b'"@"', b'"\\ud800"')
        yield BadInput(f"half a surrogate pair for {feature.name!r}", body)


def _line(values: Iterable[Any]) -> str:
    """One of CSV, every field of it in quotes."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="").writerow(values)
    return text.getvalue()


def _wrong_csv(row: Mapping[str, Any], features: Sequence[Feature]) -> Iterator[BadInput]:
    head, line = _line(row), _line(row.values())
    number = next((one for one in features if one.type in {"int", "float"}), None)
    texts = {
        "CSV that is empty": "",
        "CSV with a head alone": f"{head}\n",
        "CSV without a head": f"{line}\n{line}\n",
        "CSV with a short line": f"{head}\n{line}\n1\n" if len(row) > 1 else f"{head}\n{line}\n1,2\n",
        "CSV with an open quote": f'{head}\n{line}\n"',
        "JSON as CSV": _records(row).decode(),
    }
    if number is not None:
        for name, said in {"a text": "x", "inf": "inf"}.items():
            texts[f"CSV with {name} for a number"] = f"{head}\n{_line({**row, number.name: said}.values())}\n"
    for name, text in texts.items():
        yield BadInput(name, text.encode(), _CSV)
    yield BadInput("CSV that is not UTF-8", head.encode() + b"\n\xff\xfe\n", _CSV)


def _wrong_http(row: Mapping[str, Any]) -> Iterator[BadInput]:
    good = _records(row)
    types = {
        "no content type": {},
        "XML": {"Content-Type": "application/xml"},
        "a form": {"Content-Type": "application/x-www-form-urlencoded"},
        "a pickle": {"Content-Type": "application/octet-stream"},
        "a content type of rubbish": {"Content-Type": ";;;=/\u00e9"},
        "another charset": {"Content-Type": "application/json; charset=utf-16"},
    }
    for name, headers in types.items():
        yield BadInput(f"{name} as content type", good, headers, expected=(415,))
    packed = {**_JSON, "Content-Encoding": "gzip"}
    yield BadInput("a compressed body", gzip.compress(good, mtime=0), packed, expected=(415,))
    yield BadInput("GET instead of POST", b"", {}, method="GET", expected=(405,))
    yield BadInput("PUT instead of POST", good, method="PUT", expected=(405,))
    yield BadInput("DELETE instead of POST", b"", {}, method="DELETE", expected=(405,))
    yield BadInput("an unknown path", good, path="/predict-all", expected=(404,))
    yield BadInput("a path that climbs", b"", {}, "GET", "/../../etc/passwd", (400, 404))
    yield BadInput("a path that climbs, encoded", b"", {}, "GET", "/%2e%2e/%2e%2e/etc/passwd", (400, 404))
    yield BadInput("a path with a NUL", b"", {}, "GET", "/ping%00", (400, 404))
    yield BadInput("POST to a page", good, path="/metrics", expected=(405,))
