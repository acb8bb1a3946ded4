"""The protocols in which a server can be asked for predictions, and answers in one form for all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ml_stages.serving.probing.golden import split_body
from ml_stages.serving.probing.target import Connection, Reply

Rows = Sequence[Mapping[str, Any]]


class Dialect(Protocol):
    """How rows are asked for."""

    @property
    def path(self) -> str:
        """Where requests go."""
        ...

    def body(self, rows: Rows) -> bytes:
        """A request for rows, as JSON."""
        ...

    def ask(self, connection: Connection, rows: Rows) -> Reply:
        """Ask for rows; an answer with predictions is brought into the form of ``/invocations``."""
        ...


@dataclass(frozen=True)
class Invocations:
    """`POST /invocations`, as MLflow and SageMaker have it."""

    path: str = "/invocations"

    def body(self, rows: Rows) -> bytes:
        """A ``dataframe_split``."""
        return split_body(rows)

    def ask(self, connection: Connection, rows: Rows) -> Reply:
        """The answer as it is."""
        return connection.post(self.path, self.body(rows))


_DATATYPES: dict[type, str] = {bool: "BOOL", int: "INT64", float: "FP64", str: "BYTES"}


@dataclass(frozen=True)
class Inference:
    """`POST /v2/models/NAME/infer`, the open inference protocol, with one tensor a column."""

    model: str
    datatypes: Mapping[str, str]
    """By column; others are told by their values."""

    @property
    def path(self) -> str:
        return f"/v2/models/{self.model}/infer"

    def body(self, rows: Rows) -> bytes:
        """Tensors of shape ``[rows]``."""
        return json.dumps({"inputs": [self._tensor(name, rows) for name in rows[0]]}).encode()

    def _tensor(self, name: str, rows: Rows) -> dict[str, Any]:
        values = [row[name] for row in rows]
        datatype = self.datatypes.get(name) or _DATATYPES.get(type(values[0]), "BYTES")
        return {"name": name, "datatype": datatype, "shape": [len(rows)], "data": values}

    def ask(self, connection: Connection, rows: Rows) -> Reply:
        """The answer with its first output as predictions, a value or a list a row."""
        reply = connection.post(self.path, self.body(rows))
        document = reply.json()
        try:
            output = document["outputs"][0]
            data, width = output["data"], len(output["data"]) // len(rows)
        except (TypeError, KeyError, IndexError):
            return reply
        lines = [data[place : place + width] for place in range(0, len(data), max(width, 1))]
        predictions = data if width == 1 else lines
        return replace(reply, body=json.dumps({"predictions": predictions}).encode())
