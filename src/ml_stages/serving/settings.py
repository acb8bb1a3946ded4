"""The server's limits, each with the environment variable that changes it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

_PREFIX = "ML_SERVING_"
LOG_FORMATS = ("jsonl", "parquet")


@dataclass(frozen=True)
class Settings:
    """Limits; ``ML_SERVING_MAX_ROWS=50`` changes ``max_rows``. Sizes in bytes, times in seconds."""

    max_body: int = 32 * 1024 * 1024
    max_rows: int = 10_000
    """Most rows of one request."""
    max_wait: float = 0.0
    """How long requests may wait for the model before more are refused; 0 finds it by what a call takes."""
    head_timeout: float = 15.0
    """How long a client may take from connecting, or from the first byte of a request, to its last header."""
    body_timeout: float = 30.0
    """How long a client may take to send one request."""
    keep_alive: float = 65.0
    """How long an idle connection is kept."""
    shutdown_grace: float = 30.0
    """How long accepted requests may take to finish after SIGTERM."""
    log_folder: str = ""
    """Where predictions are logged; empty for nowhere."""
    log_format: str = "jsonl"
    """`jsonl`, or `parquet` for files that are full (needs pyarrow in the project's pins)."""
    log_share: float = 1.0
    """Share of requests that are logged, from 0 to 1."""
    log_bytes: int = 64 * 1024 * 1024
    """Size at which a log file is followed by the next."""
    log_files: int = 10
    """How many log files are kept."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the variables; raises :class:`ValueError` for a value that does not fit."""
        given: dict[str, Any] = {}
        for field in fields(cls):
            name = f"{_PREFIX}{field.name.upper()}"
            if name in environment:
                given[field.name] = _read(name, environment[name], type(field.default))
        settings = replace(cls(), **given)
        if settings.log_share > 1:
            raise ValueError(f"{_PREFIX}LOG_SHARE={settings.log_share:g}: expected a share from 0 to 1")
        if settings.log_folder and not Path(settings.log_folder).is_dir():
            raise ValueError(f"{_PREFIX}LOG_FOLDER={settings.log_folder}: there is no such folder")
        if settings.log_format not in LOG_FORMATS:
            known = " or ".join(LOG_FORMATS)
            raise ValueError(f"{_PREFIX}LOG_FORMAT={settings.log_format}: expected {known}")
        return settings


def _read(name: str, text: str, kind: type) -> Any:
    if kind is str:
        return text
    try:
        value = kind(text)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name}={text}: expected a number, 0 or greater")
    return value
