"""The open inference protocol, version 2, asked over HTTP."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from tests.serving.apples import ROW, Running, share_of

MODEL = "/v2/models/apples"
DATATYPES = {"weight": "FP64", "colour": "BYTES", "spots": "INT64", "organic": "BOOL", "picked": "BYTES"}


def _tensors(rows: int, shape: list[int] | None = None) -> list[dict[str, Any]]:
    return [
        {"name": name, "datatype": DATATYPES[name], "shape": shape or [rows], "data": [value] * rows}
        for name, value in ROW.items()
    ]


def _infer(server: Running, document: Any) -> tuple[int, Any]:
    reply = server.target.ask("POST", f"{MODEL}/infer", json.dumps(document).encode())
    return reply.status, reply.json()


@pytest.mark.parametrize("shape", [[2], [2, 1]])
def test_a_tensor_a_column_is_answered(server: Running, shape: list[int]) -> None:
    """If this fails, clients of KServe cannot use the server."""
    status, answer = _infer(server, {"id": "7", "inputs": _tensors(2, shape)})
    assert status == 200, answer
    share = share_of(ROW)
    assert (answer["id"], answer["model_name"]) == ("7", "apples")
    predictions, probabilities = answer["outputs"]
    assert predictions == {"name": "predictions", "datatype": "BYTES", "shape": [2], "data": ["yes", "yes"]}
    assert probabilities["shape"] == [2, 2]
    assert probabilities["data"] == pytest.approx([1 - share, share] * 2)


def test_binary_tensors_are_read(server: Running) -> None:
    """If this fails, Triton's client, which sends binary tensors unasked, cannot use the server."""
    texts = {name: str(ROW[name]).encode() for name in ("colour", "picked")}
    content = {
        "weight": struct.pack("<d", ROW["weight"]),
        "spots": struct.pack("<q", ROW["spots"]),
        "organic": b"\x01",
        **{name: struct.pack("<I", len(text)) + text for name, text in texts.items()},
    }
    inputs = [
        {
            "name": name,
            "datatype": DATATYPES[name],
            "shape": [1],
            "parameters": {"binary_data_size": len(content[name])},
        }
        for name in ROW
    ]
    head = json.dumps({"inputs": inputs}).encode()
    reply = server.target.ask(
        "POST",
        f"{MODEL}/infer",
        head + b"".join(content[name] for name in ROW),
        {"Inference-Header-Content-Length": str(len(head))},
    )
    assert reply.status == 200, reply.shown()
    assert reply.json()["outputs"][0]["data"] == ["yes"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"inputs": None}, 400, "form"),
        ({"inputs": [1]}, 400, "form"),
        ({"outputs": ["predictions"]}, 400, "form"),
        ({"outputs": [{"name": "logits"}]}, 400, "output"),
        ({"inputs": [{"name": "weight"}]}, 400, "tensor"),
        ({"inputs": []}, 422, "missing_column"),
        ({"inputs": [{"name": "weight", "datatype": "FP8", "shape": [1], "data": [1]}]}, 400, "datatype"),
        ({"inputs": [{"name": "weight", "datatype": "FP64", "shape": [2], "data": [1]}]}, 422, "shape"),
        ({"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 9], "data": [1] * 9}]}, 422, "shape"),
        ({"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 5], "data": [1] * 5}]}, 422, "type"),
        (
            {
                "inputs": [
                    {"name": "x", "datatype": "FP64", "shape": [1], "parameters": {"binary_data_size": 9}}
                ]
            },
            400,
            "binary",
        ),
    ],
)
def test_wrong_tensors_are_refused(server: Running, change: Any, status: int, code: str) -> None:
    """If this fails, a malformed tensor is answered with a traceback or a guess."""
    found, answer = _infer(server, {"inputs": _tensors(1), **change})
    assert (found, answer["code"]) == (status, code), answer


def test_pages_of_the_protocol(server: Running) -> None:
    """If this fails, KServe takes the model for not ready."""
    for path in ("/v2/health/live", "/v2/health/ready", "/v2", f"{MODEL}/ready"):
        assert server.target.ask("GET", path).status == 200
    described = server.target.ask("GET", MODEL).json()
    assert described["name"] == "apples"
    assert {one["name"]: one["datatype"] for one in described["inputs"]} == DATATYPES
    assert server.target.ask("GET", f"{MODEL}/versions/{described['versions'][0]}").json() == described
    assert server.target.ask("GET", "/v2/models/pears").status == 404
