"""Pairs of binary models, as the chances of the eight cells of label, candidate and baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Cells in the order (label, candidate, baseline) = 000, 001, 010, 011, 100, 101, 110, 111.
TRUTH = np.array([0, 0, 0, 0, 1, 1, 1, 1])
CANDIDATE = np.array([0, 0, 1, 1, 0, 0, 1, 1])
BASELINE = np.array([0, 1, 0, 1, 0, 1, 0, 1])


@dataclass(frozen=True)
class Scenario:
    """What is true: how large the holdout is, and how often each cell occurs."""

    name: str
    rows: int
    base_rate: float
    chances: Floats


def f1(weights: Floats, predicted: NDArray[np.int64]) -> Floats:
    """F1 of tables whose last axis is the eight cells; 0 without any positive."""
    hits = weights @ ((TRUTH == 1) & (predicted == 1)).astype(weights.dtype)
    either = weights @ (TRUTH + predicted).astype(weights.dtype)
    return np.divide(2 * hits, either, out=np.zeros_like(hits), where=either > 0)


def accuracy(weights: Floats, predicted: NDArray[np.int64]) -> Floats:
    return np.asarray(weights @ (predicted == TRUTH).astype(weights.dtype) / weights.sum(axis=-1))


def binary(
    name: str,
    rows: int,
    base_rate: float,
    changes: tuple[float, float, float, float],
) -> Scenario:
    """A baseline with recall 0.8 and false alarms on a tenth as many rows as there are positives.

    ``changes`` are shares of the positives: missed by the candidate alone, found by it alone, new
    false alarms, false alarms that ended.
    """
    missed, found, alarms, calmed = changes
    recall, alarm = 0.8, 0.1 * base_rate
    chances = np.array(
        [
            1 - base_rate - alarm - alarms * base_rate,
            calmed * base_rate,
            alarms * base_rate,
            alarm - calmed * base_rate,
            base_rate * (1 - recall - found),
            base_rate * missed,
            base_rate * found,
            base_rate * (recall - missed),
        ]
    )
    return Scenario(name, rows, base_rate, chances / chances.sum())


def scenarios() -> list[Scenario]:
    """The grid: sizes, base rates, and equal, rarely harmful and harmful candidates."""
    grid = []
    for rows in (500, 5_000, 100_000, 1_000_000):
        for base_rate in (0.01, 0.05, 0.12, 0.5):
            positives = rows * base_rate
            grid += [
                binary("equal", rows, base_rate, (0.05, 0.05, 0.02, 0.02)),
                binary("harm, 3 rows one way", rows, base_rate, (min(3 / positives, 0.6), 0.0, 0.0, 0.0)),
                binary("harm both ways", rows, base_rate, (0.06, 0.03, 0.02, 0.01)),
            ]
    return grid
