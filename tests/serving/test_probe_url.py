"""`ml-pipeline probe URL` against servers of all kinds."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ml_stages.config.sections import ProbeConfig
from ml_stages.errors import UsageError
from ml_stages.serving.probe_url import probe_url
from ml_stages.serving.probing.golden import records_of_csv
from ml_stages.serving.probing.probe_report import ProbeReport
from ml_stages.serving.probing.target import Target, Unanswered
from tests.serving.apples import Running, rows

CONFIG = ProbeConfig(load=0.2, contract_examples=0)


def _failed(report: ProbeReport) -> dict[str, str]:
    return {check.name: check.message for check in report.checks if check.status == "failed"}


def test_our_own_server_needs_nothing_but_its_address(server: Running) -> None:
    """If this fails, a deployed model cannot be probed by its URL."""
    report = probe_url(server.target.url, config=CONFIG)
    assert not _failed(report)
    assert [check.name for check in report.checks if check.status == "skipped"] == ["contract"]
    assert len(report.checks) == 8
    assert report.latency_p50 is not None


def test_the_open_inference_protocol_is_spoken(server: Running, tmp_path: Path) -> None:
    """If this fails, servers of KServe and Triton cannot be probed."""
    (tmp_path / "rows.json").write_text(json.dumps(rows(5)))
    report = probe_url(server.target.url, tmp_path / "rows.json", "apples", CONFIG)
    assert not _failed(report)
    (golden,) = [check.message for check in report.checks if check.name == "golden answers"]
    assert golden == "5 rows as answered alone"  # nobody knows what they should be


class _Stranger(http.server.BaseHTTPRequestHandler):
    """Another server: its own errors, numbers for rows; with `flaw` it depends on the batch."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, else every answer waits for an acknowledgement
    flaw = False

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/ping" else 404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            data = json.loads(body)["dataframe_split"]["data"]
            shift = len(data) if self.flaw else 1
            self._answer(200, {"predictions": [[float(row[0]) * 2, shift] for row in data]})
        except Exception as error:  # noqa: BLE001 - whatever is wrong is answered
            self._answer(400, {"detail": str(error)})

    def _answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128  # with the usual 5, clients that come together wait a second for a second try
    daemon_threads = True


@contextmanager
def _running(server: http.server.ThreadingHTTPServer) -> Iterator[str]:
    """Its address, as long as it answers."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _stranger(*, flaw: bool) -> Iterator[str]:
    handler = type("Handler", (_Stranger,), {"flaw": flaw})
    with _running(_Server(("127.0.0.1", 0), handler)) as url:
        yield url


def test_servers_of_others_are_held_to_what_all_must_do(tmp_path: Path) -> None:
    """If this fails, only our own server can be probed, or a model that depends on its batch passes."""
    (tmp_path / "rows.csv").write_text("x,y\n1,a\n2.5,b\n3,\n")
    with _stranger(flaw=False) as url:
        report = probe_url(url, tmp_path / "rows.csv", config=CONFIG)
        assert {name for name in _failed(report) if name != "bad input"} == set()
        assert report.latency_p50 is not None
    with _stranger(flaw=True) as url:
        failed = _failed(probe_url(url, tmp_path / "rows.csv", config=CONFIG))
        assert "expected" in failed["golden answers"]


def test_rows_of_csv_are_read_as_csv(tmp_path: Path) -> None:
    """If this fails, a line break within quotes is lost, long texts or a ragged line end in a traceback."""
    file = tmp_path / "rows.csv"
    long = "r" * 200_000
    file.write_text(f'x,y\n1,"two\nlines"\n\n2,{long}\n')
    with file.open(newline="") as stream:
        assert records_of_csv(stream) == [{"x": "1", "y": "two\nlines"}, {"x": "2", "y": long}]
    file.write_text("x\n1\n\n2\n")
    with file.open(newline="") as stream:
        assert [row["x"] for row in records_of_csv(stream)] == ["1", "", "2"]
    file.write_text("x,y\n1,a\n2\n")
    with _stranger(flaw=False) as url, pytest.raises(UsageError, match="line 3 has 1 fields; expected 2"):
        probe_url(url, file, config=CONFIG)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://127.0.0.1:1/deep"])
def test_an_address_without_a_server_is_wrong_usage(url: str) -> None:
    """If this fails, a typing error in the address ends in a traceback."""
    with pytest.raises(UsageError, match="expected a server of predictions"):
        probe_url(url)


def test_made_up_rows_that_are_refused_are_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, who probes a model that knows its categories believes that the server is broken."""
    document = {"components": {"schemas": {"Row": {"properties": {"colour": {"type": "string"}}}}}}
    monkeypatch.setattr(_Stranger, "do_GET", lambda self: self._answer(200, document))
    (tmp_path / "rows.csv").write_text("colour\nred\n")
    with _stranger(flaw=False) as url:
        made_up = _failed(probe_url(url, config=CONFIG))["golden answers"]
        given = _failed(probe_url(url, tmp_path / "rows.csv", config=CONFIG))["golden answers"]
    assert made_up.endswith("; it was made up: give real rows with --rows")
    assert "made up" not in given


