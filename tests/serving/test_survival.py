"""What the world does to a server: killed workers, stalled and idle clients, bodies without end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ml_stages.serving.probing.load import open_loop, request_bytes
from tests.serving.apples import ROW, Running, serving, wait_for

BODY = json.dumps({"instances": [ROW]}).encode()


@pytest.fixture(scope="module")
def logged(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Path]]:
    """A server with a prediction log and little patience."""
    folder = tmp_path_factory.mktemp("predictions")
    settings = {
        "ML_SERVING_LOG_FOLDER": str(folder),
        "ML_SERVING_HEAD_TIMEOUT": "1",
        "ML_SERVING_BODY_TIMEOUT": "0.5",
        "ML_SERVING_MAX_WAIT": "5",
    }
    with serving(bundle, tmp_path_factory.mktemp("log") / "server.log", **settings) as server:
        yield server, folder


def _open(server: Running) -> socket.socket:
    return socket.create_connection((server.target.host, server.target.port), 10)


def test_a_worker_killed_under_load_leaves_a_whole_log(logged: tuple[Running, Path]) -> None:
    """If this fails, a crash corrupts the prediction log, or the server does not come back."""
    server, folder = logged
    (worker,) = server.workers()
    killer = threading.Timer(0.8, os.kill, (worker, signal.SIGKILL))
    killer.start()
    requests = [request_bytes("127.0.0.1", "/invocations", BODY)]
    load = asyncio.run(open_loop(server.target.host, server.target.port, requests, 100, 1.2, connections=8))
    killer.join()
    assert load.statuses[200] > 50
    assert set(load.statuses) <= {0, 200, 503}  # what the killed worker had begun is lost, nothing is wrong
    assert server.score({"instances": [ROW]})[0] == 200
    assert server.workers() != [worker]
    time.sleep(0.7)  # the log is written twice a second
    lines = [line for file in folder.iterdir() for line in file.read_text().splitlines()]
    assert len(lines) > 30
    assert all(json.loads(line)["predictions"] == ["yes"] for line in lines)


def test_a_body_that_does_not_come_is_given_up(logged: tuple[Running, Path]) -> None:
    """If this fails, clients that stall hold connections for ever."""
    server, _ = logged
    with _open(server) as stalled:
        stalled.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        answer = stalled.recv(4096)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code": "slow"' in answer
        assert stalled.recv(4096) == b""


def test_a_head_that_comes_by_the_byte_is_given_up(logged: tuple[Running, Path]) -> None:
    """If this fails, a client that sends a byte now and then (slow loris) holds a connection for ever."""
    server, _ = logged
    with _open(server) as loris:
        loris.sendall(b"POST /invocations HTTP/1.1\r\n")
        loris.settimeout(0.25)
        started, answer = time.monotonic(), b""
        while not answer and time.monotonic() - started < 12:
            loris.sendall(b"a")
            with contextlib.suppress(TimeoutError):
                answer = loris.recv(4096)
            assert answer or server.score({"instances": [ROW]})[0] == 200
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - started > 0.9


def test_a_full_disk_under_the_log_stops_no_answer(logged: tuple[Running, Path]) -> None:
    """If this fails, a log that cannot be written takes the service with it, or nobody is told."""
    server, folder = logged
    (worker,) = server.workers()
    taken = max(path.stat().st_size for path in folder.iterdir()) if any(folder.iterdir()) else 0
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (taken + 1000, taken + 1000))
    for _ in range(60):
        assert server.score({"instances": [ROW]})[0] == 200
    wait_for(lambda: _counted(server, "ml_log_failures_total") > 0)
    assert server.workers() == [worker]
    for file in folder.iterdir():
        assert all(json.loads(line) for line in file.read_text().splitlines())


def _counted(server: Running, name: str) -> float:
    text = server.target.ask("GET", "/metrics").body.decode()
    return float(next(line for line in text.splitlines() if line.startswith(f"{name} ")).split()[-1])


@pytest.mark.parametrize(
    ("head", "block"),
    [
        (b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n", b" " * 2**20),
        (
            b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"100000\r\n" + b" " * 2**20 + b"\r\n",
        ),
    ],
    ids=["announced", "in chunks"],
)
def test_a_gigabyte_is_refused_and_not_kept(logged: tuple[Running, Path], head: bytes, block: bytes) -> None:
    """If this fails, one client fills the memory of the server."""
    server, _ = logged
    (worker,) = server.workers()
    before = psutil.Process(worker).memory_info().rss
    with _open(server) as client:
        client.sendall(head)
        sent = 0
        try:
            while sent < 1000:
                client.sendall(block)
                sent += 1
        except OSError:
            pass
        try:
            answer = client.recv(4096)
        except OSError:
            answer = b""
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 ")
    assert psutil.Process(worker).memory_info().rss - before < 60 * 2**20
    assert server.score({"instances": [ROW]})[0] == 200


@pytest.mark.parametrize(
    "head",
    [
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nX-A: ",
        b"GET /",
        b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n0\r\nX-A: ",
    ],
    ids=["header", "path", "trailer"],
)
def test_a_head_without_end_holds_nobody_up(logged: tuple[Running, Path], head: bytes) -> None:
    """If this fails, one client keeps the server busy with its head, and everybody else out."""
    server, _ = logged
    with _open(server) as client:
        client.sendall(head)
        started = time.perf_counter()
        try:
            for _ in range(1000):
                client.sendall(b"a" * 2**20)
        except OSError:
            pass
        assert server.score({"instances": [ROW]})[0] == 200
        assert time.perf_counter() - started < 5


def test_a_head_that_is_too_large_is_told_so(logged: tuple[Running, Path]) -> None:
    """If this fails, a client with large cookies does not hear why its connection is closed."""
    server, _ = logged
    for size, status in ((50_000, b"200"), (80_000, b"431")):
        with _open(server) as client:
            client.sendall(b"GET /ping HTTP/1.1\r\nX-A: " + b"a" * size)
            time.sleep(0.1)
            client.sendall(b"\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 " + status)
            if status == b"431":
                assert client.recv(4096) == b""


def test_idle_connections_hold_nobody_up(logged: tuple[Running, Path]) -> None:
    """If this fails, clients that connect and say nothing keep all others out."""
    server, _ = logged
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000) if hard > 0 else 20_000, hard))
    (worker,) = server.workers()
    before = psutil.Process(worker).memory_info().rss
    count = min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    idle = [_open(server) for _ in range(count)]
    try:
        assert psutil.Process(worker).memory_info().rss - before < 20_000 * count
        started = time.perf_counter()
        assert server.score({"instances": [ROW]})[0] == 200
        assert time.perf_counter() - started < 5
    finally:
        for connection in idle:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert server.score({"instances": [ROW]})[0] == 200
