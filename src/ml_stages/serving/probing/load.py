"""Load by an open-loop generator: requests leave on a schedule, whether or not earlier ones returned.

A generator that waits for each answer before it asks again asks least just when the server is slowest,
and hides its worst latencies (coordinated omission: Tene, "How NOT to Measure Latency"; Schroeder et al.,
"Open Versus Closed: A Cautionary Tale", NSDI 2006). Here latency counts from when a request was due, with
the time it waited for a free connection.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import cast

_CHUNKED = -1
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: when it was due and answered (seconds since the start), and its status.

    Status 0 is a connection that ended without an answer.
    """

    due: float
    done: float
    status: int

    @property
    def seconds(self) -> float:
        return self.done - self.due


@dataclass
class Load:
    """What a load run saw."""

    samples: list[Sample] = field(default_factory=list)
    unfinished: int = 0
    """Requests that were due and had no answer when the run was given up."""
    late: float = 0.0
    """The longest that the generator itself was behind its schedule, in seconds."""

    @property
    def statuses(self) -> Counter[int]:
        return Counter(sample.status for sample in self.samples)

    @property
    def requests(self) -> int:
        """All that were due."""
        return len(self.samples) + self.unfinished

    @property
    def unanswered(self) -> int:
        """Those that were not answered 200."""
        return self.requests - self.statuses[200]

    def latencies(self, status: int = 200) -> list[float]:
        """Seconds of the requests with this status, ascending."""
        return sorted(sample.seconds for sample in self.samples if sample.status == status)


def request_bytes(host: str, path: str, body: bytes, content_type: str = "application/json") -> bytes:
    """A whole HTTP request, ready to be sent again and again."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
    )
    return f"{head}\r\n\r\n".encode() + body


class _Connection(asyncio.Protocol):
    """One keep-alive connection with one request at a time."""

    def __init__(self, done: _Done) -> None:
        self._done = done
        self._buffer = b""
        self._needed = 0
        self._status = 0
        self.is_open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> None:
        self._transport.write(request)

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._needed:
            self._read_head()
        if self._needed == _CHUNKED:
            self._find_last_chunk()
        if 0 < self._needed <= len(self._buffer):
            self._buffer = self._buffer[self._needed :]
            self._needed = 0
            self._done(self, self._status)

    def _read_head(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end >= 0:
            self._status = int(self._buffer[9:12])
            length = _LENGTH.search(self._buffer, 0, end)
            is_chunked = length is None and b"chunked" in self._buffer[:end].lower()
            self._needed = _CHUNKED if is_chunked else end + 4 + (int(length[1]) if length else 0)

    def _find_last_chunk(self) -> None:
        """An answer whose length nobody announced is whole when its last chunk is there."""
        if self._buffer.endswith(_LAST_CHUNK):
            self._needed = len(self._buffer)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        self.is_open = False
        self._done(self, 0)


class _Done:
    """Called with a connection whose request was answered (or lost)."""

    def __call__(self, connection: _Connection, status: int) -> None:
        raise NotImplementedError


class _Generator(_Done):
    """Sends what is due over whichever connection is free."""

    def __init__(self, host: str, port: int, requests: Sequence[bytes], tls: SSLContext | None) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._requests = requests
        self._next = 0
        self._free: deque[_Connection] = deque()
        self._busy: dict[_Connection, float] = {}
        self._waiting: deque[float] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._start = 0.0
        self.load = Load()

    async def open(self, connections: int) -> None:
        await asyncio.gather(*(self._connect() for _ in range(connections)))
        self._start = time.perf_counter()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: _Connection(self), self._host, self._port, ssl=self._tls
        )
        self._free.append(connection)
        self._send_waiting()

    def now(self) -> float:
        return time.perf_counter() - self._start

    def ask(self, due: float) -> None:
        self._waiting.append(due)
        self._send_waiting()

    def _send_waiting(self) -> None:
        while self._waiting and self._free:
            connection = self._free.popleft()
            if connection.is_open:
                self._busy[connection] = self._waiting.popleft()
                connection.send(self._requests[self._next % len(self._requests)])
                self._next += 1

    def __call__(self, connection: _Connection, status: int) -> None:
        due = self._busy.pop(connection, None)
        if due is not None and not self._closing:  # else it is counted as unfinished
            self.load.samples.append(Sample(due, self.now(), status))
        if connection.is_open:
            self._free.append(connection)
            self._send_waiting()
        elif not self._closing:
            task = asyncio.get_running_loop().create_task(self._connect())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    _closing = False

    async def finish(self, seconds: float) -> None:
        """Wait for what is under way, at most so long."""
        until = time.perf_counter() + seconds
        while (self._busy or self._waiting) and time.perf_counter() < until:  # noqa: ASYNC110 - a poll at the end
            await asyncio.sleep(0.005)
        self._closing = True
        self.load.unfinished = len(self._busy) + len(self._waiting)
        for connection in [*self._free, *self._busy]:
            connection.close()
        for task in self._tasks:
            task.cancel()


async def open_loop(  # noqa: PLR0913, PLR0917 - each is a part of what a load is
    host: str,
    port: int,
    requests: Sequence[bytes],
    rate: float,
    seconds: float,
    connections: int = 64,
    seed: int = 0,
    tls: SSLContext | None = None,
    patience: float = 10.0,
) -> Load:
    """Poisson arrivals of ``rate`` requests a second for ``seconds``; every due request is counted.

    After the last one answers are waited for ``patience`` seconds.
    """
    generator = _Generator(host, port, requests, tls)
    await generator.open(connections)
    draw = random.Random(seed)  # noqa: S311 - a schedule, no secret
    due = draw.expovariate(rate)
    while due < seconds:
        wait = due - generator.now()
        if wait > 0:
            await asyncio.sleep(wait)
        generator.load.late = max(generator.load.late, generator.now() - due)
        generator.ask(due)
        due += draw.expovariate(rate)
    await generator.finish(patience)
    return generator.load


class _Closed(_Generator):
    """Each connection asks again as soon as it was answered: finds the capacity."""

    asks_again = True

    def __call__(self, connection: _Connection, status: int) -> None:
        super().__call__(connection, status)
        if self.asks_again and connection.is_open:
            self.ask(self.now())


async def closed_loop(  # noqa: PLR0913, PLR0917 - each is a part of what a load is
    host: str,
    port: int,
    requests: Sequence[bytes],
    seconds: float,
    connections: int,
    tls: SSLContext | None = None,
    patience: float = 0.0,
) -> Load:
    """As many requests as ``connections`` clients can make, each waiting for its answer.

    What is under way after ``seconds`` counts where it is answered within ``patience`` seconds more.
    """
    generator = _Closed(host, port, requests, tls)
    await generator.open(connections)
    for _ in range(connections):
        generator.ask(generator.now())
    await asyncio.sleep(seconds)
    generator.asks_again = False
    await generator.finish(patience)
    generator.load.unfinished = 0
    return generator.load
