"""The endpoints that are read: health, metrics, and what the model is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ml_stages.serving.exchange import Response
from ml_stages.serving.fault import RequestFault
from ml_stages.serving.inference import metadata
from ml_stages.serving.service import Service

Page = Callable[[], Response]


class Pages:
    """Every page by its path."""

    def __init__(self, service: Service) -> None:
        self._service = service
        model = f"/v2/models/{service.name}"
        version = f"{model}/versions/{service.version}"
        self.by_path: dict[str, Page] = {
            "/ping": self._alive,
            "/health": self._alive,
            "/version": self._version,
            "/health/live": self._alive,
            "/health/ready": self._ready,
            "/metrics": self._metrics,
            "/openapi.json": self._openapi,
            "/v2": self._server,
            "/v2/health/live": self._alive,
            "/v2/health/ready": self._ready,
            **dict.fromkeys((model, version), self._model),
            **dict.fromkeys((f"{model}/ready", f"{version}/ready"), self._ready),
        }
        self.is_stopping = False
        """Set when the server is about to stop: it is no longer ready, and still answers."""

    def _alive(self) -> Response:
        return Response(200, b'{"status": "alive", "live": true}')

    def _ready(self) -> Response:
        if self.is_stopping:
            raise RequestFault(503, "stopping", "the server is about to stop")
        return Response(200, b'{"status": "ready", "ready": true}')

    def _version(self) -> Response:
        return Response(200, self._service.version.encode(), b"text/plain; charset=utf-8")

    def _metrics(self) -> Response:
        info = {"name": self._service.name, "digest": self._service.model_digest}
        text = self._service.metrics.text(info)
        return Response(200, text.encode(), b"text/plain; version=0.0.4; charset=utf-8")

    def _openapi(self) -> Response:
        from ml_stages.serving.openapi import document  # noqa: PLC0415 - asked for seldom

        return _json(document(self._service))

    def _server(self) -> Response:
        extensions = ["binary_tensor_data"]
        return _json({"name": "ml-pipeline", "version": self._service.version, "extensions": extensions})

    def _model(self) -> Response:
        service = self._service
        return _json(metadata(service.name, service.version, service.table, service.schema["label"]))


def _json(document: Any) -> Response:
    return Response(200, json.dumps(document).encode())
