"""Latency and throughput under a steady load, with intervals, of one server or of two in turn."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import psutil

from ml_stages.evaluation.quantiles import binomial_shares, t_quantile
from ml_stages.serving.probing.dialect import Dialect
from ml_stages.serving.probing.load import Load, Sample, closed_loop, open_loop, request_bytes
from ml_stages.serving.probing.probe_report import LatencyQuantile, LatencyRatio, LoadReport
from ml_stages.serving.probing.target import Target, Unanswered

_PILOT_SECONDS = 0.15
_SHARE_OF_ONE_CLIENT = 0.5
"""The rate: half of what one client alone can ask, which no server that works finds hard."""
_MOST_PER_SECOND = 1000.0
_CONNECTIONS = 16
"""More than half of one client's rate ever needs; who waits for a free one has the wait counted."""
_ROUNDS = 4
_FEWEST_PAIRS, _MOST_PAIRS, _REQUESTS_A_PAIR = 6, 12, 100
_FEWEST_REQUESTS, _MOST_SECONDS = 160, 5.0
"""What a comparison of 95th percentiles takes: 20 answers in each turn, and some to spare."""
_FEWEST_OF_SLOW = 10
"""Requests a server is sent, however long that takes."""
_ROWS = 200
"""Different rows that a load is made of."""
_FEWEST_ANSWERS = 5
"""Of a turn, for its median to say anything."""
_CONFIDENCE = 0.95
_SHARES = (0.5, 0.95, 0.99)


class BaselineError(Exception):
    """The baseline cannot be compared with: no fault of the candidate's; the message says why."""


@dataclass(frozen=True)
class Loaded:
    """A server under load; ``pid`` is its process where it runs on this machine."""

    name: Literal["candidate", "baseline"]
    target: Target
    dialect: Dialect
    rows: Sequence[Mapping[str, Any]]
    pid: int | None = None

    def requests(self) -> list[bytes]:
        """Single rows, each as a whole request."""
        path = f"{self.target.base}{self.dialect.path}"
        host = f"[{self.target.host}]" if ":" in self.target.host else self.target.host
        return [request_bytes(host, path, self.dialect.body([row])) for row in self.rows[:_ROWS]]

    def memory(self) -> float | None:
        """Bytes that the server's processes hold together; ``None`` where it runs elsewhere."""
        if self.pid is None:
            return None
        root = psutil.Process(self.pid)
        return float(sum(one.memory_info().rss for one in (root, *root.children(recursive=True))))


def measure_load(server: Loaded, seconds: float) -> LoadReport:
    """Put a steady load on a server, longer than ``seconds`` where it is too slow to be asked often.

    Raises :class:`Unanswered` when it answers none of the requests before.
    """
    rate = min(_MOST_PER_SECOND, _pilot(server))
    seconds = max(seconds, _FEWEST_OF_SLOW / rate)
    (measured,) = _in_turns([server], rate, seconds, _ROUNDS)
    return measured.report(rate, seconds)


def measure_both(
    candidate: Loaded, baseline: Loaded, seconds: float
) -> tuple[list[LoadReport], list[LatencyRatio]]:
    """Put the same steady load on two servers in turns, and compare them.

    Each gets ``seconds`` of it, and as much more (within limits) as slow servers need to be compared.
    Raises :class:`Unanswered` when the candidate, and :class:`BaselineError` when the baseline answers none
    of the requests before.
    """
    servers = [candidate, baseline]
    rate = min(_MOST_PER_SECOND, _pilot(candidate), _pilot_of_baseline(baseline))
    seconds = max(seconds, min(_MOST_SECONDS, _FEWEST_REQUESTS / rate), _FEWEST_OF_SLOW / rate)
    rounds = max(_FEWEST_PAIRS, min(_MOST_PAIRS, int(rate * seconds / _REQUESTS_A_PAIR)))
    measured = _in_turns(servers, rate, seconds, rounds)
    one, other = ([_of_all(load) for load in each.turns] for each in measured)
    found = (ratio(share, one, other) for share in _SHARES)
    return [each.report(rate, seconds) for each in measured], [each for each in found if each]


@dataclass(frozen=True)
class _Measured:
    """One server's turns."""

    server: Loaded
    turns: list[Load]
    memory: float | None
    """What the server held before."""

    def report(self, rate: float, seconds: float) -> LoadReport:
        """All turns together."""
        load = Load()
        for turn in self.turns:
            _add(load, turn)
        return _report(self.server, load, rate, seconds, self.memory)


def _in_turns(servers: Sequence[Loaded], rate: float, seconds: float, rounds: int) -> list[_Measured]:
    measured = [_Measured(server, [], server.memory()) for server in servers]
    for turn in range(rounds):
        # Whoever goes first changes: what slowly gets worse or better falls on both.
        for each in measured if turn % 2 else measured[::-1]:
            each.turns.append(asyncio.run(_round(each.server, rate, seconds / rounds, turn)))
    return measured


