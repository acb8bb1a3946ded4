"""Exact tests of one accuracy and of a paired difference, at errors of any size.

A sealed holdout that is read 32 times needs errors near 1e-12, where no approximation and no
simulation is known to hold. Both tests hold at every error and every number of rows.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, betainccinv

from ml_stages.sealed.holdout_size import paired_excess

_SHARES = 41
_FOR_THE_NUISANCE = 0.1
"""Part of the error that pays for not knowing how many rows are discordant."""


def proven_above(hits: int, rows: int, bound: float, error: float) -> bool:
    """Whether a share above ``bound`` is proven: so many hits have at most a chance ``error`` at it.

    The test of Clopper and Pearson, Biometrika 26:404 (1934), one-sided.
    """
    return hits > 0 and rows > 0 and float(betainc(hits, rows - hits + 1, bound)) <= error


def proven_not_worse(gained: int, lost: int, rows: int, margin: float, error: float) -> bool:
    """Whether a loss of less than ``margin`` is proven, of ``rows`` judged by both models.

    The largest chance of as good a difference under any share of discordant rows that these rows do
    not rule out: Berger and Boos, J. Am. Stat. Assoc. 89:1012 (1994).
    """
    if rows == 0 or gained - lost <= -margin * rows:
        return False
    discordant = gained + lost
    ruled_out = error * _FOR_THE_NUISANCE
    most = 1.0 if discordant == rows else float(betainccinv(discordant + 1, rows - discordant, ruled_out))
    shares = np.linspace(margin, max(most, margin), _SHARES)[int(margin == 0) :]
    worst = max(_chance(gained - lost, rows, float(share), margin) for share in shares)
    return worst + ruled_out <= error


def _chance(difference: int, rows: int, discordance: float, margin: float) -> float:
    """P(gains - losses >= difference) where the loss is exactly the margin."""
    gain_share = (discordance - margin) / (2 * discordance)
    return paired_excess(rows, discordance, gain_share, difference - 0.5)
