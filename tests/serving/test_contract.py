"""The contract: a server's answers are held to its own OpenAPI document, and what breaks it is found."""

from __future__ import annotations

import http.server
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from ml_stages.config.sections import ProbeConfig
from ml_stages.errors import StageError
from ml_stages.serving.probing import contract
from ml_stages.serving.probing.checks import check_contract
from ml_stages.serving.probing.conformance import Contract, Held, Known, hold
from ml_stages.serving.probing.golden import Golden
from ml_stages.serving.probing.subject import Subject
from ml_stages.serving.probing.target import Target
from tests.serving.apples import SCHEMA, Running, rows, wait_for

_ANSWER = {"type": "object", "required": ["predictions"], "properties": {"predictions": {"type": "array"}}}
_ERROR = {"type": "object", "required": ["detail"]}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "", "content": {"application/json": {"schema": schema}}}


def _page() -> dict[str, Any]:
    return {"get": {"responses": {"200": _content({"type": "object"})}}}


DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "doubles", "version": "1"},
    "paths": {
        "/ping": _page(),
        "/models/{name}": _page(),
        "/invocations": {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["x"],
                                "properties": {"x": {"type": "integer"}},
                                "additionalProperties": False,
                            }
                        }
                    },
                },
                "responses": {"200": _content(_ANSWER), "400": _content(_ERROR)},
            }
        },
        "/unload": {"post": {"responses": {"200": _content({"type": "object"})}}},
    },
}
KNOWN = [Known(name="rows", path="/invocations", body={"x": 1})]


