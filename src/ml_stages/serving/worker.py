"""One worker: load the model, answer requests on the socket that the supervisor opened."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from ml_stages.model.manifest import Manifest
from ml_stages.serving.application import Application, Service
from ml_stages.serving.backend import Backend, load_backend
from ml_stages.serving.metrics import Metrics
from ml_stages.serving.protocol import GuardedProtocol
from ml_stages.serving.scorer import Scorer
from ml_stages.serving.settings import Settings


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


def run_worker(work: Work, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM; ``ready`` is called as soon as requests are answered.

    Raises what loading the model raises.
    """
    start_logging()
    schema = json.loads((work.bundle / "schema.json").read_text(encoding="utf-8"))
    backend = _load(work, schema)
    scorer = Scorer(backend, work.metrics, work.settings.max_queue)
    service = Service(
        name=work.manifest.name,
        task=work.manifest.task,
        model_digest=work.manifest.model_digest,
        schema=schema,
        scorer=scorer,
        metrics=work.metrics,
        settings=work.settings,
        workers=work.workers,
    )
    _serve(work, Application(service), ready)


def _load(work: Work, schema: Any) -> Backend:
    started = time.perf_counter()
    backend = load_backend(work.bundle, work.manifest.format, work.manifest.predictor["load"], schema)
    work.metrics.put("load_seconds", time.perf_counter() - started)
    return backend


class _Server(uvicorn.Server):
    """uvicorn, which says when it is ready and stops when its supervisor is gone."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], alive: int) -> None:
        super().__init__(config)
        self._ready = ready
        self._alive = alive

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(self._alive, self._supervisor_ended)
        self._ready()

    def _supervisor_ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._alive)
        self.should_exit = True


def _serve(work: Work, application: Application, ready: Callable[[], None]) -> None:
    config = uvicorn.Config(
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
        timeout_keep_alive=int(work.settings.keep_alive),
        timeout_graceful_shutdown=int(work.settings.shutdown_grace),
    )
    _Server(config, ready, work.alive).run(sockets=[work.listener])


class _JsonLines(logging.Formatter):
    """One JSON object a line, whatever is in the message."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "worker": os.getpid(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields)


def start_logging() -> None:
    """Send what is logged, by us and by the project's code, to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
