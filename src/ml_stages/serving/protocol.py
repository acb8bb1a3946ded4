"""uvicorn's HTTP protocol with what it leaves open: slow heads, overload, and errors in our form."""

from __future__ import annotations

import asyncio
from typing import Any

from ml_stages.serving.application import Application
from ml_stages.serving.fault import RequestFault
from ml_stages.serving.refusals import Refused
from ml_stages.serving.uvicorn_server import HttpToolsProtocol

_MOST_UNREAD = 64 * 1024
"""Bytes that may belong to no body: the parser collects them, and takes ever longer for each."""
_LINGER_SECONDS = 1.0
_REASONS = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large"}


class _Deaf(asyncio.Protocol):
    """Reads away what is still sent after the answer: with unread bytes, a close would take that with it."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self._protocol = protocol

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections whose requests come to no end, and refuses quickly when there are too many."""

    app: Application
    _deadline: asyncio.TimerHandle | None = None
    _is_between = True
    """Whether the last request was read to its end, and no other has begun."""
    _is_head_whole = False
    _refused: Refused
    _unread = 0
    """Bytes of this request since it began, or since the last of its body."""
    _has_body = False
    """Whether this packet had a part of a body."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._refused = Refused(self.app.refusals, self, transport)
        self._deadline = self.loop.call_later(self.app.head_timeout, self._too_slow)

    def data_received(self, data: bytes) -> None:
        if self._refused.waits:
            self._refused.send_now()  # a client that asks on before it was answered gets its answers in order
        if self._is_between and self._is_one_too_many(data) and self._refused.refuse(data):
            self._leave_waiting()
            return
        super().data_received(data)
        # Looked at once a packet: a request that comes whole costs no timer.
        if self._is_between:
            self._stop_clock()
        else:
            self._watch(len(data))

    def _watch(self, size: int) -> None:
        """So many bytes came of a request, and it is not at its end."""
        if self._deadline is None:
            seconds = self.app.body_timeout if self._is_head_whole else self.app.head_timeout
            self._deadline = self.loop.call_later(seconds, self._too_slow)
        self._unread = 0 if self._has_body else self._unread + size
        self._has_body = False
        if self._unread > _MOST_UNREAD and not self.transport.is_closing():
            self._stop_clock()
            message = f"the head is too large; at most {_MOST_UNREAD} bytes are read"
            self._send(RequestFault(431, "head_too_large", message), _LINGER_SECONDS)

    def _leave_waiting(self) -> None:
        """Its refusal is on its way: where thousands a second are refused, no timer is set anew for each."""
        if self._deadline is not None:
            self._stop_clock()
        if self.timeout_keep_alive_task is None:
            self.on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        now = self.loop.time()
        rest = (now if self._refused.waits else self._refused.sent_at) + self.timeout_keep_alive - now
        if rest <= 0:
            super().timeout_keep_alive_handler()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(rest, self.timeout_keep_alive_handler)

    def eof_received(self) -> None:
        self._refused.send_now()  # a client may say that it has no more to ask, and wait
        super().eof_received()

    def shutdown(self) -> None:
        self._refused.send_now()
        super().shutdown()

    def on_message_begin(self) -> None:
        self._is_between = self._is_head_whole = False
        self._unread, self._has_body = 0, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_head_whole = True
        self._stop_clock()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._has_body = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_between = True
        super().on_message_complete()

    def _is_one_too_many(self, data: bytes) -> bool:
        """Whether this begins a scoring request, and there are too many, with none before it unanswered."""
        is_answered = self.cycle is None or self.cycle.response_complete
        return self.app.is_too_many(data, self.transport) and is_answered

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        self._refused.forget()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        self._send(RequestFault(400, "http", msg))

    def _too_slow(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.close()  # it was answered before its body was whole
        else:
            self._send(RequestFault(408, "slow", "the request came too slowly"))

    def _send(self, fault: RequestFault, linger: float = 0.0) -> None:
        body = fault.body()
        reason = _REASONS[fault.status]
        head = b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\n" % (fault.status, reason)
        rest = b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(head + rest + body)
        if linger:
            self.transport.set_protocol(_Deaf(self))
            self.loop.call_later(linger, self.transport.close)
        else:
            self.transport.close()

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