class _Doubles(http.server.BaseHTTPRequestHandler):
    """Answers {"x": 2} with the double, as its document says unless it has a flaw."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    flaw = ""
    seen: list[tuple[str, str, bytes]]

    def do_GET(self) -> None:
        self.seen.append(("GET", self.path, b""))
        described = {"/openapi.json": DOCUMENT, "/ping": {}}
        self._answer(200 if self.path in described else 404, described.get(self.path, {"detail": ""}))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.seen.append(("POST", self.path, body))
        try:
            document = json.loads(body)
            number = document["x"]
            is_right = document.keys() == {"x"} and (isinstance(number, int) or number == int(number))
        except (ValueError, TypeError, KeyError, OverflowError):
            is_right, number = False, 0
        if not is_right or isinstance(number, bool):
            return self._answer(200, {"predictions": []}) if self.flaw == "kind" else self._refuse()
        if self.flaw == "falls over" and number < 0:
            return self._answer(500, {"detail": ""})
        if self.flaw == "no answer" and number < 0:
            self.close_connection = True
            return None
        return self._answer(200, {"answers" if self.flaw == "other form" else "predictions": [number]})

    def _refuse(self) -> None:
        self._answer(418 if self.flaw == "unknown status" else 400, {"detail": ""})

    def _answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        kind = "text/html" if self.flaw == "other type" and status == 200 else "application/json"
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def _doubles(flaw: str = "") -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    seen: list[tuple[str, str, bytes]] = []
    handler = type("Handler", (_Doubles,), {"flaw": flaw, "seen": seen})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", seen
        finally:
            server.shutdown()
            thread.join()


def _held(url: str, **changes: Any) -> list[Held]:
    whole = {"document": DOCUMENT, "known": KNOWN, "is_ours": True, "examples": 10, "seconds": 30.0}
    return list(hold(Contract(url=url, **{**whole, **changes})))


def _subject(target: Target, *, is_ours: bool = True, **changes: Any) -> Subject:
    golden = [Golden(row, "", {}) for row in rows(3)]
    config = ProbeConfig(**{"contract_examples": 2, **changes})
    return Subject(target, golden, SCHEMA, config, is_ours=is_ours)


@pytest.mark.parametrize(
    ("flaw", "wording"),
    [
        ("falls over", "Server error"),
        ("unknown status", "Received: 418 Documented: 200, 400"),
        ("other type", "Received: text/html Documented: application/json"),
        ("other form", "Response violates schema"),
        ("kind", "Schema-violating request accepted"),
        ("no answer", "No answer: ConnectionError"),
    ],
)
def test_what_breaks_the_contract_is_found_with_the_request_that_shows_it(flaw: str, wording: str) -> None:
    """If this fails, clients made from the description break on a model that was released."""
    with _doubles(flaw) as (url, _):
        faults = [fault for one in _held(url) for fault in one.faults if "/invocations" in fault]
    found = [fault for fault in faults if wording in fault]
    assert found, faults
    assert found[0].startswith("POST /invocations: ")
    assert found[0].endswith(f"{url}/invocations`")
    assert "`curl -X POST" in found[0]


def test_a_row_of_the_holdout_that_is_refused_is_found() -> None:
    """If this fails, a form that the server cannot read is released: what is made up may be refused."""
    known = [Known(name="tensors", path="/invocations", body={"x": 1.5})]
    with _doubles() as (url, _):
        (fault,) = [fault for one in _held(url, known=known) for fault in one.faults if "holdout" in fault]
    assert fault.startswith("POST /invocations: tensors of the holdout: got 400")


def test_the_same_requests_are_made_every_time() -> None:
    """If this fails, a probe that failed passes when it is repeated, and nobody can say what was tested."""
    seen = []
    for _ in range(2):
        with _doubles() as (url, asked):
            _held(url)
        seen.append(asked)
    assert seen[0] == seen[1]
    assert len(seen[0]) > 25


def test_nothing_but_predictions_is_asked_of_strangers() -> None:
    """If this fails, a probe unloads the models of a server that somebody else runs."""
    with _doubles() as (url, seen):
        held = _held(url, is_ours=False)
    assert not [fault for one in held for fault in one.faults]
    assert {(method, path) for method, path, _ in seen} == {("GET", "/ping"), ("POST", "/invocations")}


def test_the_document_cannot_send_a_probe_elsewhere() -> None:
    """If this fails, probing a test server puts load on the production server that its document names."""
    target = Target("http://127.0.0.1:8000/deep")
    for named, base in {
        "https://production.example.com/v1": "http://127.0.0.1:8000/v1",
        "//production.example.com/v1/": "http://127.0.0.1:8000/v1",
        "/v1": "http://127.0.0.1:8000/v1",
        "v1": "http://127.0.0.1:8000/deep/v1",
        "/": "http://127.0.0.1:8000",
    }.items():
        assert contract.base_of(target, {"servers": [{"url": named}]}) == base
    withouts: list[dict[str, Any]] = [
        {},
        {"servers": []},
        {"servers": None},
        {"servers": [{"url": 3}]},
        {"servers": ["x"]},
    ]
    for without in withouts:
        assert contract.base_of(target, without) == "http://127.0.0.1:8000/deep"


def test_our_server_keeps_its_contract_for_every_type_of_column(server: Running) -> None:
    """If this fails, the OpenAPI description promises what the server does not do."""
    subject = _subject(server.target, contract_examples=10, contract_seconds=60)
    check = check_contract(subject)
    assert check.status == "passed", check.message
    assert "17 operations answered as described" in check.message
    assert "stopped" not in check.message
    assert subject.requests > 55


def test_what_there_was_no_time_for_is_said(server: Running) -> None:
    """If this fails, who reads the report believes that all operations were asked for."""
    check = check_contract(_subject(server.target, contract_seconds=0.05))
    assert check.status == "passed"
    assert check.message.endswith("; stopped after 0.05 s, before the last one")


def test_a_check_that_does_not_run_is_said() -> None:
    """If this fails, the report does not tell a contract that was kept from one that nobody looked at."""
    with _doubles() as (url, _):
        off = check_contract(_subject(Target(url), contract_examples=0))
        nothing = Target(f"{url}/deep")
        strangers, ours = (check_contract(_subject(nothing, is_ours=ours)) for ours in (False, True))
    assert (off.status, off.message) == ("skipped", "probe.contract_examples is 0")
    assert (strangers.status, ours.status) == ("skipped", "failed")
    assert "has no OpenAPI document; looked for /openapi.json and /docs.json" in strangers.message


def test_a_document_that_is_none_is_found() -> None:
    """If this fails, a description that no client can read is released."""
    (held,) = _held("http://127.0.0.1:1", document={"openapi": "3.1.0", "paths": 7})
    assert held.faults[0].startswith("the OpenAPI document cannot be read: ")


def test_a_missing_library_is_an_error(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, the contract is silently not tested where the installation is broken."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StageError, match=r"schemathesis, which is not installed .*contract_examples to 0"):
        check_contract(_subject(server.target))


ASK = """
import sys
from ml_stages.serving.probing import contract
from ml_stages.serving.probing.server import _termination_raises
document = {"openapi": "3.1.0", "info": {"title": "", "version": ""}, "paths": {}}
with _termination_raises():
    contract.ask(contract.Contract(url="", document=document, known=[], is_ours=True, examples=1, seconds=60))
"""


def test_a_stopped_probe_leaves_no_process_behind() -> None:
    """If this fails, an interrupted run goes on asking the server."""
    running = subprocess.Popen([sys.executable, "-c", ASK], stderr=subprocess.DEVNULL)
    wait_for(lambda: psutil.Process(running.pid).children())
    (child,) = psutil.Process(running.pid).children()
    running.send_signal(signal.SIGTERM)
    assert running.wait(15) == 128 + signal.SIGTERM
    assert not child.is_running()
