"""Counters of the server, shared by its workers, as Prometheus text.

Every worker writes to a part of one shared block of memory that its parent made, so that any worker
can answer for all of them, and a worker that was killed takes no count with it. The format is
Prometheus' text exposition format 0.0.4.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Mapping, Sequence

STATUSES = (200, 400, 404, 405, 408, 411, 413, 415, 422, 429, 500, 503)
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency histogram, in seconds."""

_COUNTERS: dict[str, str] = {
    "rows": "Rows that were predicted.",
    "batches": "Calls of the model.",
    "restarts": "Workers that ended unasked and were started again.",
    "log_failures": "Predictions that could not be written to the prediction log.",
}
_GAUGES: dict[str, str] = {
    "in_flight": "Requests being answered.",
    "load_seconds": "How long the model took to load.",
}
_NAMES: tuple[str, ...] = (
    *(f"status_{status}" for status in STATUSES),
    *(f"bucket_{bound}" for bound in (*BUCKETS, "inf")),
    "seconds",
    *_COUNTERS,
    *_GAUGES,
)
_INDEX = {name: index for index, name in enumerate(_NAMES)}
_CELL = 8


class MetricsMemory:
    """The block that all workers share; made before the first of them starts."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._block = memoryview(mmap.mmap(-1, workers * len(_NAMES) * _CELL)).cast("d")

    def worker(self, number: int) -> Metrics:
        """The part of one worker."""
        width = len(_NAMES)
        return Metrics(self, self._block[number * width : (number + 1) * width])

    def totals(self) -> dict[str, float]:
        """Every number, summed over the workers."""
        width = len(_NAMES)
        return {
            name: sum(self._block[number * width + index] for number in range(self._workers))
            for name, index in _INDEX.items()
        }


class Metrics:
    """What one worker counts."""

    def __init__(self, memory: MetricsMemory, cells: memoryview[float]) -> None:
        self._memory = memory
        self._cells = cells

    def add(self, name: str, amount: float = 1) -> None:
        """Add to a counter or a gauge."""
        self._cells[_INDEX[name]] += amount

    def put(self, name: str, value: float) -> None:
        """Set a gauge."""
        self._cells[_INDEX[name]] = value

    def answered(self, status: int, seconds: float) -> None:
        """Count one scoring request by its status and its latency."""
        cells = self._cells
        cells[_INDEX.get(f"status_{status}", _INDEX["status_500"])] += 1
        cells[_FIRST_BUCKET + bisect_left(BUCKETS, seconds)] += 1
        cells[_SECONDS] += seconds

    def refused(self, count: int) -> None:
        """Count scoring requests that were refused unread."""
        self._cells[_REFUSED] += count
        self._cells[_FIRST_BUCKET] += count

    def text(self, info: Mapping[str, str]) -> str:
        """All workers' numbers in Prometheus' text format; ``info`` are labels of the model."""
        return render(self._memory.totals(), info)


_FIRST_BUCKET = _INDEX[f"bucket_{BUCKETS[0]}"]
_SECONDS = _INDEX["seconds"]
_REFUSED = _INDEX["status_503"]


def render(totals: Mapping[str, float], info: Mapping[str, str]) -> str:
    """Prometheus text for the numbers."""
    labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in info.items())
    lines = [
        *_head("ml_model_info", "gauge", "The model that answers."),
        f"ml_model_info{{{labels}}} 1",
        *_head("ml_requests_total", "counter", "Scoring requests by status."),
        *(f'ml_requests_total{{status="{status}"}} {totals[f"status_{status}"]:.17g}' for status in STATUSES),
        *_histogram(totals),
    ]
    for name, text in _COUNTERS.items():
        lines += [*_head(f"ml_{name}_total", "counter", text), f"ml_{name}_total {totals[name]:.17g}"]
    for name, text in _GAUGES.items():
        lines += [*_head(f"ml_{name}", "gauge", text), f"ml_{name} {totals[name]:.17g}"]
    return "\n".join([*lines, ""])


def _histogram(totals: Mapping[str, float]) -> Sequence[str]:
    name = "ml_request_seconds"
    lines, count = [*_head(name, "histogram", "Latency of scoring requests.")], 0.0
    for bound in (*BUCKETS, "inf"):
        count += totals[f"bucket_{bound}"]
        shown = "+Inf" if bound == "inf" else f"{bound:g}"
        lines.append(f'{name}_bucket{{le="{shown}"}} {count:.17g}')
    return [*lines, f"{name}_sum {totals['seconds']:.17g}", f"{name}_count {count:.17g}"]


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
