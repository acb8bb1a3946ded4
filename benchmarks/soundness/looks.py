"""What looking again with more rows does to the errors of a gate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_stages.evaluation.proportions import tango

_GAINED, _LOST = 0.04, 0.06
_MARGIN = _LOST - _GAINED
_FIRST = 500


@dataclass(frozen=True)
class Looks:
    """Shares of draws in which some look errs; each has 500 rows more than the one before."""

    looks: int
    rows: int
    """At the last look."""
    confidence: float
    false_pass: float
    """A candidate that is worse by exactly the margin passes."""
    false_block: float
    """A candidate that is exactly as good is proven worse (the margin is next to nothing)."""


def looks(count: int, confidence: float, draws: int, rng: np.random.Generator) -> Looks:
    """Accuracy of two models, compared when 500 rows have labels, again with 1,000, and so on."""
    harmful = _bounds((_GAINED, _LOST), count, confidence, draws, rng)
    equal = _bounds((_LOST, _LOST), count, confidence, draws, rng)
    return Looks(
        looks=count,
        rows=_FIRST * count,
        confidence=confidence,
        false_pass=float(np.mean(np.any(harmful[0] > -_MARGIN, axis=0))),
        false_block=float(np.mean(np.any(equal[1] < 0, axis=0))),
    )


def _bounds(
    shares: tuple[float, float], count: int, confidence: float, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    chances = (*shares, 1 - sum(shares))
    new = rng.multinomial(_FIRST, chances, size=(count, draws))
    seen = np.cumsum(new, axis=0)
    rows = _FIRST * np.arange(1, count + 1)[:, None]
    return tango(seen[..., 0], seen[..., 1], rows, confidence)
