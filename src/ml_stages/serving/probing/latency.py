"""Latency and throughput under a steady load, with intervals, of one server or of two in turn."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import psutil
from scipy.special import bdtr

from ml_stages.evidence import LatencyQuantile, LoadReport
from ml_stages.serving.probing.dialect import Dialect
from ml_stages.serving.probing.golden import Golden
from ml_stages.serving.probing.load import Load, Sample, closed_loop, open_loop, request_bytes
from ml_stages.serving.probing.target import Target, Unanswered

_PILOT_SECONDS = 0.15
_SHARE_OF_ONE_CLIENT = 0.5
"""The rate: half of what one client alone can ask, which no server that works finds hard."""
_MOST_PER_SECOND = 1000.0
_ROUNDS = 4
_CONFIDENCE = 0.95
_SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class Loaded:
    """A server under load; ``pid`` is its process where it runs on this machine."""

    name: Literal["candidate", "baseline"]
    target: Target
    dialect: Dialect
    golden: Sequence[Golden]
    pid: int | None = None

    def requests(self) -> list[bytes]:
        """Single rows, each as a whole request."""
        rows = [one.row for one in self.golden[:200]]
        path = f"{self.target.base}{self.dialect.path}"
        return [request_bytes(self.target.host, path, self.dialect.body([row])) for row in rows]

    def memory(self) -> float | None:
        """Bytes that the server's processes hold together; ``None`` where it runs elsewhere."""
        if self.pid is None:
            return None
        root = psutil.Process(self.pid)
        return float(sum(one.memory_info().rss for one in (root, *root.children(recursive=True))))


def measure_load(servers: Sequence[Loaded], seconds: float) -> list[LoadReport]:
    """Put the same steady load on each server, in turns, ``seconds`` on each.

    Raises :class:`Unanswered` when a server answers none of the requests before.
    """
    rate = min(_MOST_PER_SECOND, *(_pilot(server) for server in servers))
    before = [server.memory() for server in servers]
    loads = [Load() for _ in servers]
    for turn in range(_ROUNDS):
        for server, load in zip(servers, loads, strict=True):
            _add(load, asyncio.run(_round(server, rate, seconds / _ROUNDS, turn)))
    return [
        _report(server, load, rate, seconds, memory)
        for server, load, memory in zip(servers, loads, before, strict=True)
    ]


def _pilot(server: Loaded) -> float:
    """The rate for one server; warms it up besides."""
    at = server.target
    try:
        load = asyncio.run(closed_loop(at.host, at.port, server.requests(), _PILOT_SECONDS, 1, at.tls))
    except OSError as error:
        raise Unanswered(f"no connection: {error}") from None
    alone = load.latencies()
    if not alone:
        raise Unanswered(f"none of the first requests was answered 200: {dict(load.statuses)}")
    return _SHARE_OF_ONE_CLIENT / quantile(alone, 0.5)


async def _round(server: Loaded, rate: float, seconds: float, seed: int) -> Load:
    at = server.target
    return await open_loop(at.host, at.port, server.requests(), rate, seconds, seed=seed, tls=at.tls)


def _add(load: Load, more: Load) -> None:
    load.samples += more.samples
    load.unfinished += more.unfinished
    load.late = max(load.late, more.late)


def _report(server: Loaded, load: Load, rate: float, seconds: float, memory: float | None) -> LoadReport:
    after = server.memory()
    return LoadReport(
        server=server.name,
        rate=rate,
        seconds=seconds,
        requests=len(load.samples) + load.unfinished,
        refused=sum(load.statuses[status] for status in (429, 503)),
        lost=load.unfinished + sum(map(_is_lost, load.samples)),
        throughput=load.statuses[200] / seconds,
        quantiles=quantiles(load.latencies()),
        memory_growth=None if memory is None or after is None else after - memory,
        generator_lag=load.late,
    )


def _is_lost(sample: Sample) -> bool:
    return sample.status == 0 or (sample.status >= 500 and sample.status != 503)


def quantiles(ordered: Sequence[float]) -> list[LatencyQuantile]:
    """p50, p95 and p99 with distribution-free intervals; empty without values.

    Between which order statistics a quantile lies follows from a binomial distribution (David and
    Nagaraja, "Order Statistics", section 7.1). Values that depend on their neighbours, as in a queue, make
    the true interval wider. An end that the values do not reach is ``None``.
    """
    return [_with_interval(ordered, share) for share in _SHARES] if ordered else []


def _with_interval(ordered: Sequence[float], share: float) -> LatencyQuantile:
    count = len(ordered)
    rest = (1 - _CONFIDENCE) / 2
    cumulative = bdtr(np.arange(count + 1), count, share)
    low = int(np.searchsorted(cumulative, rest))
    high = int(np.searchsorted(cumulative, 1 - rest)) + 1
    return LatencyQuantile(
        share=share,
        seconds=quantile(ordered, share),
        lower=ordered[low - 1] if low >= 1 else None,
        upper=ordered[high - 1] if high <= count else None,
        confidence=_CONFIDENCE,
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of all do not exceed (definition 1 of Hyndman and Fan)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
