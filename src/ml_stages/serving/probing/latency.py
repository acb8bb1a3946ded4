"""How long single rows take, one after the other on one connection."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ml_stages.serving.probing.golden import Golden, split_body
from ml_stages.serving.probing.target import Target

_WARM_UP = 10
_REQUESTS = 200
_SECONDS = 1.0


@dataclass(frozen=True)
class Latency:
    """Quantiles in seconds over ``requests`` requests."""

    p50: float
    p95: float
    p99: float
    requests: int


def measure_latency(target: Target, golden: Sequence[Golden]) -> Latency:
    """Ask for up to 200 single rows within about a second; raises :class:`Unanswered`."""
    bodies = [split_body([one.row]) for one in golden[:_REQUESTS]]
    with target.connect() as connection:
        for number in range(_WARM_UP):
            connection.score(bodies[number % len(bodies)])
        seconds: list[float] = []
        until = time.perf_counter() + _SECONDS
        while len(seconds) < _REQUESTS and time.perf_counter() < until:
            seconds.append(connection.score(bodies[len(seconds) % len(bodies)]).seconds)
    ordered = sorted(seconds)
    return Latency(
        quantile(ordered, 0.5), quantile(ordered, 0.95), quantile(ordered, 0.99), len(ordered) + _WARM_UP
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of all do not exceed (definition 1 of Hyndman and Fan)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
