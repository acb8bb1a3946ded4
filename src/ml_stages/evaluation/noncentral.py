"""Limits of how far a mean of several normal numbers lies from 0, from the sum of their squares."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

_HALVINGS = 60


def distance_limits(squares: float, freedom: float, confidence: float) -> tuple[float, float]:
    """Lower and upper limit of the root of a noncentrality.

    ``squares`` is the sum of so many squared normal numbers with unit variance, and the noncentrality the
    sum of their squared means: each limit is the one with which as large a sum, or as small a one, is seen in
    half of what the confidence leaves. ``freedom`` need not be whole.
    """
    tail = (1 - confidence) / 2
    return _limit(squares, freedom, 1 - tail), _limit(squares, freedom, tail)


def _limit(squares: float, freedom: float, chance: float) -> float:
    """The distance with which a sum is at most ``squares`` with that chance; 0 where even that is too far."""
    low, high = 0.0, sqrt(squares) + 10 * sqrt(freedom)
    if noncentral_chance(squares, freedom, 0.0) <= chance:
        return 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if noncentral_chance(squares, freedom, middle**2) > chance:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def noncentral_chance(squares: float, freedom: float, noncentrality: float) -> float:
    """The chance that noncentral chi-squared is at most so much: Sankaran, Biometrika 50:199 (1963)."""
    mean, twice = freedom + noncentrality, freedom + 2 * noncentrality
    h = 1 - 2 * mean * (freedom + 3 * noncentrality) / (3 * twice**2)
    p, m = twice / mean**2, (h - 1) * (1 - 3 * h)
    centre = 1 + h * p * (h - 1 - 0.5 * (2 - h) * m * p)
    return NormalDist().cdf(((squares / mean) ** h - centre) / (h * sqrt(2 * p) * (1 + 0.5 * m * p)))
