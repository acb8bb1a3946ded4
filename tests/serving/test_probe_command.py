"""The command `ml-pipeline probe URL`, as a process, against servers in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.serving.apples import Running

MLFLOW = """
import sys
import mlflow.pyfunc, uvicorn
from mlflow.pyfunc import scoring_server

class Doubled(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return (model_input["x"] * 2).tolist()

mlflow.pyfunc.save_model(sys.argv[1], python_model=Doubled(), pip_requirements=[])
application = scoring_server.init(mlflow.pyfunc.load_model(sys.argv[1]))
"""

MATRIX = """
import json

OF_JSON = {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}
INFER = {
    "parameters": [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}],
    "requestBody": {"content": {"application/json": {"schema": {"required": ["inputs"]}}}},
    "responses": {"200": OF_JSON, "400": OF_JSON},
}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "sums", "version": "1"},
    "paths": {
        "/v2/models/{name}/infer": {"post": INFER},
        "/v2/load": {"post": {"responses": {"200": OF_JSON}}},
    },
}

async def application(scope, receive, send):
    path, body = scope["path"], b""
    while scope["method"] == "POST":
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    status, document = 404, {"error": "nothing here"}
    if path == "/openapi.json":
        status, document = 200, DOCUMENT
    elif path == "/v2/models/sums":
        inputs = [{"name": "input-0", "datatype": "FP32", "shape": [-1, 2]}]
        status, document = 200, {"name": "sums", "inputs": inputs, "outputs": []}
    elif path == "/v2/models/sums/infer":
        status, document = answer(body)
    content = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})

def answer(body):
    try:
        (tensor,) = json.loads(body)["inputs"]
        rows, columns = tensor["shape"]
        data = tensor["data"]
        assert (tensor["name"], tensor["datatype"], columns, len(data)) == ("input-0", "FP32", 2, rows * 2)
    except Exception as error:
        return 400, {"error": str(error)}
    sums = [data[place] + data[place + 1] for place in range(0, len(data), 2)]
    output = {"name": "output-0", "datatype": "FP32", "shape": [rows, 1], "data": sums}
    return 200, {"model_name": "sums", "outputs": [output]}
"""

RUN = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print("port", listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(application, log_level="critical", **options)).run([listener])
"""


@contextmanager
def _stranger(code: str, *arguments: str, **options: str) -> Iterator[int]:
    """A server of others in a process of its own; gives its port."""
    whole = f"import uvicorn\noptions = {options!r}\n{code}\n{RUN}"
    command = [sys.executable, "-c", whole, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline().removeprefix("port "))
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def _probe(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ml_stages.cli", "probe", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={**os.environ, **environment},
    )


def test_our_server_is_probed_by_its_address_alone(server: Running, tmp_path: Path) -> None:
    """If this fails, a deployed model cannot be probed from a shell or a CI job."""
    ended = _probe(server.target.url, "--report", str(tmp_path / "probe.json"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "✓ golden answers" in ended.stdout
    assert "p99 " in ended.stdout
    assert f"✓ {server.target.url}: 8 checks" in ended.stdout
    report = json.loads((tmp_path / "probe.json").read_text())
    assert {check["status"] for check in report["checks"]} == {"passed"}


def test_mlflows_own_server_is_probed(tmp_path: Path) -> None:
    """If this fails, a model that MLflow serves cannot be probed, or is held to our form of errors.

    MLflow answers 500 to JSON that is nested too deeply and to numbers that are too long, and its pages are
    said to be JSON and are none: found, and no more.
    """
    (tmp_path / "rows.csv").write_text("x,y\n1,a\n2.5,b\n3,c\n")
    with _stranger(MLFLOW, str(tmp_path / "model")) as port:
        ended = _probe(f"http://127.0.0.1:{port}", "--rows", str(tmp_path / "rows.csv"))
    assert "✓ golden answers       3 rows" in ended.stdout, ended.stdout + ended.stderr
    assert ended.stdout.endswith("failed bad input, contract\n"), ended.stdout
    assert "GET /ping: JSON deserialization error" in ended.stdout
    assert ended.returncode == 3
    assert "connection ended" not in ended.stdout
    assert "p50" in ended.stdout


def test_a_server_that_takes_a_matrix_describes_itself(tmp_path: Path) -> None:
    """If this fails, models of KServe and Triton with one input for all columns cannot be probed."""
    with _stranger(MATRIX) as port:
        ended = _probe(f"http://127.0.0.1:{port}", "--model", "sums", "--contract-examples", "0")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "- contract             probe.contract_examples is 0" in ended.stdout
        assert ": 5 checks, without contract, " in ended.stdout
        nameless = _probe(f"http://127.0.0.1:{port}")
    assert nameless.returncode == 2
    assert "the model's name with --model" in nameless.stderr


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
def test_a_server_behind_tls_is_probed(tmp_path: Path) -> None:
    """If this fails, what runs behind https cannot be probed, or its certificate is not looked at."""
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=probe"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run([*request, *names], check=True, capture_output=True)
    with _stranger(MATRIX, ssl_keyfile=key, ssl_certfile=certificate) as port:
        url = f"https://127.0.0.1:{port}"
        ended = _probe(url, "--model", "sums", SSL_CERT_FILE=certificate)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "for 1 operations answered as described" in ended.stdout
        distrusted = _probe(url, "--model", "sums")
    assert distrusted.returncode == 2
    assert "its certificate is not trusted: self-signed certificate" in distrusted.stderr


@pytest.mark.parametrize(
    ("arguments", "wording"),
    [
        (["http://127.0.0.1:1", "--data", "x"], "--data is for a project"),
        ([".", "--rows", "x.csv"], "--rows is for a server"),
        (["http://"], "is no address of a server"),
        (["http://127.0.0.1:1"], "expected a server of predictions"),
    ],
)
def test_options_that_do_not_belong_are_said(arguments: list[str], wording: str) -> None:
    """If this fails, an option is silently ignored, or an address that is none ends in a traceback."""
    ended = _probe(*arguments)
    assert ended.returncode == 2, ended.stdout
    assert wording in ended.stderr
    assert "Traceback" not in ended.stderr
