"""The server that is probed, and connections to it that measure each exchange."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import SplitResult, urlsplit

_JSON = {"Content-Type": "application/json"}
_MOST_BYTES, _PIECE = 64 * 1024 * 1024, 1024 * 1024
"""The largest answer that is read."""


@dataclass(frozen=True)
class Reply:
    """An answer; ``seconds`` from the first byte sent to the last one received."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    seconds: float

    def json(self) -> Any:
        """The body as JSON values; ``None`` when it is none, or has NaN, which JSON does not know."""
        try:
            return json.loads(self.body, parse_constant=_no_json)
        except (ValueError, RecursionError):
            return None

    def shown(self) -> str:
        """Status and the beginning of the body, for a message of one line."""
        text = self.body[:160].decode("utf-8", "replace").replace("\n", " ")
        return f"{self.status} {text}".strip()


def _no_json(name: str) -> None:
    raise ValueError(name)


class Unanswered(Exception):  # noqa: N818 - it names what is the case
    """The server closed the connection or was silent; the message says which."""


class Connection:
    """One connection, kept open between requests."""

    def __init__(self, connection: http.client.HTTPConnection, base: str) -> None:
        self._connection = connection
        self._base = base

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request and read its answer; raises :class:`Unanswered`."""
        started = time.perf_counter()
        limit = float(self._connection.timeout or 0)
        # A server that sends a little now and then never lets the connection's own time-out pass.
        watch = threading.Timer(limit, self._cut)
        watch.start()
        try:
            self._connection.request(method, self._base + path, body, dict(headers or {}))
            answer = self._connection.getresponse()
            content = _read(answer)
            if time.perf_counter() - started > limit:
                raise TimeoutError
        except ssl.SSLCertVerificationError as error:
            raise Unanswered(f"its certificate is not trusted: {error.verify_message}") from None
        except Unanswered:
            self._connection.close()
            raise
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            if isinstance(error, TimeoutError) or time.perf_counter() - started > limit:
                raise Unanswered(f"no whole answer within {limit:g} s") from None
            raise Unanswered(f"the connection ended without an answer ({type(error).__name__})") from None
        finally:
            watch.cancel()
        seconds = time.perf_counter() - started
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, content, named, seconds)

    def _cut(self) -> None:
        connection = self._connection.sock
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def post(self, path: str, body: bytes) -> Reply:
        """Post JSON; raises :class:`Unanswered`."""
        return self.ask("POST", path, body, _JSON)


def _read(answer: http.client.HTTPResponse) -> bytes:
    """The whole body; raises :class:`Unanswered` for one that is too large."""
    content = bytearray()
    while part := answer.read(_PIECE):
        content += part
        if len(content) > _MOST_BYTES:
            raise Unanswered(f"the answer is too large; at most {_MOST_BYTES} bytes are read")
    if answer.length:
        raise http.client.IncompleteRead(bytes(content), answer.length)
    return bytes(content)


@dataclass(frozen=True)
class Target:
    """A server by its URL."""

    url: str
    timeout: float = 30.0

    @cached_property
    def _parts(self) -> SplitResult:
        return urlsplit(self.url)

    @property
    def host(self) -> str:
        return str(self._parts.hostname)

    @property
    def port(self) -> int:
        return int(self._parts.port or (443 if self._parts.scheme == "https" else 80))

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """What certificates are held to; ``None`` for plain HTTP."""
        return ssl.create_default_context() if self._parts.scheme == "https" else None

    @property
    def base(self) -> str:
        """The path that all others are below."""
        return str(self._parts.path.rstrip("/"))

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection for the length of the block."""
        context = self.tls
        connection = (
            http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
            if context is None
            else http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout, context=context)
        )
        try:
            yield Connection(connection, self.base)
        finally:
            connection.close()

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request on a connection of its own; raises :class:`Unanswered`."""
        with self.connect() as connection:
            return connection.ask(method, path, body, headers)

    def open_socket(self, timeout: float) -> socket.socket:
        """A bare connection, for what is no HTTP; raises :class:`OSError`."""
        connection = socket.create_connection((self.host, self.port), timeout)
        context = self.tls
        return connection if context is None else context.wrap_socket(connection, server_hostname=self.host)
