"""How often the paired comparison of two rankings errs, beside DeLong's interval alone."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ml_stages.evaluation.influence import half_widths, spread
from ml_stages.evaluation.ranking import Ranking

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class RankingErrors:
    """Shares of draws in which the true difference lies outside, on either side."""

    name: str
    rows: int
    positives: int
    ours_pass: float
    ours_block: float
    delong_pass: float
    delong_block: float
    ours_width: float
    delong_width: float


def compare(
    name: str, size: tuple[int, int], lost: float, draws: int, rng: np.random.Generator
) -> RankingErrors:
    """Two rankings with an AUC near 0.9; the candidate drops ``lost`` positives to the bottom on average."""
    rows, positives = size
    positive = np.arange(rows) < positives
    noise = 0.0 if lost else 0.4
    auc = NormalDist().cdf(1.8 / (2 * (1 + noise**2)) ** 0.5)
    true = -lost / positives * auc
    found = np.zeros(6)
    for _ in range(draws):
        score = 1.8 * positive + rng.normal(size=rows)
        one, other = (score + noise * rng.normal(size=rows) for _ in range(2))
        one = np.where(positive & (rng.random(rows) < lost / positives), -9 - rng.random(rows), one)
        first, second = Ranking(one, positive).roc_auc, Ranking(other, positive).roc_auc
        value, influence = first.value - second.value, first.influence - second.influence
        below, above = half_widths(spread(influence, 1 / positives), CONFIDENCE)
        plain = _Z * float(influence @ influence) ** 0.5
        found += [
            value - below > true, value + above < true, value - plain > true, value + plain < true,
            below + above, 2 * plain,
        ]  # fmt: skip
    return RankingErrors(name, rows, positives, *(float(share) for share in found / draws))
