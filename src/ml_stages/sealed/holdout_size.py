"""How many rows a holdout needs, so that its verdicts hold with a given reliability.

Exact instead of by Hoeffding's bound: the least number of rows for which, whatever the true shares,
the estimate exceeds the truth by more than the tolerance with at most the error allowed. The setting
is that of ease.ml/ci (Renggli et al., MLSys 2019), whose numbers of rows are 1.1 to 3.7 times these.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaln, xlog1py, xlogy

Floats = NDArray[np.float64]

_MOST_ROWS = 10**9
_SHARES = 15  # differences that are tried at a time on the way to the worst one
_SPREAD = 12.0  # standard deviations of the number of discordant rows that are summed over
_SMALLEST_MASS = 1e-300


def rows_for_accuracy(tolerance: float, error: float) -> int:
    """Rows after which an accuracy, whatever it is, is not overestimated by more than the tolerance."""
    return _least_rows(lambda rows: _worst_excess(rows, tolerance), error)


def rows_for_bound(bound: float, tolerance: float, error: float) -> int:
    """Rows after which an estimate above ``bound + tolerance`` proves an accuracy above ``bound``."""

    def excess(rows: int) -> float:
        least = int(np.floor(rows * (bound + tolerance) + 1e-9)) + 1
        return float(betainc(least, rows - least + 1, bound)) if least <= rows else 0.0

    found = _least_rows(excess, error)
    # Whole counts make waves of up to this length: the last one that is above the error counts.
    wave = ceil(2 / max(1 - bound - tolerance, 1e-3)) + ceil(found * 0.05)
    above = [rows for rows in range(found, found + wave) if excess(rows) > error]
    return above[-1] + 1 if above else found


def rows_for_difference(tolerance: float, error: float, discordance: float = 1.0) -> int:
    """Rows after which a paired difference of accuracies is not overestimated by more than the tolerance.

    ``discordance`` bounds the share of rows on which exactly one of the two models is right.
    """
    if discordance >= 1:  # every row counts +1 or -1: an accuracy on a scale twice as wide
        return rows_for_accuracy(tolerance / 2, error)
    return _least_rows(lambda rows: _worst_paired_excess(rows, tolerance, discordance), error)


def labels_for_difference(rows: int, discordance: float) -> int:
    """Labels that a comparison needs: of the rows on which the models differ, on average."""
    return ceil(rows * discordance)


def _worst_excess(rows: int, tolerance: float) -> float:
    """Find sup over p of P(X / n - p > tolerance): just below the p at which one more count exceeds it."""
    counts = np.arange(int(np.floor(rows * tolerance)) + 1, rows + 1, dtype=np.float64)
    shares = counts / rows - tolerance
    return float(betainc(counts, rows - counts + 1, np.clip(shares, 0, 1)).max(initial=0.0))


def _worst_paired_excess(rows: int, tolerance: float, discordance: float) -> float:
    """The same for gains less losses, when a share ``discordance`` of the rows is one of both.

    For a given difference the chance of it is greatest just below the share of gains at which it stops to
    exceed the tolerance. Over the differences that chance is smooth: searched coarsely, then finely.
    """

    def excess(difference: int) -> float:
        gain_share = min(((difference / rows - tolerance) / discordance + 1) / 2, 1.0)
        return paired_excess(rows, discordance, gain_share, difference - 0.5) if gain_share > 0 else 0.0

    # Beyond the last difference that a share of gains allows, all discordant rows are gains.
    low, high = ceil(rows * (tolerance - discordance)), floor(rows * (tolerance + discordance)) + 1
    while True:
        step = max((high - low) // _SHARES, 1)
        chances = {difference: excess(difference) for difference in range(low, high + 1, step)}
        best = max(chances, key=chances.__getitem__, default=low)
        if step == 1:
            return chances.get(best, 0.0)
        low, high = best - step, best + step


def paired_excess(rows: int, discordance: float, gain_share: float, limit: float) -> float:
    """P(gains - losses > limit) over ``rows`` rows.

    Each is discordant with chance ``discordance``, and a discordant one is a gain with ``gain_share``.
    """
    mean = rows * discordance
    spread = _SPREAD * (mean * (1 - discordance)) ** 0.5 + 20
    discordant = np.arange(max(int(mean - spread), 0), min(int(mean + spread), rows) + 1, dtype=np.float64)
    mass = _binomial_mass(discordant, rows, discordance)
    least = np.floor((limit + discordant) / 2) + 1
    possible = least <= discordant
    certain = least <= 0
    least = np.clip(least, 1, np.maximum(discordant, 1))
    tail = np.where(certain, 1.0, betainc(least, np.maximum(discordant - least + 1, 1e-9), gain_share))
    return float(mass[possible] @ tail[possible])


def _binomial_mass(counts: Floats, rows: int, share: float) -> Floats:
    log = (
        gammaln(rows + 1)
        - gammaln(counts + 1)
        - gammaln(rows - counts + 1)
        + xlogy(counts, share)
        + xlog1py(rows - counts, -share)
    )
    return np.asarray(np.exp(np.maximum(log, np.log(_SMALLEST_MASS))))


def _least_rows(excess: Callable[[int], float], error: float) -> int:
    """The least number of rows at which the excess, which falls with them, is within the error."""
    high = 1
    while excess(high) > error:
        high *= 2
        if high > _MOST_ROWS:
            raise ValueError("more than a billion rows would be needed")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if excess(middle) > error else (low, middle)
    return high
