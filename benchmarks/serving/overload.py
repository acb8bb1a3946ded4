"""Five times the capacity on a bundle's server: `python overload.py BUNDLE [--python PYTHON]`.

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
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import uvloop

from ml_stages.serving.features import FeatureTable
from ml_stages.serving.probing.dialect import Invocations
from ml_stages.serving.probing.latency import quantile
from ml_stages.serving.probing.load import Load, closed_loop, open_loop, request_bytes
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

    calm: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    other: int = 0
    unfinished: int = 0
    late: float = 0.0
    cpu: float = 0.0
    """Processor seconds of the server in the storms."""
    under_way: list[float] = field(default_factory=list)
    """Requests that the server had accepted and not answered, ten times a second."""


def main() -> None:
    options = _options()
    command = [str(options.python), str(options.bundle / "serve"), "--port", "0"]
    with running(command, 60) as started:
        overload(started, request_of(options.bundle), options.rounds, options.seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0)
    return parser.parse_args()


def request_of(bundle: Path) -> bytes:
    """A request for one row that fits the bundle's schema."""
    schema = json.loads((bundle / "schema.json").read_text(encoding="utf-8"))
    row = {feature.name: _VALUES[feature.type] for feature in FeatureTable.from_schema(schema).features}
    return request_bytes("127.0.0.1", "/invocations", Invocations().body([row]))


def overload(started: Started, request: bytes, rounds: int, seconds: float) -> None:
    """Measure and print."""
    host, port = started.target.host, started.target.port
    uvloop.run(closed_loop(host, port, [request], 1, 16))
    capacity = max(
        uvloop.run(closed_loop(host, port, [request], seconds, clients)).statuses[200] / seconds
        for clients in _CLIENTS
    )
    memory, seen = _memory(started.pid), Seen()
    for turn in range(rounds):
        calm = uvloop.run(open_loop(host, port, [request], capacity / 10, seconds, seed=turn))
        seen.calm += calm.latencies()
        before = _cpu(started.pid)
        with _watching(started, seen):
            rate = _TIMES * capacity
            storm = uvloop.run(open_loop(host, port, [request], rate, seconds, _CONNECTIONS, turn))
        seen.cpu += _cpu(started.pid) - before
        _add(seen, storm)
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


def _add(seen: Seen, storm: Load) -> None:
    seen.accepted += storm.latencies()
    seen.refused += storm.latencies(503)
    seen.other += len(storm.samples) - storm.statuses[200] - storm.statuses[503]
    seen.unfinished += storm.unfinished
    seen.late = max(seen.late, storm.late)


def _show(seen: Seen, capacity: float, seconds: float, grown: float) -> None:
    print(f"capacity {capacity:.0f} a second, {_TIMES} times that due for {seconds:g} s over {_CONNECTIONS}")
    print(f"connections; load of the machine {os.getloadavg()[0]:.1f}")
    print("| | requests | p50 | p95 | p99 |\n|---|---|---|---|---|")
    groups = {"unloaded": seen.calm, "accepted": seen.accepted, "refused": seen.refused}
    found = {name: _quantiles(sorted(values)) for name, values in groups.items()}
    for name, values in found.items():
        cells = " | ".join(f"{value * 1e3:.1f} ms" for value in values)
        print(f"| {name} | {len(groups[name])} | {cells} |")
    ratios = [one / other for one, other in zip(found["accepted"], found["unloaded"], strict=True)]
    print(f"accepted to unloaded: p50 {ratios[0]:.1f}, p95 {ratios[1]:.1f}, p99 {ratios[2]:.1f} times")
    print(f"accepted {len(seen.accepted) / seconds:.0f} a second")
    queue = sorted(seen.under_way)
    print(f"under way {quantile(queue, 0.5):.0f} in the median, {queue[-1]:.0f} at most")
    print(f"the server took {seen.cpu / seconds:.2f} processors")
    print(f"unanswered {seen.unfinished}, other answers {seen.other}; memory grew by {grown:.1f} MiB")
    print(f"the generator was at most {seen.late * 1e3:.0f} ms late")


def _quantiles(ordered: list[float]) -> list[float]:
    return [quantile(ordered, share) if ordered else float("nan") for share in (0.5, 0.95, 0.99)]


def _processes(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _memory(pid: int) -> float:
    return float(sum(one.memory_info().rss for one in _processes(pid)))


def _cpu(pid: int) -> float:
    return float(sum(sum(one.cpu_times()[:2]) for one in _processes(pid)))


if __name__ == "__main__":
    main()
