"""The check of the contract: what the server's OpenAPI document promises, its answers keep."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from ml_stages.errors import StageError
from ml_stages.serving.inference import DATATYPES
from ml_stages.serving.probing.conformance import Contract, Held, Known
from ml_stages.serving.probing.dialect import Dialect, Inference, Tensor
from ml_stages.serving.probing.target import Target

_MODULE = "ml_stages.serving.probing.conformance"
_IMPORTED = Path(__file__).resolve().parents[3]
_START_SECONDS = 30.0
"""What the process may take beside its requests: its imports, on a busy machine."""
_ROWS = 3
PATHS = ("/openapi.json", "/docs.json")
"""Where servers describe themselves: ours and FastAPI's, BentoML's."""

Row = Mapping[str, Any]


def base_of(target: Target, document: Mapping[str, Any]) -> str:
    """What the document's paths are below: a path that it names, on the server that was given.

    The server is never another than the one that is probed, whatever the document says.
    """
    try:
        path = urlsplit(urljoin(f"{target.url}/", document["servers"][0]["url"])).path
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        return target.url.rstrip("/")
    return str(urljoin(target.url, path)).rstrip("/")


def known_of_ours(rows: Sequence[Row], schema: Mapping[str, Any], document: Mapping[str, Any]) -> list[Known]:
    """The first rows in every form that our server reads."""
    rows = rows[:_ROWS]
    names = list(rows[0])
    values = [list(row.values()) for row in rows]
    columns = {name: [row[name] for row in rows] for name in names}
    forms = {
        "dataframe_records": rows,
        "dataframe_split": {"columns": names, "data": values},
        "instances": values,
        "inputs": columns,
    }
    return [
        *(Known(name=name, path="/invocations", body={name: form}) for name, form in forms.items()),
        *_known_tensors(rows, schema, document),
    ]


def _known_tensors(
    rows: Sequence[Row], schema: Mapping[str, Any], document: Mapping[str, Any]
) -> Iterator[Known]:
    whole = [row for row in rows if None not in row.values()]  # what is missing has no place in a tensor
    kinds = {feature["name"]: DATATYPES[feature["type"]] for feature in schema["features"]}
    tensors = [Tensor(name, kinds[name], [name]) for name in rows[0]]
    for path in document.get("paths", {}):
        if whole and (match := re.fullmatch(r"/v2/models/(.+)/infer", path)):
            body = json.loads(Inference(match[1], tensors).body(whole))
            yield Known(name="tensors", path=path, body=body)


def known_of_others(rows: Sequence[Row], dialect: Dialect) -> list[Known]:
    """The first rows as the server was asked for them before."""
    return [Known(name="rows", path=dialect.path, body=json.loads(dialect.body(rows[:_ROWS])))]


def document_of(target: Target) -> dict[str, Any] | None:
    """The server's description of itself, where it has one; raises :class:`Unanswered`."""
    for path in PATHS:
        document = target.ask("GET", path).json()
        if isinstance(document, dict) and isinstance(document.get("openapi", document.get("swagger")), str):
            return document
    return None


@dataclass(frozen=True)
class Kept:
    """What came of the requests."""

    operations: Sequence[Held]
    is_whole: bool
    seconds: float

    @property
    def requests(self) -> int:
        return sum(one.requests for one in self.operations)

    @property
    def faults(self) -> list[str]:
        return [fault for one in self.operations for fault in one.faults]

    @property
    def summary(self) -> str:
        """How much was asked, and whether that is all that was to be asked."""
        asked = f"{self.requests} requests for {len(self.operations)} operations answered as described"
        return asked if self.is_whole else f"{asked}; stopped after {self.seconds:g} s, before the last one"


def ask(contract: Contract) -> Kept:
    """Make the requests in a process apart, and see what came of them.

    Raises :class:`StageError` when schemathesis is not installed, or breaks.
    """
    if importlib.util.find_spec("schemathesis") is None:
        raise StageError(
            f"the contract is tested by schemathesis, which is not installed for {sys.executable}; install"
            " `ml-pipeline[stages]`, or set probe.contract_examples to 0"
        )
    with tempfile.TemporaryDirectory() as folder:  # hypothesis keeps files where it runs
        output, errors, status = _run(contract, folder)
    held = [
        Held.model_validate_json(line) for line in output.splitlines(keepends=True) if line.endswith(b"\n")
    ]
    if status > 0:
        last = errors.decode("utf-8", "replace").strip().splitlines()[-5:]
        raise StageError("\n".join(["the test of the contract broke; its last lines:", *last]))
    return Kept(held, status == 0 and all(one.is_whole for one in held), contract.seconds)


def _run(contract: Contract, folder: str) -> tuple[bytes, bytes, int]:
    """Output, errors, exit status; negative where it took so long that it was killed."""
    path = os.pathsep.join([str(_IMPORTED), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, "-m", _MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep), "PYTHONHASHSEED": "0"},
    ) as process:
        try:
            output, errors = process.communicate(
                contract.model_dump_json().encode(), _START_SECONDS + contract.seconds
            )
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
        except BaseException:
            process.kill()
            raise
    return output, errors, process.returncode
