"""A finding with every name that it goes by, before exceptions are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ml_stages.config.audit import Severity
from ml_stages.evidence import Finding

_ORDER: tuple[Severity, ...] = ("low", "medium", "high", "critical")


@dataclass(frozen=True)
class Found:
    """What a tool found."""

    finding: Finding
    names: frozenset[str]
    """The rule, and for an advisory its aliases: what an exception may name."""


def level(severity: Severity | None, blocks_from: Severity) -> Literal["error", "warning"]:
    """An error from the configured severity on; what nobody rated is one, too."""
    if severity is None or _ORDER.index(severity) >= _ORDER.index(blocks_from):
        return "error"
    return "warning"


def worst(severities: list[Severity | None]) -> Severity | None:
    """The highest severity that anybody gave; ``None`` when nobody did."""
    return max((one for one in severities if one is not None), key=_ORDER.index, default=None)
