"""The exact interval of a share, by the standard library alone.

Clopper and Pearson, Biometrika 26:404 (1934): every share that a binomial test of either side does not
reject. It covers at least what it promises for every number of rows and every share. Wilson's interval is
narrower, by 11 % at 25 rows and 2 % at 1,000, and covers 88 to 94 % where few rows are on one side.
"""

from __future__ import annotations

from math import exp, log, log1p, sqrt
from statistics import NormalDist

_SUMMED = 100
_STEPS = 100
_CLOSE = 1e-10


def clopper_pearson(hits: float, rows: float, confidence: float) -> tuple[float, float]:
    """Lower and upper bound of a share that is seen on ``hits`` of ``rows``, of which there is at least one.

    With more than 100 rows on both sides by the Paulson-Camp-Pratt approximation (Blyth, J. Am. Stat. Assoc.
    81:843 (1986)), which there differs by 0.005 % of the width at 95 %, and by 0.06 % at 99.99 %.
    """
    if 2 * hits > rows:
        lower, upper = clopper_pearson(rows - hits, rows, confidence)
        return 1 - upper, 1 - lower
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    lower, upper = 1 - nearly_upper(rows - hits, hits, z) if hits else 0.0, nearly_upper(hits, rows - hits, z)
    if hits > _SUMMED:
        return lower, upper
    tail, seen = (1 - confidence) / 2, hits / rows
    exact = 0.0 if hits == 0 else _share_with(hits - 1, rows, 1 - tail, (0.0, seen), lower)
    return exact, _share_with(hits, rows, tail, (seen, 1.0), upper)


def _share_with(most: float, rows: float, chance: float, within: tuple[float, float], near: float) -> float:
    """The share with which at most so many hits have the given chance."""
    ways = sum(log((rows - one) / (one + 1)) for one in range(int(most)))
    low, high = within
    share = near if low < near < high else (low + high) / 2
    for _ in range(_STEPS):
        found, slope = _at_most(most, rows, share, ways)
        low, high = (share, high) if found > chance else (low, share)
        following = share + (found - chance) / slope if slope else low
        if not low < following < high:  # Newton's step leaves the bounds
            following = (low + high) / 2
        if abs(following - share) <= _CLOSE * share:
            break
        share = following
    return share


def _at_most(most: float, rows: float, share: float, ways: float) -> tuple[float, float]:
    """The chance of at most so many hits, and by how much it falls as the share grows.

    ``ways`` is the logarithm of the number of ways in which just so many rows can be hits.
    """
    last = exp(ways + most * log(share) + (rows - most) * log1p(-share))
    total = term = last
    odds = (1 - share) / share
    for hits in range(int(most), 0, -1):
        term *= hits / (rows - hits + 1) * odds
        total += term
    return total, last * (rows - most) / (1 - share)


def nearly_upper(hits: float, misses: float, z: float) -> float:
    """The approximate upper bound, of fractions too; 0 where few hits and a great ``z`` leave none.

    By the approximation of Paulson, Camp and Pratt. With half a miss or less it is 1.
    """
    rows, more = hits + misses, hits + 1
    root = sqrt(max(9 * more * misses * (9 * rows + 5 - z * z) + rows + 1, 0))
    below = 81 * more**2 - 9 * more * (2 + z * z) + 1
    if below <= 0:
        return 0.0
    cube = (81 * more * misses - 9 * rows - 8 - 3 * z * root) / below
    return 1 / (1 + (more / misses) ** 2 * cube**3) if cube > 0 else 1.0
