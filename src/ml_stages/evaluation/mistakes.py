"""Where a model errs: which classes it takes for which, and what was observed where it predicted how much."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.calibration import predicted_and_occurred
from ml_stages.evaluation.judging import AnyRows
from ml_stages.evaluation.metrics_report import Confusion, Reliability, ReliabilityBin
from ml_stages.evaluation.quantiles import t_quantile
from ml_stages.evaluation.rows import Classified, Measured
from ml_stages.evaluation.shares import clopper_pearson

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_BINS = 10
_CELLS = 400
_ROWS = 250_000
"""More rows than that move a point by little more than the width of a line."""


def confusions(rows: AnyRows) -> list[Confusion]:
    """The cells of the confusion table that occur, the most frequent ones first, at most 400."""
    if not isinstance(rows, Classified):
        return []
    cells = rows.cells
    names = (*rows.classes, None)
    most = np.argsort(-cells.counts, kind="stable")[:_CELLS]
    return [
        Confusion(
            label=rows.classes[cells.truth[place]],
            predicted=names[cells.candidate[place]],
            rows=int(cells.counts[place]),
        )
        for place in most
    ]


def reliability(rows: AnyRows, confidence: float, *, grouped: bool) -> Reliability | None:
    """What was observed in ten bins of what was predicted; of more than 250,000 rows every so many-th.

    Of two classes the positive one's probability, of more the highest one and whether it was right, in bins
    of equal width with exact intervals (a reliability diagram: DeGroot and Fienberg, The Statistician 32:12,
    1983); of numbers in bins of equally many rows with Student's interval of the mean. Rows that are
    ``grouped`` get no intervals. ``None`` for predictions that are neither.
    """
    every = -(-len(rows) // _ROWS)
    if isinstance(rows, Measured):
        predicted, truth = rows.predicted[::every], rows.truth[::every]
        bins, of, interval = _of_equal_size(predicted), "the mean of the label", _mean_interval
    elif isinstance(rows, Classified) and rows.probabilities is not None:
        given, labels = rows.probabilities[::every], rows.truth[::every]
        predicted, truth = predicted_and_occurred(len(rows.classes), given, labels)
        of = f"the share of {rows.classes[1]}" if len(rows.classes) == 2 else "the share that is right"
        bins, interval = np.minimum((predicted * _BINS).astype(np.intp), _BINS - 1), _share_interval
    else:
        return None
    found = []
    for code in np.unique(bins):
        said, seen = predicted[bins == code], truth[bins == code]
        lower, upper = (None, None) if grouped else interval(seen, confidence)
        point = {"predicted": float(said.mean()), "observed": float(seen.mean())}
        found.append(ReliabilityBin(rows=seen.size, **point, lower=lower, upper=upper))
    return Reliability(of=of, bins=found, every=every)


def _of_equal_size(predicted: Floats) -> Codes:
    inner = np.arange(1, _BINS) * predicted.size // _BINS
    return np.searchsorted(np.unique(np.sort(predicted)[inner]), predicted, side="right")


def _share_interval(seen: Floats, confidence: float) -> tuple[float | None, float | None]:
    return clopper_pearson(int(seen.sum()), seen.size, confidence)


def _mean_interval(seen: Floats, confidence: float) -> tuple[float | None, float | None]:
    if seen.size < 2:
        return None, None
    mean = float(seen.mean())
    half = t_quantile(confidence, seen.size - 1) * float(seen.std(ddof=1)) / seen.size**0.5
    return mean - half, mean + half
