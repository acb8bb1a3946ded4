"""The server's endpoints as one ASGI application."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any

from ml_stages.model.answers import Answers, NoNumberError, PredictorError
from ml_stages.model.failure import sensitive_columns, told
from ml_stages.serving.admission import overload_fault
from ml_stages.serving.exchange import (
    Disconnected,
    Receive,
    Response,
    Scope,
    Send,
    drain,
    header,
    read_body,
    respond,
)
from ml_stages.serving.fault import RequestFault
from ml_stages.serving.features import Columns
from ml_stages.serving.inference import inference_json, output_names, read_inference
from ml_stages.serving.pages import Pages
from ml_stages.serving.payload import read_payload
from ml_stages.serving.refusals import Refusals
from ml_stages.serving.service import Service

_LOG = logging.getLogger("ml_serving")
_PARSED_APART = 256 * 1024
"""Bodies from this size on are parsed in a thread, so that they do not hold up all others."""
_encode = json.JSONEncoder(check_circular=False).encode
_CLOSE = (b"connection", b"close")
_LONGEST_ID = 100
"""Letters of a client's own `X-Request-Id` that are kept."""

Request = tuple[Columns, int, Callable[[Answers], bytes]]
"""Checked columns, the number of rows, and how the answer is written."""


class Application:
    """The ASGI callable."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._pages = Pages(service)
        self._extra: tuple[tuple[bytes, bytes], ...] = ((b"x-model-digest", service.model_digest.encode()),)
        model = f"/v2/models/{service.name}"
        paths = ("/invocations", f"{model}/infer")
        self._scoring = tuple(f"POST {path} HTTP/1.1\r\n".encode() for path in paths)
        self._paths = paths
        self._outputs = output_names(service.schema["label"])
        self._is_sensitive = bool(sensitive_columns(service.schema))
        self._overload: tuple[bytes, ...] = ()
        self.refusals = Refusals(service.admission, service.metrics, self._scoring, self._overload_answers)
        self.tasks: AbstractSet[object] = frozenset()
        self._readers: dict[str, Callable[[bytes, Scope], Request]] = {
            "/invocations": self._read_invocation,
            f"{model}/infer": self._read_inference,
            f"{model}/versions/{service.version}/infer": self._read_inference,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        reader = self._readers.get(scope["path"]) if scope["method"] == "POST" else None
        if reader is not None:
            await self._score(reader, scope, receive, send)
            return
        try:
            response = self._page(scope)
        except RequestFault as fault:
            response = _refusal(fault, scope["path"])
        await respond(send, response, self._extra)

    def watch(self, tasks: AbstractSet[object], connections: AbstractSet[object]) -> None:
        """Take the server's own sets: a task for each request that it has read, and what is connected."""
        self.tasks = tasks
        self._service.admission.connections = connections

    @property
    def head_timeout(self) -> float:
        """Seconds that a client may take to send a request's headers."""
        return self._service.settings.head_timeout

    @property
    def body_timeout(self) -> float:
        """Seconds that a client may take to send a body."""
        return self._service.settings.body_timeout

    def stop(self) -> None:
        """From now on not ready, and every answer ends its connection; requests are still answered."""
        self._pages.is_stopping = True
        self._extra = (*self._extra, _CLOSE)
        self._overload = ()

    def is_too_many(self, data: bytes, transport: asyncio.BaseTransport) -> bool:
        """Whether these bytes begin a scoring request, and there are too many right now; else it counts."""
        if not data.startswith(self._scoring):
            return False
        admission = self._service.admission
        if admission.is_full():
            return True
        if admission.is_overloaded and not self.refusals.lets_in(transport):
            return True
        if self.tasks:
            self._expect()
        return False

    def _expect(self) -> None:
        """What is read counts from now on, not from when its task is run: hundreds are read in between.

        Unless it is alone: then it costs nothing.
        """
        admission = self._service.admission
        if not admission.expected:
            # Before those tasks, and nothing is read between it and them.
            asyncio.get_running_loop().call_soon(admission.forget_expected)
        admission.expected += 1

    def _overload_answers(self) -> tuple[bytes, ...]:
        """The whole HTTP answers to requests that are refused, one for each path."""
        if not self._overload:
            self._overload = tuple(map(self._render_overload, self._paths))
        return self._overload

    def _render_overload(self, path: str) -> bytes:
        body = overload_fault().body(path)
        head = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
        extra = b"".join(b"%s: %s\r\n" % pair for pair in self._extra)
        return head + extra + b"content-length: %d\r\n\r\n" % len(body) + body

    async def _score(
        self, reader: Callable[[bytes, Scope], Request], scope: Scope, receive: Receive, send: Send
    ) -> None:
        started = time.perf_counter()
        try:
            response = await self._answer(reader, scope, receive)
        except Disconnected:
            return
        self._service.metrics.answered(response.status, time.perf_counter() - started)
        if response.status == 413:
            await _refuse(response, self._extra, receive, send)
        else:
            await respond(send, response, self._extra)

    async def _answer(
        self, reader: Callable[[bytes, Scope], Request], scope: Scope, receive: Receive
    ) -> Response:
        try:
            body = await read_body(scope, receive, self._service.settings)
            # Only now: a client that stalls takes nobody's place.
            if self._service.admission.is_full():
                self._service.admission.refuse()
                raise overload_fault()
            return await self._answer_body(reader, body, scope)
        except RequestFault as fault:
            return _refusal(fault, scope["path"])

    async def _answer_body(
        self, reader: Callable[[bytes, Scope], Request], body: bytes, scope: Scope
    ) -> Response:
        service = self._service
        service.admission.enter()
        started = time.perf_counter()
        try:
            if len(body) < _PARSED_APART:
                columns, rows, write = reader(body, scope)
            else:
                columns, rows, write = await asyncio.to_thread(reader, body, scope)
            answers = await self._ask(columns, rows, scope)
            if service.log is not None:
                service.log.add(columns, answers, time.perf_counter() - started)
            return Response(200, write(answers))
        finally:
            service.admission.leave(time.perf_counter() - started)

    async def _ask(self, columns: Columns, rows: int, scope: Scope) -> Answers:
        """The model's answers; whatever it raises becomes a :class:`RequestFault`."""
        try:
            is_alone = len(self.tasks) == 1
            return await self._service.scorer.score(columns, rows, is_alone=is_alone)
        except RequestFault:
            raise
        except NoNumberError as error:
            raise RequestFault(422, "no_answer", f"the model has no answer: {error}", row=error.row) from None
        except Exception as error:  # noqa: BLE001 - whatever the project's code raises
            raise self._failure(error, header(scope, b"x-request-id")[:_LONGEST_ID]) from None

    def _failure(self, error: Exception, identity: str) -> RequestFault:
        """What the client hears of a failure of the model; the log has the rest, under the same id."""
        identity = identity or uuid.uuid4().hex
        headers = ((b"x-request-id", identity.encode("latin-1")),)
        extra = {"request": identity}
        if isinstance(error, PredictorError):
            _LOG.error("unusable answer of the model: %s", error, extra=extra)
            return RequestFault(500, "answer", f"the model's answer is unusable: {error}", headers=headers)
        if isinstance(error, ValueError):
            # What Python and scikit-learn raise for a value of the right type that is no good.
            _LOG.warning("the model refused a request", exc_info=error, extra=extra)
            why = _first_line(told(error, is_sensitive=True) if self._is_sensitive else str(error))
            return RequestFault(422, "refused", f"the model refused the values: {why}", headers=headers)
        _LOG.error("the model failed", exc_info=error, extra=extra)
        message = f"the model failed on this request; see the server's log of request {identity}"
        return RequestFault(500, "model", message, headers=headers)

    def _read_invocation(self, body: bytes, scope: Scope) -> Request:
        service = self._service
        content_type = header(scope, b"content-type")
        columns, rows = read_payload(body, content_type, service.table, service.settings.max_rows)
        return columns, rows, answers_json

    def _read_inference(self, body: bytes, scope: Scope) -> Request:
        service = self._service
        length = header(scope, b"inference-header-content-length")
        asked = read_inference(body, length, service.table, service.settings.max_rows, self._outputs)
        write = partial(inference_json, service.name, service.version, asked)
        return asked.columns, asked.rows, write

    def _page(self, scope: Scope) -> Response:
        path, method = scope["path"], scope["method"]
        page = self._pages.by_path.get(path)
        if page is None and path not in self._readers:
            raise RequestFault(404, "path", f"there is nothing here; endpoints: {self._endpoints()}")
        if page is None or method not in {"GET", "HEAD"}:
            allowed = "POST" if page is None else "GET, HEAD"
            raise RequestFault(
                405, "method", f"expected {allowed}, got {method}", headers=((b"allow", allowed.encode()),)
            )
        return page()

    def _endpoints(self) -> str:
        return ", ".join([*self._readers, *self._pages.by_path])


async def _refuse(response: Response, extra: Any, receive: Receive, send: Send) -> None:
    """Answer a client that is still sending."""

    async def send_then_drain(message: Any) -> None:
        if message["type"] == "http.response.body":
            await send({**message, "more_body": True})
            await drain(receive)
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    await respond(send_then_drain, response, extra)


def _refusal(fault: RequestFault, path: str) -> Response:
    return Response(fault.status, fault.body(path), headers=fault.headers)


def _first_line(text: str) -> str:
    lines = text.splitlines() or ["it gave no reason"]
    return lines[0] if len(lines[0]) <= 200 else f"{lines[0][:197]}..."


def answers_json(answers: Answers) -> bytes:
    """``{"predictions": [...]}``, with probabilities and classes where there are any."""
    fields: Mapping[str, Any] = {"predictions": answers.predictions}
    if answers.probabilities is not None:
        fields = {**fields, "probabilities": answers.probabilities, "classes": answers.classes}
    return _encode(fields).encode()
