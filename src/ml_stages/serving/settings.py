"""The server's limits, each with the environment variable that changes it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

_PREFIX = "ML_SERVING_"


@dataclass(frozen=True)
class Settings:
    """Limits; ``ML_SERVING_MAX_ROWS=50`` changes ``max_rows``. Sizes in bytes, times in seconds."""

    max_body: int = 32 * 1024 * 1024
    max_rows: int = 10_000
    """Most rows of one request."""
    body_timeout: float = 30.0
    """How long a client may take to send one request."""
    keep_alive: float = 65.0
    """How long an idle connection is kept."""
    shutdown_grace: float = 30.0
    """How long accepted requests may take to finish after SIGTERM."""
    max_queue: int = 1024
    """Most requests that wait for the model."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the variables; raises :class:`ValueError` for a value that is no positive number."""
        changed: dict[str, float] = {}
        for field in fields(cls):
            text = environment.get(f"{_PREFIX}{field.name.upper()}")
            if text is not None:
                changed[field.name] = _positive(f"{_PREFIX}{field.name.upper()}", text, type(field.default))
        return replace(cls(), **changed)  # type: ignore[arg-type]


def _positive(name: str, text: str, kind: type) -> float:
    try:
        value: float = kind(text)
    except ValueError:
        value = 0
    if value <= 0:
        raise ValueError(f"{name}={text}: expected a number greater than 0")
    return value
