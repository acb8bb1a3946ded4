"""Which requests are accepted: those that can be answered soon; the others hear so at once.

A server that queues whatever comes answers nobody in time once more comes than it can do. Two limits on the
requests under way, both from what calls of the model cost:

- Ordinarily a handful of clients is never refused, whatever the model costs: sixteen that wait for their
  answers are no overload, they only share.
- Under overload, when much more comes than is answered, a request is accepted only if it will be answered
  within about three times what it takes on an idle server: the call that runs, and one call for all that
  wait. Those that the machine held up longer are refused instead of being answered late.

What is refused gets 503 and ``Retry-After``, before its body is read where that is possible.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sized

from ml_stages.serving.cost import Cost
from ml_stages.serving.fault import RequestFault
from ml_stages.serving.metrics import Metrics

INLINE_SECONDS = 0.005
"""Calls up to this long run on the event loop: a thread would cost more than it gives."""
_INLINE_OVERLOADED = 0.02
_BUSY_REFUSING = 1000.0
"""The same while so many a second are refused: a thread and the loop take the interpreter from each other."""
_SLACK_SECONDS = 0.001
_LEAST, _MOST = 20, 4096
"""The fewest and the most that may be under way ordinarily."""
_BURST_SECONDS = 0.01
"""What is answered within this is no overload either: so much comes at once after a pause of the machine."""
_MOST_SHARED = 4.0
"""A call that is shared may take as long as so many others: what runs when a storm begins must end first."""
_SETTLED = 16
"""Calls after which the limits are looked at only every so many calls."""
_WINDOW_SECONDS = 0.5
_BEGINS, _ENDS = 0.5, 0.2
"""Refused for each that is accepted, from which on it is an overload, and below which it is none any more."""
_LEAST_INLINE = 2
"""Accepted in one turn of the event loop under overload: with a single one, many are refused by bad luck."""
_LOOKED_AT, _LATE_SHARE, _LEAST_CAUTION = 64, 0.05, 0.02
"""How often it is looked whether answers came in time, how many may not, and how small batches get for it."""
_FEWEST_REFUSED = 20
"""More refused than `_BEGINS` of the accepted by so many is an overload, and no mere burst.

