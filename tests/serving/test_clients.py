"""Clients of others, as they come from PyPI: each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.serving.apples import Running

ROWS = """
import sys
import numpy as np
host, port = sys.argv[1:]
columns = {
    "weight": np.array([11.5, 8.0]), "colour": np.array(["red", "green"], dtype=object),
    "spots": np.array([3, 4]), "organic": np.array([True, False]),
    "picked": np.array(["2024-08-31", "2024-09-01"], dtype=object),
}
"""

MLFLOW = """
import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
client = ScoringServerClient(host, int(port))
client.ping()
table = pd.DataFrame(columns)
answer = client.invoke(table)
assert answer.get_predictions()[0].tolist() == ["yes", "no"], answer
table.loc[1, "weight"] = None
assert client.invoke(table).get_predictions()[0].tolist() == ["yes", "no"]
"""

TRITON = """
import tritonclient.http as triton
client = triton.InferenceServerClient(f"{host}:{port}")
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("apples")
metadata = client.get_model_metadata("apples")
inputs = []
for tensor in metadata["inputs"]:
    values = columns[tensor["name"]]
    given = triton.InferInput(tensor["name"], list(values.shape), tensor["datatype"])
    given.set_data_from_numpy(values, binary_data=len(inputs) % 2 == 0)
    inputs.append(given)
answer = client.infer("apples", inputs, request_id="7")
assert answer.as_numpy("predictions").tolist() == ["yes", "no"], answer.get_response()
assert answer.as_numpy("probabilities").shape == (2, 2)
assert answer.get_response()["id"] == "7"
answer = client.infer("apples", inputs, outputs=[triton.InferRequestedOutput("probabilities")])
assert [output["name"] for output in answer.get_response()["outputs"]] == ["probabilities"]
for model, given, told in (("apples", inputs[1:], "is missing"), ("pears", inputs, "there is nothing here")):
    try:
        client.infer(model, given)
    except triton.InferenceServerException as error:
        assert told in str(error), error
    else:
        raise AssertionError(model)
"""


def _run(server: Running, code: str) -> None:
    target = server.target
    ended = subprocess.run(
        [sys.executable, "-c", ROWS + code, target.host, str(target.port)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr


def test_mlflows_own_client_works_unchanged(server: Running) -> None:
    """If this fails, whoever called an MLflow scoring server must change their code."""
    _run(server, MLFLOW)


def test_tritons_own_client_works_unchanged(server: Running) -> None:
    """If this fails, clients of KServe and Triton must change their code."""
    _run(server, TRITON)


def test_answers_are_what_the_description_says(server: Running, tmp_path: Path) -> None:
    """If this fails, the OpenAPI description promises what the server does not do.

    Schemathesis goes through the edges of the description: some 900 requests, right and wrong ones. What it
    draws at random is asked by the probe (`test_contract.py`).
    """
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{server.target.url}/openapi.json",
    ]
    options = [
        "--checks",
        f"{checks},negative_data_rejection",
        "--seed",
        "7",
        "--generation-database",
        "none",
    ]
    options += ["--phases", "coverage", "--exclude-path-regex", "/versions/"]  # the same once more
    ended = subprocess.run(
        [*command, *options], capture_output=True, text=True, check=False, timeout=100, cwd=tmp_path
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
