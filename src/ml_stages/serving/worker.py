"""One worker: load the model, answer requests on the socket that the supervisor opened."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ml_stages.model.failure import sensitive_columns, told_whole
from ml_stages.model.manifest import Manifest
from ml_stages.serving.admission import Admission
from ml_stages.serving.application import Application
from ml_stages.serving.backend import Backend, load_backend
from ml_stages.serving.cost import Cost
from ml_stages.serving.features import FeatureTable
from ml_stages.serving.log_lines import log_line
from ml_stages.serving.metrics import Metrics
from ml_stages.serving.prediction_log import PredictionLog
from ml_stages.serving.protocol import GuardedProtocol
from ml_stages.serving.scorer import Scorer
from ml_stages.serving.service import Service
from ml_stages.serving.settings import Settings
from ml_stages.serving.uvicorn_server import Config, Server

_FAREWELL_SECONDS, _LAST_SECONDS = 0.25, 0.02
_SWITCH_SECONDS = 0.0005
_ACCEPTED_A_TURN = 4
"""libuv accepts one connection a turn of the event loop from each socket; where turns are long, hundreds that
come at once would wait for seconds."""


@dataclass(frozen=True)
class Work:
    """What a worker is told by its supervisor."""

    bundle: Path
    manifest: Manifest
    settings: Settings
    listener: socket.socket
    metrics: Metrics
    workers: int
    alive: int
    """A file descriptor that reads as ended when the supervisor is gone."""
    verified: int
    """A file descriptor from which one byte is read once every file of the bundle was verified."""


def run_worker(work: Work, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM; ``ready`` is called as soon as requests are answered.

    Raises what loading the model raises.
    """
    schema = json.loads((work.bundle / "schema.json").read_text(encoding="utf-8"))
    start_logging(is_sensitive=bool(sensitive_columns(schema)))
    # The model's thread gets the interpreter back quickly from a loop that is busy refusing.
    sys.setswitchinterval(_SWITCH_SECONDS)
    if not os.read(work.verified, 1):
        return  # the supervisor refused the bundle, or is gone
    backend = _load(work, schema)
    service = _service(work, schema, backend)
    _serve(work, Application(service), ready)
    if service.log is not None:
        service.log.close()


def _service(work: Work, schema: Any, backend: Backend) -> Service:
    settings, metrics, manifest = work.settings, work.metrics, work.manifest
    table = FeatureTable.from_schema(schema)
    admission = Admission(Cost(), metrics, settings.max_wait or None)
    has_log = bool(settings.log_folder)
    return Service(
        name=manifest.name,
        task=manifest.task,
        model_digest=manifest.model_digest,
        schema=schema,
        table=table,
        scorer=Scorer(backend, metrics, admission),
        admission=admission,
        metrics=metrics,
        settings=settings,
        log=PredictionLog(settings, table, manifest.model_digest, metrics) if has_log else None,
    )


def _load(work: Work, schema: Any) -> Backend:
    started = time.perf_counter()
    backend = load_backend(work.bundle, work.manifest.format, work.manifest.predictor["load"], schema)
    work.metrics.put("load_seconds", time.perf_counter() - started)
    return backend


class _Server(Server):
    """uvicorn, which says when it is ready, stops in order, and ends with its supervisor."""

    def __init__(
        self, config: Config, application: Application, ready: Callable[[], None], alive: int
    ) -> None:
        super().__init__(config)
        self._application = application
        application.watch(self.server_state.tasks, self.server_state.connections)
        self._ready = ready
        self._alive = alive

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(self._alive, self._supervisor_ended)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Whoever is connected or waits to be is answered first, and told to come no more: a socket
        # that is closed at once takes what waits in the kernel with it.
        self._application.stop()
        await asyncio.sleep(_FAREWELL_SECONDS)
        for listener in sockets or ():
            listener.listen(0)  # whoever comes now tries again and is refused, instead of being cut off
        await asyncio.sleep(_LAST_SECONDS)
        last = sockets[0].dup() if sockets else None
        for server in self.servers:
            server.close()
        if last is not None:
            await let_in_last(self, last)
        # What was accepted last is read before connections without a request end.
        await asyncio.sleep(_LAST_SECONDS)
        await super().shutdown(sockets)

    def _supervisor_ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._alive)
        self.should_exit = True


def server_config(application: Application, settings: Settings) -> Config:
    """How uvicorn serves an application of ours."""
    return Config(
        application,
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=int(settings.keep_alive),
        timeout_graceful_shutdown=int(settings.shutdown_grace),
    )


def _serve(work: Work, application: Application, ready: Callable[[], None]) -> None:
    config = server_config(application, work.settings)
    _Server(config, application, ready, work.alive).run(sockets=listeners_of(work.listener))


def listeners_of(listener: socket.socket) -> list[socket.socket]:
    """The same socket as often as one turn of the event loop is to accept connections from it."""
    return [listener, *(listener.dup() for _ in range(_ACCEPTED_A_TURN - 1))]


async def let_in_last(server: Server, listener: socket.socket) -> None:
    """Take in who waits for a listener, and close it: the kernel would reset their connections."""
    connections = []
    with listener, suppress(BlockingIOError):
        listener.setblocking(False)
        while True:
            connections.append(listener.accept()[0])
    protocol = partial(GuardedProtocol, server.config, server.server_state, server.lifespan.state)
    for connection in connections:
        await asyncio.get_running_loop().connect_accepted_socket(protocol, connection)


class _JsonLines(logging.Formatter):
    """One JSON object a line, whatever is in the message."""

    def __init__(self, *, is_sensitive: bool) -> None:
        super().__init__()
        self._is_sensitive = is_sensitive

    def format(self, record: logging.LogRecord) -> str:
        fields = {"request": record.request} if hasattr(record, "request") else {}
        if record.exc_info and record.exc_info[1]:
            fields["traceback"] = told_whole(record.exc_info[1], is_sensitive=self._is_sensitive)
        level = record.levelname.lower()
        return log_line(level, record.name, record.getMessage(), record.created, **fields)


def start_logging(*, is_sensitive: bool) -> None:
    """Send what is logged, by us and by the project's code, to stderr as JSON lines.

    With sensitive columns, errors and warnings come without their words, which may hold values.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines(is_sensitive=is_sensitive))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if is_sensitive:
        warnings.formatwarning = _place_of_warning
    logging.captureWarnings(True)


def _place_of_warning(
    message: Warning | str,  # noqa: ARG001 - the signature is Python's
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,  # noqa: ARG001
) -> str:
    return f"{filename}:{lineno}: {category.__name__}"
