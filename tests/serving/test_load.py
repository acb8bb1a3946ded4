"""The load generator: what it must not hide, and the intervals that it gives."""

from __future__ import annotations

import asyncio
import http.server
import math
import random
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import cast

import pytest

from ml_stages.serving.probing.dialect import Invocations
from ml_stages.serving.probing.latency import Loaded, measure_load, quantile, quantiles, ratio
from ml_stages.serving.probing.load import open_loop, request_bytes
from ml_stages.serving.probing.target import Target, Unanswered

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
REQUESTS = [request_bytes("127.0.0.1", "/", b"{}")]


@asynccontextmanager
async def _server(pause_at: float, pause: float) -> AsyncIterator[int]:
    """Answers at once, but for one pause in which it does nothing."""
    started = time.perf_counter()
    paused = False

    class Pausing(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.Transport", transport)

        def data_received(self, data: bytes) -> None:
            nonlocal paused
            if not paused and time.perf_counter() - started > pause_at:
                paused = True
                time.sleep(pause)
            self.transport.write(ANSWER)

    server = await asyncio.get_running_loop().create_server(Pausing, "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


def test_a_pause_of_the_server_counts_for_everyone_who_came_meanwhile() -> None:
    """If this fails, the load hides the worst latencies (coordinated omission).

    The server hangs for 0.3 of 1.5 seconds. Of requests that arrive at random, a fifth must wait, and
    the longest wait for all of the pause; a generator that waits for each answer sees one slow request.
    """

    async def run() -> list[float]:
        # The generator shares the server's thread, so it hangs too; what is due must count all the same.
        async with _server(0.5, 0.3) as port:
            load = await open_loop("127.0.0.1", port, REQUESTS, rate=200, seconds=1.5, connections=8)
            assert load.unfinished == 0
            return load.latencies()

    latencies = asyncio.run(run())
    slow = sum(seconds > 0.02 for seconds in latencies)
    assert 0.1 < slow / len(latencies) < 0.4
    assert 0.2 < latencies[-1] < 0.6


def test_every_due_request_is_counted_when_nobody_answers() -> None:
    """If this fails, a server that loses requests looks like one with less load."""

    class HangUp(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.close()

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(HangUp, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        load = await open_loop("127.0.0.1", port, REQUESTS, rate=100, seconds=0.5, connections=4)
        server.close()
        assert load.statuses.keys() == {0}
        assert 20 < len(load.samples) + load.unfinished < 90

    asyncio.run(run())


def test_a_request_without_an_answer_is_counted_once() -> None:
    """If this fails, what was lost counts twice: as unfinished, and as cut when all is closed."""

    class Silent(asyncio.Protocol):
        pass

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        load = await open_loop("127.0.0.1", port, REQUESTS, 50, 0.2, connections=4, patience=0.1)
        await asyncio.sleep(0.05)  # until the ends of the connections were noticed
        server.close()
        assert load.unfinished > 0
        assert not load.samples

    asyncio.run(run())


@contextmanager
def _slow_server(seconds: float, status: int) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            time.sleep(seconds)
            self.send_response(status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _loaded(url: str, timeout: float = 30.0) -> Loaded:
    return Loaded("candidate", Target(url, timeout), Invocations(), [{"weight": 1.0}])


def test_a_slow_model_is_measured_too() -> None:
    """If this fails, no model that takes longer than an eighth of a second can ever be published."""
    with _slow_server(0.3, 200) as url:
        report = measure_load(_loaded(url), 0.1)
    assert report.lost == 0
    assert report.requests >= 3
    assert report.quantiles[0].seconds == pytest.approx(0.3, rel=0.5)
    assert report.seconds > 2  # so few seconds would hold no request


@pytest.mark.parametrize(
    ("seconds", "status", "said"),
    [
        (0.0, 503, "none of the first requests was answered 200, but 503"),
        (2.0, 200, "the first request was not answered within 0.5 s"),
    ],
)
def test_a_server_that_does_not_answer_is_said_to(seconds: float, status: int, said: str) -> None:
    """People read this line in the verdict."""
    with _slow_server(seconds, status) as url, pytest.raises(Unanswered, match=said):
        measure_load(_loaded(url, timeout=0.5), 0.1)


def test_intervals_hold_what_they_promise() -> None:
    """If this fails, a latency is reported with more certainty than there is."""
    draw = random.Random(11)
    missed = dict.fromkeys((0.5, 0.95), 0)
    for _ in range(400):
        values = sorted(draw.random() for _ in range(120))
        for found in quantiles(values)[:2]:
            low = found.lower if found.lower is not None else 0.0
            high = found.upper if found.upper is not None else 1.0
            missed[found.share] += not low <= found.share <= high
    assert max(missed.values()) / 400 < 0.075


def test_too_few_values_give_no_upper_end() -> None:
    """If this fails, twenty requests are said to bound a 99th percentile."""
    assert quantiles([0.1] * 20)[2].upper is None
    assert quantiles([]) == []


@pytest.mark.parametrize("unanswered", [0, 1, 7, 40])
def test_requests_without_an_answer_are_the_slowest(unanswered: int) -> None:
    """If this fails, whoever refuses more requests has better latencies."""
    values = [0.001 * number for number in range(1, 101)]
    endless = [*values, *[math.inf] * unanswered]
    expected = {share: quantile(endless, share) for share in (0.5, 0.95, 0.99)}
    found = {one.share: one.seconds for one in quantiles(values, unanswered)}
    assert found == {share: seconds for share, seconds in expected.items() if math.isfinite(seconds)}
    turns = [endless] * 6
    reached = ratio(0.95, turns, [values] * 6)
    assert (reached is None) == math.isinf(expected[0.95])


def _turns(draw: random.Random, weather: Sequence[float], factor: float, count: int) -> list[list[float]]:
    """Latencies of paired turns; ``weather`` is what the machine did to each turn."""
    return [
        sorted(factor * one * draw.lognormvariate(0, 0.4) for _ in range(count))
        for one in (speed * draw.lognormvariate(0, 0.03) for speed in weather)
    ]


@pytest.mark.parametrize(("share", "count"), [(0.5, 30), (0.95, 60)])
def test_the_interval_of_a_ratio_covers_the_truth(share: float, count: int) -> None:
    """If this fails, a model is called slower than the baseline for what the machine did meanwhile.

    Both servers are the same but for a factor of 1.3, on a machine whose speed changes threefold from turn to
    turn; 95 % of the intervals must hold 1.3, within what 300 trials can tell.
    """
    draw = random.Random(11)
    covered, widths = 0, []
    for _ in range(300):
        weather = [draw.uniform(1, 3) for _ in range(8)]
        found = ratio(share, _turns(draw, weather, 1.3, count), _turns(draw, weather, 1.0, count))
        assert found is not None
        covered += found.lower <= 1.3 <= found.upper
        widths.append(found.upper / found.lower)
    assert covered >= 0.92 * 300
    assert sorted(widths)[150] < 1.6


def test_too_few_answers_give_no_ratio() -> None:
    """If this fails, a 99th percentile is compared on turns of twenty requests."""
    turns = [[0.001 * number for number in range(1, 21)]] * 6
    assert ratio(0.99, turns, turns) is None
    assert ratio(0.5, [[0.001]] * 6, turns) is None
    found = ratio(0.5, turns, turns)
    assert found is not None
    assert (found.lower, found.ratio, found.upper) == (1.0, 1.0, 1.0)
