"""Poisson arrivals from one thread on bare sockets: some 40,000 requests a second from one processor.

The generator of the probe (`ml_stages/serving/probing/load.py`) is at its end at a third of that, and then it
is its own lateness that it measures. Here each request has three times: when it was due, sent and answered.
It hardly sleeps while it waits, so that it is not woken late, and wants a processor of its own.
"""

from __future__ import annotations

import random
import select
import socket
import time
from collections import Counter, deque
from dataclasses import dataclass, field

_NAP = 20e-6


@dataclass
class Storm:
    """What came of the requests; seconds from when each was due, and from when it was sent."""

    from_due: dict[int, list[float]] = field(default_factory=dict)
    from_sent: dict[int, list[float]] = field(default_factory=dict)
    unanswered: int = 0
    """Due, and without an answer a while after the end."""
    lost: int = 0
    """Connections that ended without an answer."""
    late: list[float] = field(default_factory=list)
    """Seconds from when a request was due to when it was sent, for each."""

    @property
    def statuses(self) -> Counter[int]:
        return Counter({status: len(seconds) for status, seconds in self.from_due.items()})


class _Clients:
    """Keep-alive connections with one request at a time each, the longest idle of them first."""

    def __init__(self, address: tuple[str, int], request: bytes, count: int) -> None:
        self._address, self._request = address, request
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._free: deque[int] = deque()
        self._parts: dict[int, bytes] = {}
        self.busy: dict[int, tuple[float, float]] = {}
        self.waiting: deque[float] = deque()
        self.seen = Storm()
        for _ in range(count):
            self._connect()

    def _connect(self) -> None:
        connection = socket.create_connection(self._address, 10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self._sockets[connection.fileno()] = connection
        self._poll.register(connection, select.EPOLLIN)
        self._free.append(connection.fileno())

    def send(self, start: float) -> None:
        """Send what is due over connections that are free."""
        while self.waiting and self._free:
            number = self._free.popleft()
            self.busy[number] = (self.waiting.popleft(), time.perf_counter() - start)
            self._sockets[number].send(self._request)

    def receive(self, start: float, seconds: float) -> int:
        """Take in what was answered; returns from how many something came."""
        ready = self._poll.poll(seconds)
        for number, _ in ready:
            answer = self._parts.pop(number, b"") + self._read(number)
            if not answer:
                self._lose(number)
            elif _is_whole(answer):
                self._free.append(number)
                self._note(number, int(answer[9:12]), time.perf_counter() - start)
            else:
                self._parts[number] = answer
        return len(ready)

    def _read(self, number: int) -> bytes:
        try:
            return self._sockets[number].recv(65536)
        except ConnectionResetError:
            return b""

    def _note(self, number: int, status: int, now: float) -> None:
        due, sent = self.busy.pop(number)
        self.seen.from_due.setdefault(status, []).append(now - due)
        self.seen.from_sent.setdefault(status, []).append(now - sent)
        self.seen.late.append(sent - due)

    def _lose(self, number: int) -> None:
        self.seen.lost += self.busy.pop(number, None) is not None
        if number in self._free:
            self._free.remove(number)
        self._poll.unregister(number)
        self._sockets.pop(number).close()
        self._connect()

    def close(self) -> None:
        self.seen.unanswered = len(self.busy) + len(self.waiting)
        for connection in self._sockets.values():
            connection.close()
        self._poll.close()


def _is_whole(answer: bytes) -> bool:
    head = answer.find(b"\r\n\r\n")
    at = answer.find(b"content-length: ", 0, head)
    return head > 0 and len(answer) >= head + 4 + int(answer[at + 16 : answer.find(b"\r", at)])


def storm(  # noqa: PLR0913, PLR0917 - each is a part of what a load is
    address: tuple[str, int], request: bytes, rate: float, seconds: float, connections: int, seed: int = 0
) -> Storm:
    """``rate`` requests a second for ``seconds``, then ten more to answer what is left."""
    draw = random.Random(seed)
    clients = _Clients(address, request, connections)
    start, due = time.perf_counter(), draw.expovariate(rate)
    while (now := time.perf_counter() - start) < seconds:
        while due <= now:
            clients.waiting.append(due)
            due += draw.expovariate(rate)
        clients.send(start)
        if not clients.receive(start, 0):
            time.sleep(_NAP)
    while (clients.busy or clients.waiting) and time.perf_counter() - start < seconds + 10:
        clients.receive(start, 0.01)
        clients.send(start)
    clients.close()
    return clients.seen


def closed(address: tuple[str, int], request: bytes, seconds: float, connections: int) -> Storm:
    """As many requests as so many clients can make, each waiting for its answer."""
    clients = _Clients(address, request, connections)
    start = time.perf_counter()
    while (now := time.perf_counter() - start) < seconds:
        clients.waiting.extend([now] * (connections - len(clients.busy)))
        clients.send(start)
        clients.receive(start, 0.1)
    clients.close()
    return clients.seen
