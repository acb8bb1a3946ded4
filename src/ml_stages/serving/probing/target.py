"""The server that is probed, and connections to it that measure each exchange."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import SplitResult, urlsplit

_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Reply:
    """An answer; ``seconds`` from the first byte sent to the last one received."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    seconds: float

    def json(self) -> Any:
        """The body as JSON values; ``None`` when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def shown(self) -> str:
        """Status and the beginning of the body, for a message of one line."""
        text = self.body[:160].decode("utf-8", "replace").replace("\n", " ")
        return f"{self.status} {text}".strip()


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
        try:
            self._connection.request(method, self._base + path, body, dict(headers or {}))
            answer = self._connection.getresponse()
            content = answer.read()
        except TimeoutError:
            self._connection.close()
            raise Unanswered(f"no answer within {self._connection.timeout:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unanswered(f"the connection ended without an answer ({type(error).__name__})") from None
        seconds = time.perf_counter() - started
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, content, named, seconds)

    def post(self, path: str, body: bytes) -> Reply:
        """Post JSON; raises :class:`Unanswered`."""
        return self.ask("POST", path, body, _JSON)


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