A sum that never falls below 0 sees a change at once, however calm it was before (CUSUM; Page, "Continuous
Inspection Schemes", Biometrika 1954).
"""


def overload_fault() -> RequestFault:
    """What a request that is refused hears."""
    message = "more requests than the model can answer in time; try again later"
    return RequestFault(503, "overloaded", message, headers=((b"retry-after", b"1"),))


class Admission:
    """Counts the requests under way, and knows how many may be."""

    def __init__(
        self,
        cost: Cost,
        metrics: Metrics,
        max_wait: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cost = cost
        self._metrics = metrics
        self._max_wait = max_wait
        self._clock = clock
        self._under_way = 0
        self._calls = 0
        self._largest = 1.0
        self._request_rows = 1.0
        self._accepted = self._refused = 0
        self._pressure = 0.0
        self._pressed_since = self._window = clock()
        self._refused_a_second = 0.0
        self._answered = self._late = 0
        self._in_time = float("inf")
        self._caution = 1.0
        self._inline_rows = self._strict_inline_rows = -1.0
        self._ordinary = self._strict = _LEAST
        self._ordinary_batch = self._strict_batch = _LEAST
        self.is_overloaded = False
        self.connections: Sized = range(_MOST)
        """Those that are open: each has one request under way at most."""
        self.expected = 0
        """Requests that were read and will be accepted in this turn of the event loop."""
        self.patience = float("inf")
        """Seconds after which a request that still waits is refused under overload."""

    @property
    def batch(self) -> int:
        """Requests that one call of the model may answer together."""
        return self._strict_batch if self.is_overloaded else self._ordinary_batch

    def is_full(self) -> bool:
        """Whether the next request must be refused."""
        if self.is_overloaded and len(self.connections) <= _LEAST:
            self._end_overload()
        return self._under_way + self.expected >= (self._strict if self.is_overloaded else self._ordinary)

    def forget_expected(self) -> None:
        """Those that were read are accepted now, and counted as that."""
        self.expected = 0

    def enter(self) -> None:
        """A request was accepted."""
        self._under_way += 1
        self._accepted += 1
        if self._pressure:
            self._pressure = max(0.0, self._pressure - _BEGINS)
        self._metrics.add("in_flight")

    def leave(self, seconds: float = 0.0) -> None:
        """A request was answered, whatever the answer, so many seconds after it was accepted."""
        self._under_way -= 1
        self._metrics.add("in_flight", -1)
        self._answered += 1
        self._late += self.is_overloaded and seconds > self._in_time and self._under_way >= _LEAST
        if self._answered >= _LOOKED_AT:
            self._look_back()

    def refuse(self, count: int = 1) -> None:
        """Requests were refused: many of them are an overload."""
        self._refused += count
        if not self._pressure:
            self._pressed_since = self._clock()
        self._pressure += count
        if not self.is_overloaded and self._pressure >= _FEWEST_REFUSED:
            a_second = self._pressure / max(self._clock() - self._pressed_since, 1e-6)
            self._end_window()
            self.is_overloaded = self._max_wait is None
            self._refused_a_second = a_second
            self._set_limits()

    def saw(self, requests: int, rows: int, seconds: float) -> None:
        """One call of the model ended: adjust the limits."""
        self._cost.learn(rows, seconds)
        self._calls += 1
        has_grown = requests > self._largest
        if self._calls > _SETTLED and self._calls % _SETTLED and not has_grown:
            return  # what is known changes slowly, and this is done for every call
        self._largest = max(requests, 0.9 * self._largest)
        self._request_rows += 0.1 * (rows / requests - self._request_rows)
        self._end_window()
        self._set_limits()

    def is_inline(self, rows: float) -> bool:
        """Whether a call with so many rows is so short that it may hold the event loop."""
        return rows <= (self._strict_inline_rows if self.is_overloaded else self._inline_rows)

    @property
    def turn_seconds(self) -> float:
        """How long a call holds the event loop under overload; 0 where a thread runs it."""
        rows = self._strict_batch * self._request_rows
        return self._cost.of(rows) if rows <= self._strict_inline_rows else 0.0

    def _look_back(self) -> None:
        """Whether what was accepted was answered in time: what the model's calls cost is not all there is."""
        if self._late > _LATE_SHARE * self._answered:
            self._caution = max(_LEAST_CAUTION, 0.7 * self._caution)
            self._set_limits()
        elif not self._late:
            self._caution = min(1.0, 1.05 * self._caution)
        self._answered = self._late = 0

    def _end_window(self) -> None:
        """Twice a second: whether the overload is over."""
        now = self._clock()
        if now - self._window < _WINDOW_SECONDS:
            return
        self._refused_a_second = self._refused / (now - self._window)
        self.is_overloaded = self.is_overloaded and self._refused >= _ENDS * self._accepted
        self._accepted = self._refused = 0
        self._pressure = 0.0
        self._window = now

    def _end_overload(self) -> None:
        """A handful is none: two clients that ask again at once when they are refused would stay one."""
        self.is_overloaded = False
        self._refused_a_second = self._pressure = 0.0
        self._accepted = self._refused = 0
        self._window = self._clock()
        self._set_limits()

    def _set_limits(self) -> None:
        alone = self._cost.of_requests(1, self._request_rows)
        fixed = self._cost.of_requests(0, self._request_rows)
        self._inline_rows = self._cost.rows_within(INLINE_SECONDS)
        longest = _INLINE_OVERLOADED if self._refused_a_second >= _BUSY_REFUSING else INLINE_SECONDS
        self._strict_inline_rows = self._cost.rows_within(longest)
        # At most half as long again as one alone: with the call before it three times what one takes.
        most_seconds = 1.5 * alone + _SLACK_SECONDS
        fitting = self._fitting(most_seconds, alone, fixed)
        # Two calls, and how unequal they are.
        self._in_time = 2.6 * most_seconds if self._cost.is_known else float("inf")
        # Those that are accepted in any case share a call, where that saves at least a third of each.
        shared = max(_MOST_SHARED * alone, _BURST_SECONDS)
        sharing = min(_LEAST, self._fitting(shared, alone, fixed)) if fixed >= alone / 3 else 1
        self._ordinary_batch = max(fitting, sharing)
        together = self._cost.of_requests(self._ordinary_batch, self._request_rows)
        burst = min(int(_BURST_SECONDS / max(together / self._ordinary_batch, 1e-9)), _MOST)
        self._ordinary = max(_LEAST, burst, self._room(self._ordinary_batch, self._inline_rows))
        is_inline = self._request_rows <= self._strict_inline_rows
        # On the event loop a request waits for the loop's turns, however short the calls are.
        self.patience = self._in_time if is_inline or not self._cost.is_known else most_seconds
        # How much larger batches gain is a guess; under overload it is tried in steps.
        strictly = self._fitting(most_seconds - _SLACK_SECONDS * is_inline, alone, fixed)
        self._strict_batch = max(1, min(strictly, int(2 * self._largest)))
        least = min(_LEAST_INLINE, fitting) if is_inline else 1
        self._strict = max(least, self._room(self._strict_batch, self._strict_inline_rows))

    def _fitting(self, seconds: float, alone: float, fixed: float) -> int:
        """Requests that one call of so many seconds answers."""
        fitting = min(int((seconds - fixed) / max(alone - fixed, 1e-9)), _MOST)
        return max(1, int(self._caution * max(1, fitting)))

    def _room(self, batch: int, inline_rows: float) -> int:
        """How many may be under way: the call that runs, and those that wait for the next."""
        running = 0 if batch * self._request_rows <= inline_rows else batch
        return min(running + self._waiting(batch), _MOST)

    def _waiting(self, batch: int) -> int:
        if self._max_wait is None:
            return batch
        call = self._cost.of_requests(batch, self._request_rows)
        return max(1, int(self._max_wait / max(call, 1e-9)) * batch)
