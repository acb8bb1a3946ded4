"""uvicorn's HTTP protocol with what it leaves open: slow heads, and errors in our form."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ml_stages.serving.fault import RequestFault

HEAD_SECONDS = 15.0
"""How long a client may take from connecting, or from the first byte of a request, to its last header."""


class GuardedProtocol(HttpToolsProtocol):
    """Closes a connection whose request head does not come to an end."""

    _deadline: asyncio.TimerHandle | None = None
    _head_is_open = True

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Looked at once a packet: a request that comes whole costs no timer.
        self._watch_head()

    def on_message_begin(self) -> None:
        self._head_is_open = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_is_open = False
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        self._send(RequestFault(400, "http", msg))

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self._send(RequestFault(408, "slow", "the request came too slowly"))

    def _send(self, fault: RequestFault) -> None:
        body = fault.body()
        reason = {400: b"Bad Request", 408: b"Request Timeout"}[fault.status]
        head = b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\n" % (fault.status, reason)
        rest = b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(head + rest + body)
        self.transport.close()

    def _watch_head(self) -> None:
        if not self._head_is_open:
            self._stop_clock()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
