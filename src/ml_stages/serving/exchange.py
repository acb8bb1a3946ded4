"""The edge between ASGI and the endpoints: read a body within limits, send an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_stages.serving.fault import RequestFault
from ml_stages.serving.settings import Settings
from ml_stages.serving.uvicorn_server import STATUS_LINE, RequestResponseCycle

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
_LINGER_SECONDS = 5.0


class Disconnected(Exception):  # noqa: N818 - it names what is the case
    """The client went away before its request was whole."""


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: Sequence[tuple[bytes, bytes]] = ()


def header(scope: Scope, name: bytes) -> str:
    """A header's value, empty when it was not sent."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""


async def read_body(scope: Scope, receive: Receive, settings: Settings) -> bytes:
    """The whole body.

    Raises :class:`RequestFault` 413 for one that is too large (before reading it, where its length was
    announced), 415 for a compressed one, and :class:`Disconnected`.
    """
    if header(scope, b"content-encoding") not in {"", "identity"}:
        raise RequestFault(415, "content_encoding", "compressed bodies are not read; send it as it is")
    announced = header(scope, b"content-length")
    if announced and int(announced) > settings.max_body:
        raise _too_large(settings)
    message = await _receive(receive)
    if not message["more_body"]:
        body: bytes = message["body"]
        if len(body) > settings.max_body:
            raise _too_large(settings)
        return body
    return await _read_rest(receive, message["body"], settings)


async def _read_rest(receive: Receive, first: bytes, settings: Settings) -> bytes:
    body = bytearray(first)
    while True:
        message = await _receive(receive)
        body += message["body"]
        if len(body) > settings.max_body:
            raise _too_large(settings)
        if not message["more_body"]:
            return bytes(body)


async def _receive(receive: Receive) -> MutableMapping[str, Any]:
    """The next part; that it comes in time is seen to by the protocol (:mod:`ml_stages.serving.protocol`)."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    return message


def _too_large(settings: Settings) -> RequestFault:
    return RequestFault(
        413,
        "too_large",
        f"the body is too large; at most {settings.max_body} bytes are read",
        headers=((b"connection", b"close"),),
    )


async def respond(send: Send, response: Response, extra: Sequence[tuple[bytes, bytes]]) -> None:
    """Send a whole answer."""
    cycle = getattr(send, "__self__", None)
    if type(cycle) is RequestResponseCycle and _is_plain(cycle, (*response.headers, *extra)):
        _write(cycle, response, extra)
        return
    headers = [
        (b"content-type", response.content_type),
        (b"content-length", str(len(response.body)).encode()),
        *extra,
        *response.headers,
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def _is_plain(cycle: RequestResponseCycle, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether nothing but the answer itself is to be done: the usual case."""
    return (
        cycle.keep_alive
        and not (cycle.disconnected or cycle.response_started or cycle.flow.write_paused)
        and cycle.scope["method"] != "HEAD"
        and all(name != b"connection" for name, _ in headers)
    )


def _write(cycle: RequestResponseCycle, response: Response, extra: Sequence[tuple[bytes, bytes]]) -> None:
    """What two messages to uvicorn's cycle do, in one packet: head and body apart are two system calls."""
    head = [STATUS_LINE[response.status], b"content-type: ", response.content_type]
    for name, value in (*cycle.default_headers, *extra, *response.headers):
        head += (b"\r\n", name, b": ", value)
    head.append(b"\r\ncontent-length: %d\r\n\r\n" % len(response.body))
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"".join((*head, response.body)))
    cycle.message_event.set()
    cycle.on_response()


async def drain(receive: Receive) -> None:
    """Read away what a refused client still sends, for a while: else it may never see the answer.

    A socket that is closed with unread bytes resets the connection, and the answer is lost with it.
    """
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass
    except TimeoutError:
        return
