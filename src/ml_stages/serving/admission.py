"""Which requests are accepted: those that can be answered soon; the others hear so at once.

A server that queues whatever comes answers nobody in time once more comes than it can do. Here a request
is accepted when it will be answered within about three times what it takes on an idle server: the call
that runs, and one call for all that wait. Else it is refused with 503 and ``Retry-After``, before its body
is read.
"""

from __future__ import annotations

from ml_stages.serving.cost import Cost
from ml_stages.serving.metrics import Metrics

INLINE_SECONDS = 0.005
"""Calls up to this long run on the event loop: a thread would cost more than it gives."""
_SLACK_SECONDS = 0.001
_LEAST, _MOST = 20, 4096
"""The fewest and the most that may be under way: a handful of clients is no overload for any model."""
_SETTLED = 16
"""Calls after which the limits are looked at only every so many calls."""


class Admission:
    """Counts the requests under way, and knows how many may be."""

    def __init__(self, cost: Cost, metrics: Metrics, max_wait: float | None = None) -> None:
        self._cost = cost
        self._metrics = metrics
        self._max_wait = max_wait
        self._under_way = 0
        self._calls = 0
        self._request_rows = 1.0
        self._limit = _LEAST
        self.batch = _LEAST
        """Requests that one call of the model may answer together."""

    def is_full(self) -> bool:
        """Whether the next request must be refused."""
        return self._under_way >= self._limit

    def enter(self) -> None:
        """A request was accepted."""
        self._under_way += 1
        self._metrics.add("in_flight")

    def leave(self) -> None:
        """A request was answered, whatever the answer."""
        self._under_way -= 1
        self._metrics.add("in_flight", -1)

    def saw(self, requests: int, rows: int, seconds: float) -> None:
        """One call of the model ended: adjust the limits."""
        self._cost.learn(rows, seconds)
        self._calls += 1
        if self._calls > _SETTLED and self._calls % _SETTLED:
            return  # what is known changes slowly, and this is done for every call
        self._request_rows += 0.1 * (rows / requests - self._request_rows)
        self.batch = self._fitting()
        running = 0 if self.is_inline(self.batch * self._request_rows) else self.batch
        self._limit = max(_LEAST, min(running + self._waiting(), _MOST))

    def is_inline(self, rows: float) -> bool:
        """Whether a call with so many rows is so short that it may hold the event loop."""
        return self._cost.is_known and self._cost.of(rows) <= INLINE_SECONDS

    def _fitting(self) -> int:
        """The most requests whose joint call takes at most half as long again as that of one.

        A request waits at most for one such call before its own: three times what it takes alone. Those
        that are accepted in any case share a call too, where that saves at least a third of each.
        """
        alone = self._cost.of_requests(1, self._request_rows)
        fixed = self._cost.of_requests(0, self._request_rows)
        limit = 1.5 * alone + _SLACK_SECONDS
        fitting = max(1, min(int((limit - fixed) / max(alone - fixed, 1e-9)), _MOST))
        return max(fitting, _LEAST) if fixed >= alone / 3 else fitting

    def _waiting(self) -> int:
        """How many may wait for the call after the one that runs."""
        if self._max_wait is None:
            return self.batch
        call = self._cost.of_requests(self.batch, self._request_rows)
        return max(1, int(self._max_wait / max(call, 1e-9)) * self.batch)
