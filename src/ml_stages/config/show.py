"""``ml-pipeline config``: the effective configuration, and where each value came from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ml_stages.config.load import KeyPath, LoadedConfig


def config_text(loaded: LoadedConfig) -> str:
    """A line a value: `data.holdout = 0.25  # default`; what has no value has no line."""
    values = loaded.config.model_dump(mode="json", by_alias=True)
    lines = [
        (f"{_dotted(path)} = {json.dumps(value, ensure_ascii=False)}", loaded.origin(path))
        for path, value in _leaves(values)
        if value is not None
    ]
    width = min(max(len(line) for line, _ in lines), 72)
    return "\n".join([f"# {loaded.file}", *(f"{line:<{width}}  # {origin}" for line, origin in lines)])


def _leaves(table: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(table, dict) and table:
        for key, value in table.items():
            yield from _leaves(value, (*path, key))
    elif isinstance(table, list) and table and isinstance(table[0], dict):
        for index, value in enumerate(table):
            yield from _leaves(value, (*path, index))
    else:
        yield path, table


def _dotted(path: KeyPath) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text
