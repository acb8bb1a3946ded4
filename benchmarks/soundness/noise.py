"""Wrong labels: harm by the margin on labels of which some are flipped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_stages.evaluation.proportions import tango

ROWS = 500


@dataclass(frozen=True)
class Noise:
    """Shares of draws in which a candidate that is worse by exactly the margin passes."""

    wrong: float
    gained: float
    lost: float
    plain: float
    widened: float


def noisy(wrong: float, gained: float, lost: float, draws: int, rng: np.random.Generator) -> Noise:
    """Accuracy of two classes on 500 rows; a flipped label turns a gain into a loss."""
    tables = rng.multinomial(ROWS, [gained, lost, 1 - gained - lost], size=draws)
    away, back = rng.binomial(tables[:, 0], wrong), rng.binomial(tables[:, 1], wrong)
    lower, _ = tango(tables[:, 0] - away + back, tables[:, 1] - back + away, ROWS, 0.95)
    widened = np.minimum(lower, lower / (1 - 2 * wrong))
    harm = gained - lost
    return Noise(wrong, gained, lost, float(np.mean(lower > harm)), float(np.mean(widened > harm)))
