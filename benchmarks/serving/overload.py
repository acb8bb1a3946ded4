"""Five times the capacity on a server: `python overload.py BUNDLE [--python PYTHON] [--apart] [--first]`.

PYTHON has the model's dependencies. The server is asked calmly and stormily in turns, so that whatever else
the machine does falls on both; the ratio of their 99th percentiles is what must stay below 3. See README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from storm import Storm, closed, storm

from ml_stages.serving.features import FeatureTable
from ml_stages.serving.probing.dialect import Invocations
from ml_stages.serving.probing.latency import quantile
from ml_stages.serving.probing.load import request_bytes
from ml_stages.serving.probing.server import Started, running

_VALUES = {"int": 2, "float": 0.5, "bool": True, "string": "no", "date": "2024-01-31"}
_TIMES = 5
_CLIENTS = (16, 64, 128)
"""The capacity is what any number of clients, each waiting for its answer, gets at most."""
_CONNECTIONS = 512
"""Enough that no due request waits for a connection: the queue must be the server's, not the generator's."""


@dataclass
class Seen:
    """What calm and storm saw together."""

    calm: Storm = field(default_factory=Storm)
    stormy: Storm = field(default_factory=Storm)
    cpu: float = 0.0
    """Processor seconds of the server in the storms."""
    under_way: list[float] = field(default_factory=list)
    """Requests that the server had accepted and not answered, ten times a second."""


def main() -> None:
    options = _options()
    command = [str(options.python), str(options.bundle / "serve"), "--port", "0"]
    if options.apart:
        os.sched_setaffinity(0, {0})  # the server inherits it
    with running(command, 60) as started:
        if options.apart:
            os.sched_setaffinity(0, {1})
        with _first(started.pid) if options.first else nullcontext():
            overload(started, request_of(options.bundle), options.rounds, options.seconds)


@contextmanager
def _first(server: int) -> Iterator[None]:
    """Server and generator run before all else, and are ordinary processes again before they end.

    A process that ends with such a priority can keep its processor busy for minutes in the kernel.
    """
    pids = [os.getpid(), *(thread.id for one in _processes(server) for thread in one.threads())]
    try:
        for pid in pids:
            os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
        yield
    finally:
        for pid in pids:
            os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument(
        "--apart",
        action="store_true",
        help="a processor for the server and another for the generator",
    )
    parser.add_argument(
        "--first", action="store_true", help="both before everything else that runs (needs root)"
    )
    return parser.parse_args()


def request_of(bundle: Path) -> bytes:
    """A request for one row that fits the bundle's schema."""
    schema = json.loads((bundle / "schema.json").read_text(encoding="utf-8"))
    row = {feature.name: _VALUES[feature.type] for feature in FeatureTable.from_schema(schema).features}
    return request_bytes("127.0.0.1", "/invocations", Invocations().body([row]))


def overload(started: Started, request: bytes, rounds: int, seconds: float) -> None:
    """Measure and print."""
    address = (started.target.host, started.target.port)
    closed(address, request, 1.0, 16)
    capacity = max(closed(address, request, seconds, clients).statuses[200] / seconds for clients in _CLIENTS)
    memory, seen = _memory(started.pid), Seen()
    for turn in range(rounds):
        _add(seen.calm, storm(address, request, capacity / 10, seconds, _CONNECTIONS, turn))
        before = _cpu(started.pid)
        with _watching(started, seen):
            _add(seen.stormy, storm(address, request, _TIMES * capacity, seconds, _CONNECTIONS, turn))
        seen.cpu += _cpu(started.pid) - before
    _show(seen, capacity, rounds * seconds, (_memory(started.pid) - memory) / 2**20)


@contextmanager
def _watching(started: Started, seen: Seen) -> Iterator[None]:
    """Ask the server's metrics in a thread meanwhile."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            text = started.target.ask("GET", "/metrics").body.decode()
            line = next(line for line in text.splitlines() if line.startswith("ml_in_flight "))
            seen.under_way.append(float(line.split()[-1]))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _add(total: Storm, one: Storm) -> None:
    for status in one.from_due:
        total.from_due.setdefault(status, []).extend(one.from_due[status])
        total.from_sent.setdefault(status, []).extend(one.from_sent[status])
    total.late += one.late
    total.unanswered += one.unanswered
    total.lost += one.lost


def _show(seen: Seen, capacity: float, seconds: float, grown: float) -> None:
    print(f"capacity {capacity:.0f} a second, {_TIMES} times that due for {seconds:g} s over {_CONNECTIONS}")
    print(f"connections; load of the machine {os.getloadavg()[0]:.1f}")
    print("| | requests | p50 | p95 | p99 | p99 from when it was sent |\n|---|---|---|---|---|---|")
    unloaded = _row("unloaded", seen.calm, 200)
    accepted = _row("accepted", seen.stormy, 200)
    _row("refused", seen.stormy, 503)
    ratios = [one / other for one, other in zip(accepted, unloaded, strict=True)]
    p50, p95, p99, sent = (f"{one:.1f}" for one in ratios)
    print(f"accepted to unloaded: p50 {p50}, p95 {p95}, p99 {p99} times; {sent} from when it was sent")
    print(f"accepted {seen.stormy.statuses[200] / seconds:.0f} a second; other answers {_others(seen)}")
    queue = sorted(seen.under_way)
    print(f"under way {quantile(queue, 0.5):.0f} in the median, {queue[-1]:.0f} at most")
    print(f"the server took {seen.cpu / seconds:.2f} processors, memory grew by {grown:.1f} MiB")
    print(f"unanswered {seen.stormy.unanswered}, connections lost {seen.stormy.lost}")
    late = sorted(seen.stormy.late)
    print(f"sent late: p50 {quantile(late, 0.5) * 1e3:.2f} ms, p99 {quantile(late, 0.99) * 1e3:.2f} ms")


def _row(name: str, load: Storm, status: int) -> list[float]:
    ordered = sorted(load.from_due.get(status, []))
    sent = sorted(load.from_sent.get(status, []))
    found = [quantile(ordered, share) if ordered else float("nan") for share in (0.5, 0.95, 0.99)]
    found.append(quantile(sent, 0.99) if sent else float("nan"))
    print(f"| {name} | {len(ordered)} | " + " | ".join(f"{value * 1e3:.2f} ms" for value in found) + " |")
    return found


def _others(seen: Seen) -> dict[int, int]:
    counts = seen.calm.statuses + seen.stormy.statuses
    return {status: count for status, count in counts.items() if status not in {200, 503}}


def _processes(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _memory(pid: int) -> float:
    return float(sum(one.memory_info().rss for one in _processes(pid)))


def _cpu(pid: int) -> float:
    return float(sum(sum(one.cpu_times()[:2]) for one in _processes(pid)))


if __name__ == "__main__":
    main()
