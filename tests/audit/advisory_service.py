"""An advisory service on the loopback that speaks OSV's API, with advisories of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote


def advisory(
    name: str,
    package: str,
    *,
    aliases: tuple[str, ...] = (),
    severity: str | None = "HIGH",
    fixed: tuple[str, ...] = (),
    **more: Any,
) -> dict[str, Any]:
    """A record as the OSV schema has it."""
    events = [{"introduced": "0"}, *({"fixed": version} for version in fixed)]
    return {
        "id": name,
        "aliases": list(aliases),
        "summary": f"{package} lets strangers in",
        "affected": [
            {
                "package": {"name": package, "ecosystem": "PyPI"},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
        "database_specific": {"severity": severity} if severity else {},
        **more,
    }


@dataclass
class AdvisoryService:
    """What the service knows, and what it was asked."""

    known: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Package and version to the names of advisories."""
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    page: int = 1000
    """Most names in one answer; the rest comes with a token."""
    broken: list[int] = field(default_factory=list)
    """Statuses that are answered first."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    address: str = ""

    def add(self, package: str, version: str, *records: dict[str, Any]) -> None:
        self.known.setdefault((package, version), []).extend(record["id"] for record in records)
        self.records.update({record["id"]: record for record in records})

    def answer(self, query: dict[str, Any]) -> dict[str, Any]:
        names = self.known.get((query["package"]["name"], query["version"]), [])
        start = int(query.get("page_token", 0))
        answer: dict[str, Any] = {}
        if chosen := names[start : start + self.page]:
            answer["vulns"] = [{"id": name, "modified": "2026-01-01T00:00:00Z"} for name in chosen]
        if start + self.page < len(names):
            answer["next_page_token"] = str(start + self.page)
        return answer


@contextmanager
def advisory_service() -> Iterator[AdvisoryService]:
    """Run the service until the block ends."""
    service = AdvisoryService()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            service.asked += body["queries"]
            self._send({"results": [service.answer(query) for query in body["queries"]]})

        def do_GET(self) -> None:
            record = service.records.get(unquote(self.path.removeprefix("/v1/vulns/")))
            self._send(record, 200 if record else 404)

        def _send(self, value: Any, status: int = 200) -> None:
            if service.broken:
                status = service.broken.pop(0)
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        service.address = f"http://127.0.0.1:{server.server_port}"
        try:
            yield service
        finally:
            server.shutdown()