def test_a_server_that_says_nothing_of_itself_needs_rows() -> None:
    """If this fails, the user is not told what is missing."""
    with _stranger(flaw=False) as url, pytest.raises(UsageError, match="give rows to ask for"):
        probe_url(url)


@contextmanager
def _saying(content: bytes, *, head: bytes = b"", is_endless: bool = False) -> Iterator[str]:
    """A server that says the same to everything; gives its address."""

    class Saying(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.wfile.write(b"HTTP/1.1 200 OK\r\n" + head)
            if not is_endless:
                self.wfile.write(b"content-length: %d\r\n\r\n" % len(content) + content)
                return
            self.wfile.write(b"transfer-encoding: chunked\r\n\r\n")
            with suppress(OSError):
                while True:
                    self.wfile.write(b"%x\r\n" % len(content) + content + b"\r\n")
                    time.sleep(0.02)
            self.close_connection = True

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with _running(_Server(("127.0.0.1", 0), Saying)) as url:
        yield url


@pytest.mark.parametrize(
    "content",
    [
        b"<html>welcome</html>",
        b'{"predictions": [NaN]}',
        b'{"predictions": ["a"], "probabilities": [[0.5, 0.5]]}',
        b'{"predictions": ["a"], "probabilities": [[0.5, 0.5]], "classes": ["a"]}',
        b'{"predictions": ["a"], "probabilities": 5, "classes": ["a"]}',
        b'{"predictions": ["a"], "probabilities": [["x"]], "classes": ["a"]}',
        b"[" * 200_000,
    ],
)
def test_what_is_no_answer_is_shown_and_breaks_nothing(tmp_path: Path, content: bytes) -> None:
    """If this fails, a probe of a stranger's server ends in a traceback in place of a finding."""
    rows = tmp_path / "rows.csv"
    rows.write_text("x\n1\n")
    with _saying(content) as url:
        (check,) = probe_url(url, rows).checks
    assert check.status == "failed"
    assert f"got 200 {content[:20].decode()}" in check.message


def test_an_answer_without_end_is_given_up() -> None:
    """If this fails, a probe waits for ever for a server that sends a little now and then."""
    with (
        _saying(b"hello", is_endless=True) as url,
        pytest.raises(Unanswered, match="no whole answer within 0"),
    ):
        Target(url, timeout=0.3).ask("GET", "/ping")


def test_an_answer_of_any_size_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, a server that floods its client takes the memory of the machine that probes it."""
    monkeypatch.setattr("ml_stages.serving.probing.target._MOST_BYTES", 1000)
    with _saying(b"x" * 5000) as url, pytest.raises(Unanswered, match="at most 1000 bytes are read"):
        Target(url).ask("GET", "/ping")


def test_credentials_in_an_address_are_refused_and_not_shown() -> None:
    """If this fails, a password stands in reports, and the server says 401 since it never got it."""
    with pytest.raises(UsageError, match="holds credentials") as refused:
        probe_url("http://me:hush@127.0.0.1:1/")
    assert "hush" not in str(refused.value)
