"""Quantiles of the normal and of Student's t distribution, without importing scipy for the usual case."""

from __future__ import annotations

from statistics import NormalDist

_FEW = 30


def normal_quantile(confidence: float) -> float:
    """The two-sided quantile: 1.96 for a confidence of 0.95."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def t_quantile(confidence: float, freedom: int) -> float:
    """The two-sided quantile of Student's t.

    From 30 degrees of freedom on by the expansion of Abramowitz and Stegun, 26.7.5 (relative error
    below 1e-6); below, by scipy, whose import takes longer than most evaluations.
    """
    if freedom < _FEW:
        from scipy.special import stdtrit  # noqa: PLC0415 (0.4 s that only small samples pay)

        return float(stdtrit(freedom, 0.5 + confidence / 2))
    z = normal_quantile(confidence)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / float(freedom) ** (power + 1) for power, term in enumerate(terms))
