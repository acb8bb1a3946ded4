"""What is no proper HTTP: rubbish, lies about lengths, cut connections, clients that stall."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ml_stages.serving.probing.target import Target

T = TypeVar("T")
_SECONDS = 3.0
_HEAD = b"POST /invocations HTTP/1.1\r\nHost: probe\r\nContent-Type: application/json\r\n"


@dataclass(frozen=True)
class RawInput:
    """Bytes on a bare connection; the server must refuse them with a 4xx or hang up."""

    name: str
    content: bytes
    closes: bool = False
    """Whether the client goes away after it, so that there is no answer to see."""
    is_our_limit: bool = False
    """Whether another server may as well wait for what is to come."""


RAW_INPUTS = (
    RawInput("rubbish instead of HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 8 + b"\r\n\r\n"),
    RawInput("two lengths that differ", _HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}   "),
    RawInput("a negative length", _HEAD + b"Content-Length: -1\r\n\r\n"),
    RawInput("a length that is a word", _HEAD + b"Content-Length: many\r\n\r\n"),
    RawInput(
        "length and chunks at once",
        _HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    RawInput("a chunk of rubbish", _HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
    RawInput("a gigabyte announced", _HEAD + b"Content-Length: 1073741824\r\n\r\n", is_our_limit=True),
    RawInput("an unknown method", b"BREW /invocations HTTP/1.1\r\nHost: probe\r\n\r\n"),
    RawInput("an unknown version", b"POST /invocations HTTP/9.9\r\nHost: probe\r\n\r\n"),
    RawInput("cut in the head", _HEAD[:40], closes=True),
    RawInput("cut in the body", _HEAD + b"Content-Length: 1000\r\n\r\n{", closes=True),
    RawInput("cut before the answer", _HEAD + b"Content-Length: 2\r\n\r\n{}", closes=True),
)


def send_raw(target: Target, case: RawInput) -> str | None:
    """What went wrong, ``None`` when the server refused it as it should."""
    try:
        with target.open_socket(_SECONDS) as connection:
            connection.sendall(case.content)
            if case.closes:
                return None
            answer = connection.recv(4096)
    except TimeoutError:
        return f"no answer within {_SECONDS:g} s; expected 4xx or an end of the connection"
    except OSError:
        return None
    if not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")):
        return None
    return f"answered {answer[:60]!r}; expected 4xx or an end of the connection"


def with_stalled_clients(target: Target, count: int, work: Callable[[], T]) -> T:
    """What ``work`` gives while ``count`` clients have sent half a request each.

    Raises :class:`OSError` when the server takes no more connections.
    """
    stalled = [target.open_socket(_SECONDS) for _ in range(count)]
    try:
        for number, connection in enumerate(stalled):
            part = _HEAD if number % 2 else _HEAD + b"Content-Length: 1000\r\n\r\n{"
            connection.sendall(part)
        time.sleep(0.02)
        return work()
    finally:
        for connection in stalled:
            connection.close()
