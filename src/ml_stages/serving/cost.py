"""What answering costs, learned from every call: a fixed part and a part for each row.

A weighted least-squares line through the calls, where older calls count less (recursive least squares
with exponential forgetting; Ljung, "System Identification", section 11.2).
"""

from __future__ import annotations

_FORGET = 0.95
"""Weight of a call against the one after it: some twenty calls are remembered."""
_WARM_UP = 3
"""Calls that only warm up caches and lazy imports."""
_GUESSED_SHARE = 0.02
_OUTLIER = 4.0
_ENOUGH = 8
"""Calls after which the line is good enough to tell an outlier."""
_REQUEST_SECONDS = 150e-6
"""What a request costs besides the model: parsing and answering over HTTP."""


class Cost:
    """Seconds of a call of the model as ``fixed + each * rows``."""

    def __init__(self) -> None:
        self._unlearned = _WARM_UP
        self._weight = self._rows = self._seconds = self._squares = self._products = 0.0

    @property
    def is_known(self) -> bool:
        """Whether there was any call yet."""
        return self._weight > 0

    def learn(self, rows: int, seconds: float) -> None:
        """Take in one call; the first are left out, and one that was held up counts as no more than slow."""
        if self._unlearned:
            self._unlearned -= 1
            return
        if self._weight > _ENOUGH:
            seconds = min(seconds, _OUTLIER * self.of(rows))
        self._weight = self._weight * _FORGET + 1
        self._rows = self._rows * _FORGET + rows
        self._seconds = self._seconds * _FORGET + seconds
        self._squares = self._squares * _FORGET + rows * rows
        self._products = self._products * _FORGET + rows * seconds

    def of(self, rows: float) -> float:
        """Seconds that a call with so many rows will take; 0 before any call."""
        if not self.is_known:
            return 0.0
        fixed, each = self._line()
        return fixed + each * rows

    def of_requests(self, requests: float, rows: float) -> float:
        """Seconds of answering requests of ``rows`` rows each in one call."""
        return self.of(requests * rows) + requests * _REQUEST_SECONDS

    def _line(self) -> tuple[float, float]:
        """Both parts, neither below 0.

        Without calls of different sizes most is taken to be fixed: a larger batch, which is how the truth
        is learned, must seem worth trying.
        """
        mean_rows, mean_seconds = self._rows / self._weight, self._seconds / self._weight
        spread = self._squares / self._weight - mean_rows**2
        if spread < 0.01 * mean_rows**2:
            each = _GUESSED_SHARE * mean_seconds / mean_rows
            return mean_seconds - each * mean_rows, each
        each = (self._products / self._weight - mean_rows * mean_seconds) / spread
        each = min(max(each, 0.0), mean_seconds / mean_rows)
        return mean_seconds - each * mean_rows, each
