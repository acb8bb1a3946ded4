"""Labels and predictions for the tests of the judgement core."""

from __future__ import annotations

import numpy as np

from ml_stages.evaluation.counts import Codes
from ml_stages.evaluation.rows import Classified, Measured


def binary(rows: int, share: float = 0.3, seed: int = 0, noise: float = 1.0) -> Classified:
    """A classifier with probabilities on labels of which ``share`` are positive."""
    rng = np.random.default_rng(seed)
    truth = labels(rows, share)
    score = 1 / (1 + np.exp(1.0 - 2.0 * truth - noise * rng.normal(size=rows)))
    return Classified(
        ("no", "yes"), truth, (score > 0.5).astype(np.int32), np.column_stack([1 - score, score])
    )


def labels(rows: int, share: float) -> Codes:
    """The same labels for every model, so that models can be compared."""
    return (np.random.default_rng(99).random(rows) < share).astype(np.int32)


def multiclass(rows: int, classes: int = 4, seed: int = 0, *, unknown: float = 0.0) -> Classified:
    """A classifier of several classes; a share ``unknown`` of predictions is none of them."""
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(98).integers(0, classes, rows).astype(np.int32)
    logits = rng.normal(size=(rows, classes))
    logits[np.arange(rows), truth] += 1.5
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    predicted = probabilities.argmax(axis=1).astype(np.int32)
    predicted[rng.random(rows) < unknown] = classes
    names = tuple(f"c{number}" for number in range(classes))
    return Classified(names, truth, predicted, probabilities)


def measured(rows: int, seed: int = 0) -> Measured:
    """A regression model."""
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(97).normal(10, 3, rows)
    return Measured(truth, truth + rng.normal(0, 1, rows))
