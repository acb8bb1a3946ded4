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
"""Of what one row alone costs, the part that each further row costs too: the guess before it is known."""
_DISTINCT = 0.04
"""Variance of the calls' sizes, relative to their mean squared, from which on a line through them tells."""
_LEARN, _DOUBT = 0.2, 0.001
"""How quickly the share is learned, and how slowly doubted while all calls are of one size."""
_OUTLIER = 4.0
_ENOUGH = 8
"""Calls after which the line is good enough to tell an outlier."""
_REQUEST_SECONDS = 150e-6
"""What a request costs besides the model: parsing and answering over HTTP."""


class Cost:
    """Seconds of a call of the model as ``fixed + each * rows``."""

    def __init__(self) -> None:
        self._unlearned = _WARM_UP
        self._share = _GUESSED_SHARE
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
        if self._weight > _ENOUGH and seconds * self._weight > self._seconds:  # else it is none, surely
            seconds = min(seconds, _OUTLIER * self.of(rows))
        self._weight = self._weight * _FORGET + 1
        self._rows = self._rows * _FORGET + rows
        self._seconds = self._seconds * _FORGET + seconds
        self._squares = self._squares * _FORGET + rows * rows
        self._products = self._products * _FORGET + rows * seconds
        self._remember()

    def of(self, rows: float) -> float:
        """Seconds that a call with so many rows will take; 0 before any call."""
        if not self.is_known:
            return 0.0
        fixed, each = self._line()
        return fixed + each * rows

    def rows_within(self, seconds: float) -> float:
        """The most rows that a call of so many seconds answers; -1 before any call."""
        if not self.is_known:
            return -1.0
        fixed, each = self._line()
        return (seconds - fixed) / max(each, 1e-12) if fixed <= seconds else -1.0

    def of_requests(self, requests: float, rows: float) -> float:
        """Seconds of answering requests of ``rows`` rows each in one call."""
        return self.of(requests * rows) + requests * _REQUEST_SECONDS

    def _line(self) -> tuple[float, float]:
        """Both parts, neither below 0.

        Calls of one size say nothing of their parts: then what was learned earlier holds, or the guess that
        most is fixed. A larger batch, which is how the truth is learned, must seem worth trying.
        """
        mean_rows, mean_seconds = self._rows / self._weight, self._seconds / self._weight
        each = self._slope(mean_rows, mean_seconds)
        if each is None:
            alone = mean_seconds / (1 + self._share * (mean_rows - 1))
            each = self._share * alone
        return mean_seconds - each * mean_rows, each

    def _slope(self, mean_rows: float, mean_seconds: float) -> float | None:
        spread = self._squares / self._weight - mean_rows**2
        if spread < _DISTINCT * mean_rows**2:
            return None
        each = (self._products / self._weight - mean_rows * mean_seconds) / spread
        return min(max(each, 0.0), mean_seconds / mean_rows)

    def _remember(self) -> None:
        mean_rows, mean_seconds = self._rows / self._weight, self._seconds / self._weight
        each = self._slope(mean_rows, mean_seconds)
        if each is None:
            self._share += _DOUBT * (_GUESSED_SHARE - self._share)
        elif mean_seconds > 0:
            alone = mean_seconds - each * (mean_rows - 1)
            self._share += _LEARN * (each / alone - self._share)
