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
class Tensor:
    """An input of a model as it describes itself, and the columns that fill it."""

    name: str
    datatype: str
    columns: Sequence[str]
    rank: int = 1
    """Whether its shape is ``[rows]`` or ``[rows, columns]``."""


@dataclass(frozen=True)
class Inference:
    """`POST /v2/models/NAME/infer`, the open inference protocol."""

    model: str
    tensors: Sequence[Tensor] = ()
    """Empty where the model does not describe itself: then one tensor a column, told by its values."""

    @property
    def path(self) -> str:
        return f"/v2/models/{self.model}/infer"

    def body(self, rows: Rows) -> bytes:
        """One tensor a column, or a matrix of all, as the model has it."""
        tensors = self.tensors or [_told_by_values(name, rows[0][name]) for name in rows[0]]
        return json.dumps({"inputs": [_filled(tensor, rows) for tensor in tensors]}).encode()

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


def _told_by_values(name: str, value: Any) -> Tensor:
    return Tensor(name, _DATATYPES.get(type(value), "BYTES"), [name])


def _filled(tensor: Tensor, rows: Rows) -> dict[str, Any]:
    """A tensor with the values of some rows, flat, as all servers read it."""
    values = [row[name] for row in rows for name in tensor.columns]
    shape = [len(rows), len(tensor.columns)][: tensor.rank]
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": shape, "data": values}
