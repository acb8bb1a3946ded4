"""What is probed, and how its rows are sent and shown."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ml_stages.config.sections import ProbeConfig
from ml_stages.model.failure import sensitive_columns
from ml_stages.serving.features import FeatureTable
from ml_stages.serving.probing.dialect import Dialect, Invocations
from ml_stages.serving.probing.golden import Golden
from ml_stages.serving.probing.target import Target

SINGLES = 20
"""The most rows that one check asks for alone."""
_BATCH, _BATCH_LETTERS = 100, 4_000_000
_LONG = 10.0
"""Seconds after which nothing more is asked of a slow model, within one check."""
_SHOWN_LETTERS = 160
_MASK = "***"


@dataclass
class Subject:
    """What is probed, what is known about it, and how many requests it was sent."""

    target: Target
    golden: Sequence[Golden]
    schema: Mapping[str, Any]
    config: ProbeConfig
    dialect: Dialect = field(default_factory=Invocations)
    is_ours: bool = True
    """Whether errors must have our form; of other servers only 5xx and silence are held against them."""
    expected: str = "predicted offline"
    """Where the golden answers are from."""
    requests: int = 0

    @property
    def table(self) -> FeatureTable:
        return FeatureTable.from_schema(self.schema)

    @cached_property
    def sensitive(self) -> frozenset[str]:
        """Columns whose values stand in no report."""
        return sensitive_columns(self.schema)

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        """What it is asked about."""
        return [one.row for one in self.golden]

    def shown(self, row: Mapping[str, Any]) -> str:
        """A row as it may stand in a message."""
        text = json.dumps({name: _MASK if name in self.sensitive else row[name] for name in row})
        return f"row {text if len(text) <= _SHOWN_LETTERS else text[: _SHOWN_LETTERS - 3] + '...'}"


def batches(golden: Sequence[Golden]) -> Iterator[Sequence[Golden]]:
    """At most ``_BATCH`` rows, and fewer of long texts: a server reads no request of any size."""
    start, letters = 0, 0
    for place, one in enumerate(golden):
        longer = sum(len(value) for value in one.row.values() if isinstance(value, str))
        if place - start == _BATCH or (place > start and letters + longer > _BATCH_LETTERS):
            yield golden[start:place]
            start, letters = place, 0
        letters += longer
    yield golden[start:]


def while_quick(rows: Sequence[Golden]) -> Iterator[Golden]:
    """The rows, or of a slow model the first ones: at least one, and none after ``_LONG`` seconds."""
    until = time.monotonic() + _LONG
    for number, golden in enumerate(rows):
        if number and time.monotonic() > until:
            return
        yield golden
