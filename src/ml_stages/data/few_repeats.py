"""How many values differ where nearly all of them do: few rows of a sample repeat one (birthday problem)."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from ml_stages.data.known import Hashes

LEAST = 32_768
"""Values that have to differ before others are taken to differ, too."""
MOST = 65_536
"""Values by which that is told."""
_LOOKED_AT = 16_384
_NORMAL = 1.959964
"""The 97.5 % quantile of the normal distribution."""


def none_twice(hashes: Hashes, values: pl.Series) -> bool:
    """Whether nearly all of some values may differ: no small hash occurs twice, of about ``_LOOKED_AT``.

    What is missing, null or NaN, may well repeat.
    """
    if len(hashes) < LEAST:
        return False
    places = np.flatnonzero(hashes < np.uint64(_LOOKED_AT * (2**64 // len(hashes))))
    there = values[places].is_not_null()
    if values.dtype.is_float():
        there &= values[places].is_not_nan().fill_null(value=False)
    small = np.sort(hashes[places[there.to_numpy()]])
    # Of few values maybe none has a small hash.
    return len(small) > _LOOKED_AT // 2 and not (small[1:] == small[:-1]).any()


def nearly_all(rows: int, sampled: int, repeats: int) -> tuple[int, float]:
    """How many of so many rows' values differ, and the relative standard error of that.

    ``repeats`` of the ``sampled`` rows, drawn from all alike, have a value that another of them has, too. At
    least so many of all rows repeat a value; and at most so many that the chance of seeing that few in the
    sample is 2.5 %: repeats are the harder to see the more they are spread, in the end over pairs of rows, of
    which a sample holds ``(sampled / rows) ** 2``, about as many as a Poisson distribution tells. Half the
    distance, as 1.96 standard errors are, is what is stated; where all rows are sampled, 0.
    """
    if sampled == rows:
        return rows - repeats, 0.0
    pairs = rows * (rows - 1) / max(1, sampled * (sampled - 1))
    return rows - repeats, _upper_limit(repeats) * pairs / rows / _NORMAL


def may_differ(share: float, sampled: int, repeats: int) -> bool:
    """Whether so great a share of all rows' values may differ.

    At most ``1 - share`` of the rows repeat a value of others then. Of a sample no greater part does, but for
    chance: five standard errors of it.
    """
    most = (1 - share) * sampled
    return repeats <= most + 5 * math.sqrt(max(0.0, most))


def _upper_limit(count: int) -> float:
    """The mean of a Poisson distribution below which a count is greater in 97.5 % (Wilson and Hilferty 1931).

    Within 0.7 % of the exact limit.
    """
    degrees = count + 1
    return degrees * (1 - 1 / (9 * degrees) + _NORMAL / (3 * math.sqrt(degrees))) ** 3
