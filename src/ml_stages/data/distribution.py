"""How the values of a column are distributed: numbers by their empirical distribution, others by counts.

Pure definitions; :mod:`ml_stages.data.sample` computes them with Polars, another engine may do the same.
They describe a uniform sample of the rows (all of them up to ``SAMPLE_ROWS``), and say of how many.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from pydantic import BaseModel, ConfigDict

SAMPLE_ROWS = 131_072
"""Rows that are sampled. The share of rows below any value is then off by at most 0.0075, but in one
column of a million (Dvoretzky, Kiefer and Wolfowitz with Massart's constant, 1990)."""
POINTS = 512
"""About as many points has a stored distribution; between two of them lie at most 0.4 % of the rows."""
MOST_VALUES = 5_000
"""Different values up to which all of them are counted; of more, only so many of the most frequent."""

IDENTIFYING = 0.95
"""Share of rows with a value of their own beyond which a column may be one that identifies them."""

HEAVY = 2 / POINTS + 1e-4
"""A greater share between two points lies on the upper one alone: the value before it is a point too."""


class Numbers(BaseModel):
    """An empirical distribution: ``shares[i]`` of the rows have at most the value ``points[i]``."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    rows: int
    """Rows that were counted: sampled and not missing."""
    effective_rows: float
    """Independent rows that would say as much; fewer than ``rows`` where rows come in clusters."""
    points: list[float]
    """Ascending; the first is the smallest value of the sample and the last the greatest."""
    shares: list[float]
    """To nine decimals."""
    complete: bool = True
    """Whether every different value is a point."""

    def share_up_to(self, value: float) -> float:
        """Share of rows with at most this value: exact at the points, linear between thinned ones."""
        after = bisect_right(self.points, value)
        if self.complete or after in (0, len(self.points)):
            return self.shares[after - 1] if after else 0.0
        if self.shares[after] - self.shares[after - 1] > HEAVY:
            return self.shares[after - 1]
        low, high = self.points[after - 1], self.points[after]
        part = (value - low) / (high - low) if high - low < float("inf") else 0.0
        return self.shares[after - 1] + part * (self.shares[after] - self.shares[after - 1])

    def bounds(self, value: float) -> tuple[float, float]:
        """The least and the greatest share of rows that can have at most this value."""
        after = bisect_right(self.points, value)
        least = self.shares[after - 1] if after else 0.0
        known = self.complete or after in (0, len(self.points)) or self.points[after - 1] == value
        return least, least if known else self.shares[after]

    def least_below(self, value: float) -> float:
        """The least share of rows that can have less than this value."""
        after = bisect_left(self.points, value)
        return self.shares[after - 1] if after else 0.0

    def quantile(self, share: float) -> float:
        """The smallest stored value that at least this share of the rows do not exceed."""
        # In whole rows: a stored share is rounded.
        index = bisect_left(self.shares, share * self.rows, key=lambda one: round(one * self.rows))
        return self.points[min(index, len(self.points) - 1)]


class Values(BaseModel):
    """How often each value occurs, most frequent first."""

    model_config = ConfigDict(frozen=True)

    rows: int
    effective_rows: float
    counts: dict[str, int]
    """By the value's text; a fingerprint of it in a sensitive column."""
    others: int = 0
    """Rows whose value is not among ``counts``."""
    other_values: int = 0
    """Different values that are not among ``counts``."""
    once: int = 0
    """Values that occur in one row only."""

    @property
    def complete(self) -> bool:
        return not self.others

    @property
    def unseen_share(self) -> float:
        """Share of further rows that will hold a value not seen so far (Good 1953, after Turing)."""
        return self.once / self.rows if self.rows else 0.0


class Distribution(BaseModel):
    """What the sampled rows of one column hold."""

    model_config = ConfigDict(frozen=True)

    distinct: int
    """Different values among all rows, nulls apart."""
    distinct_error: float
    """Relative standard error of ``distinct``; 0 where it is exact, infinite where there are at least so many
    and nobody asked how many."""
    numbers: Numbers | None = None
    """Of numbers, and of times as seconds since 1970."""
    values: Values | None = None
    """Of texts and booleans, and of integers that are rather codes: with few different values."""
    lengths: Numbers | None = None
    """Lengths of texts in characters."""
