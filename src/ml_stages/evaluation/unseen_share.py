"""What may be there though not one of it was drawn.

A sample without a single row of a kind looks the same, whether that kind is rare or there is none. No method
can tell, so that an interval that covers has to reach as far as such rows would move the number: with 25 rows
and 5 % of errors allowed, 11 % of rows of the kind (the rule of three, Hanley and Lippman-Hand, JAMA 249:1743
(1983)). Clopper and Pearson's bound of no hits is the same.
"""

from __future__ import annotations

_POWER = 4
"""Of :func:`beside`: with 2 intervals were up to 9 % wider, with more the truth was missed too often where
much varies. Chosen by simulation."""


def unseen_share(drawn: float, error: float) -> float:
    """The largest share of which none among so many is drawn with a chance of at least ``error``."""
    return float(1 - error ** (1 / drawn))


def reaching(value: float, bounds: tuple[float, float], unseen: tuple[float, float]) -> tuple[float, float]:
    """Bounds that leave room for what was not seen, by how far that may move the value down and up."""
    (lower, upper), (less, more) = bounds, unseen
    return value - beside(value - lower, less), value + beside(upper - value, more)


def beside(half: float, unseen: float) -> float:
    """A half-width for what was seen, and a distance for what was not.

    Hardly more than the larger of the two: that both happen together is rarer than either.
    """
    larger, smaller = max(half, unseen), min(half, unseen)
    return float(larger * (1 + (smaller / larger) ** _POWER) ** (1 / _POWER)) if larger else 0.0