def _pilot(server: Loaded) -> float:
    """The rate for one server; warms it up besides."""
    at = server.target
    try:
        asked = closed_loop(at.host, at.port, server.requests(), _PILOT_SECONDS, 1, at.tls, at.timeout)
        load = asyncio.run(asked)
    except OSError as error:
        raise Unanswered(f"no connection: {error}") from None
    alone = load.latencies()
    if not alone:
        raise Unanswered(_instead_of_answers(load, at.timeout))
    return _SHARE_OF_ONE_CLIENT / quantile(alone, 0.5)


def _instead_of_answers(load: Load, patience: float) -> str:
    if not load.samples:
        return f"the first request was not answered within {patience:g} s"
    said = " or ".join(str(status or "by a closed connection") for status in sorted(load.statuses))
    return f"none of the first requests was answered 200, but {said}"


def _pilot_of_baseline(baseline: Loaded) -> float:
    try:
        return _pilot(baseline)
    except Unanswered as error:
        raise BaselineError(str(error)) from None


async def _round(server: Loaded, rate: float, seconds: float, seed: int) -> Load:
    at = server.target
    requests = server.requests()
    return await open_loop(at.host, at.port, requests, rate, seconds, _CONNECTIONS, seed, at.tls, at.timeout)


def _add(load: Load, more: Load) -> None:
    load.samples += more.samples
    load.unfinished += more.unfinished
    load.late = max(load.late, more.late)


def _of_all(load: Load) -> list[float]:
    """Seconds of all requests, ascending; without end where one was not answered."""
    return [*load.latencies(), *[math.inf] * load.unanswered]


def _report(server: Loaded, load: Load, rate: float, seconds: float, memory: float | None) -> LoadReport:
    after = server.memory()
    return LoadReport(
        server=server.name,
        rate=rate,
        seconds=seconds,
        requests=load.requests,
        refused=sum(load.statuses[status] for status in (429, 503)),
        lost=load.unfinished + sum(map(_is_lost, load.samples)),
        unanswered=load.unanswered,
        throughput=load.statuses[200] / seconds,
        quantiles=quantiles(load.latencies(), load.unanswered),
        memory_growth=None if memory is None or after is None else after - memory,
        generator_lag=load.late,
    )


def _is_lost(sample: Sample) -> bool:
    return sample.status == 0 or (sample.status >= 500 and sample.status != 503)


def quantiles(ordered: Sequence[float], unanswered: int = 0) -> list[LatencyQuantile]:
    """p50, p95 and p99 of all requests with distribution-free intervals; empty without values.

    ``unanswered`` ones took longer than any of the values: a quantile that is among them is left out.

    Between which order statistics a quantile lies follows from a binomial distribution (David and
    Nagaraja, "Order Statistics", section 7.1). Values that depend on their neighbours, as in a queue, make
    the true interval wider. An end that the values do not reach is ``None``.
    """
    requests = len(ordered) + unanswered
    reached = (share for share in _SHARES if _place(share, requests) < len(ordered))
    return [_with_interval(ordered, share, requests) for share in reached]


def ratio(
    share: float, candidate: Sequence[Sequence[float]], baseline: Sequence[Sequence[float]]
) -> LatencyRatio | None:
    """How many times the baseline's quantile the candidate's is, from turns taken in pairs.

    Latencies within a turn depend on each other and on what else the machine did, so that a pair of turns
    is one observation: its log ratio of the quantiles; the interval is Student's for their mean (the method
    of batch means: Law, "Simulation Modeling and Analysis", section 9.5.3). ``None`` where turns hold too
    few answers for the quantile, or so many requests without one that it has no end.
    """
    fewest = min((len(turn) for turn in (*candidate, *baseline)), default=0)
    if fewest * (1 - share) < 1 or fewest < _FEWEST_ANSWERS:
        return None
    pairs = [
        (quantile(one, share), quantile(other, share)) for one, other in zip(candidate, baseline, strict=True)
    ]
    if not all(math.isfinite(seconds) for pair in pairs for seconds in pair):
        return None
    logs = [math.log(one / other) for one, other in pairs]
    count = len(logs)
    mean = sum(logs) / count
    deviation = math.sqrt(sum((log - mean) ** 2 for log in logs) / (count - 1))
    width = t_quantile(_CONFIDENCE, count - 1) * deviation / math.sqrt(count)
    return LatencyRatio(
        share=share,
        ratio=math.exp(mean),
        lower=math.exp(mean - width),
        upper=math.exp(mean + width),
        confidence=_CONFIDENCE,
        rounds=count,
    )


def _with_interval(ordered: Sequence[float], share: float, requests: int) -> LatencyQuantile:
    rest = (1 - _CONFIDENCE) / 2
    cumulative = binomial_shares(requests, share)
    low = int(np.searchsorted(cumulative, rest))
    high = int(np.searchsorted(cumulative, 1 - rest)) + 1
    return LatencyQuantile(
        share=share,
        seconds=ordered[_place(share, requests)],
        lower=ordered[low - 1] if low >= 1 else None,
        upper=ordered[high - 1] if high <= len(ordered) else None,
        confidence=_CONFIDENCE,
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of all do not exceed (definition 1 of Hyndman and Fan)."""
    return ordered[_place(share, len(ordered))]


def _place(share: float, count: int) -> int:
    return max(0, math.ceil(share * count) - 1)
