"""What the server logs: one JSON object a line on stderr, from the supervisor and the workers alike."""

from __future__ import annotations

import json
import os
import time


def log_line(level: str, logger: str, message: str, when: float | None = None, **fields: str) -> str:
    """One line, without its end; ``when`` are seconds since 1970, by default now."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(when))
    content = {"time": moment, "level": level, "logger": logger, "process": os.getpid(), "message": message}
    return json.dumps(content | fields)
