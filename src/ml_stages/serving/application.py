"""The server's endpoints as one ASGI application."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ml_stages.model.answers import Answers, NoNumberError, PredictorError
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
from ml_stages.serving.features import FeatureTable
from ml_stages.serving.metrics import Metrics
from ml_stages.serving.payload import read_payload
from ml_stages.serving.scorer import Scorer
from ml_stages.serving.settings import Settings

_LOG = logging.getLogger("ml_serving")
_PARSED_APART = 256 * 1024
"""Bodies from this size on are parsed in a thread, so that they do not hold up all others."""


@dataclass(frozen=True)
class Service:
    """What the endpoints need to know."""

    name: str
    task: str
    model_digest: str
    schema: Mapping[str, Any]
    scorer: Scorer
    metrics: Metrics
    settings: Settings
    workers: int = 1

    @cached_property
    def table(self) -> FeatureTable:
        """The columns that are expected."""
        return FeatureTable.from_schema(self.schema)


class Application:
    """The ASGI callable."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._extra = ((b"x-model-digest", service.model_digest.encode()),)
        self._pages: dict[str, Callable[[], Response]] = {
            "/ping": _alive,
            "/health/live": _alive,
            "/health/ready": self._ready,
            "/metrics": self._metrics,
            "/openapi.json": self._openapi,
        }
        self.draining = False
        """Set when the server is about to stop: it is no longer ready, and still answers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/invocations" and scope["method"] == "POST":
            await self._measured(scope, receive, send)
            return
        try:
            response = self._page(scope)
        except RequestFault as fault:
            response = _refusal(fault)
        await respond(send, response, self._extra)

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        metrics = self._service.metrics
        metrics.add("in_flight")
        try:
            response = await self._answer(scope, receive)
            metrics.answered(response.status, time.perf_counter() - started)
            await respond(send, response, self._extra) if response.status != 413 else await self._refuse(
                response, receive, send
            )
        except Disconnected:
            return
        finally:
            metrics.add("in_flight", -1)

    async def _refuse(self, response: Response, receive: Receive, send: Send) -> None:
        """Answer a client that is still sending."""

        async def send_then_drain(message: Any) -> None:
            if message["type"] == "http.response.body":
                await send({**message, "more_body": True})
                await drain(receive)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await respond(send_then_drain, response, self._extra)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        try:
            body = await read_body(scope, receive, self._service.settings)
            answers = await self._score(body, header(scope, b"content-type"))
        except RequestFault as fault:
            return _refusal(fault)
        except Disconnected:
            raise
        except NoNumberError as error:
            return _refusal(
                RequestFault(422, "no_answer", f"the model has no answer: {error}", row=error.row)
            )
        except PredictorError as error:
            _LOG.error("unusable answer of the model: %s", error)
            return _refusal(RequestFault(500, "answer", f"the model's answer is unusable: {error}"))
        except ValueError as error:
            # What Python and scikit-learn raise for a value of the right type that is no good.
            _LOG.warning("the model refused a request", exc_info=error)
            return _refusal(
                RequestFault(422, "refused", f"the model refused the values: {_first_line(error)}")
            )
        except Exception:  # noqa: BLE001 - whatever the project's code raises
            _LOG.exception("the model failed")
            return _refusal(
                RequestFault(500, "model", "the model failed on this request; see the server's log")
            )
        return Response(200, answers_json(answers))

    async def _score(self, body: bytes, content_type: str) -> Answers:
        service = self._service
        arguments = (body, content_type, service.table, service.settings.max_rows)
        if len(body) < _PARSED_APART:
            columns, rows = read_payload(*arguments)
        else:
            columns, rows = await asyncio.to_thread(read_payload, *arguments)
        return await service.scorer.score(columns, rows)

    def _page(self, scope: Scope) -> Response:
        path, method = scope["path"], scope["method"]
        page = self._pages.get(path)
        if page is None and path != "/invocations":
            known = ", ".join(("/invocations", *self._pages))
            raise RequestFault(404, "path", f"there is nothing here; endpoints: {known}")
        if page is None or method not in {"GET", "HEAD"}:
            allowed = "POST" if page is None else "GET, HEAD"
            raise RequestFault(
                405, "method", f"expected {allowed}, got {method}", headers=((b"allow", allowed.encode()),)
            )
        return page()

    def _ready(self) -> Response:
        if self.draining:
            raise RequestFault(503, "stopping", "the server is about to stop")
        return Response(200, b'{"status": "ready"}')

    def _metrics(self) -> Response:
        info = {"name": self._service.name, "digest": self._service.model_digest}
        text = self._service.metrics.text(info)
        return Response(200, text.encode(), b"text/plain; version=0.0.4; charset=utf-8")

    def _openapi(self) -> Response:
        from ml_stages.serving.openapi import document  # noqa: PLC0415 - asked for seldom

        return Response(200, json.dumps(document(self._service)).encode())


def _alive() -> Response:
    return Response(200, b'{"status": "alive"}')


def _refusal(fault: RequestFault) -> Response:
    return Response(fault.status, fault.body(), headers=fault.headers)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= 200 else f"{lines[0][:197]}..."


def answers_json(answers: Answers) -> bytes:
    """``{"predictions": [...]}``, with probabilities and classes where there are any."""
    fields: dict[str, Any] = {"predictions": answers.predictions}
    if answers.probabilities is not None:
        fields["probabilities"] = answers.probabilities
        fields["classes"] = answers.classes
    return json.dumps(fields).encode()
