"""A project's own metric: a function that the configuration names by entry point.

It runs in the pipeline's environment, where numpy, scipy and polars are and the project's pins are not,
on labels and predictions alone. ``function(labels, predictions, probabilities)`` gets numpy arrays
(labels and predictions as text for classes, probabilities as rows by classes or ``None``) and returns
a number for each row, of which the mean is judged, or one number for all rows. One number gets its
interval from a jackknife over blocks of rows, which is honest for smooth functions alone.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_stages.config.sections import OwnMetric
from ml_stages.errors import StageError
from ml_stages.evaluation.cells import SEED
from ml_stages.evaluation.estimate import Judged
from ml_stages.evaluation.influence import Groups
from ml_stages.evaluation.losses import mean
from ml_stages.evaluation.ranking import Influenced
from ml_stages.evaluation.rows import Classified, Rows
from ml_stages.evaluation.unit_metrics import UnitMetric, judge_units

_BLOCKS = 200
_LARGEST = 1e140
"""Numbers up to this one can be squared and added without leaving the range of floats."""
Function = Callable[[Any, Any, Any], Any]


def judge_own(
    metrics: list[OwnMetric],
    code: Path | None,
    models: tuple[Rows, Rows | None],
    confidence: float,
    groups: Groups | None,
) -> Judged:
    """The project's metrics of a candidate and perhaps a baseline, with intervals and comparisons.

    Raises :class:`StageError` where one breaks.
    """
    candidate, baseline = models
    found = Judged([], [])
    for metric in metrics:
        function = _load(metric, code)
        blocks = _blocks(len(candidate), groups)
        mine = {metric.name: _number(metric, function, candidate, blocks)}
        theirs = None if baseline is None else {metric.name: _number(metric, function, baseline, blocks)}
        # Blocks of a jackknife are independent already, rows are only as far as their groups say.
        by_row = mine[metric.name].number is not None and len(candidate) == _size(mine[metric.name])
        judged = judge_units(
            mine, theirs, confidence, groups if by_row else None, "rows" if by_row else "blocks"
        )
        rows = {"rows": len(candidate)}
        found = Judged(
            [*found.metrics, *(one.model_copy(update=rows) for one in judged.metrics)],
            [*found.comparisons, *(one.model_copy(update=rows) for one in judged.comparisons)],
        )
    return found


def _size(metric: UnitMetric) -> int:
    return 0 if metric.number is None else metric.number.influence.size


def _load(metric: OwnMetric, code: Path | None) -> Function:
    module, _, name = metric.call.partition(":")
    if code is not None and str(code) not in sys.path:
        sys.path[:0] = [str(code), str(code / "src")]
    try:
        function: Function = getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # an exit would end the judging, with status 0
        raise StageError(
            f"the metric {metric.name!r} cannot be loaded from {metric.call}: "
            f"{type(error).__name__}: {error}; its module may "
            "import numpy, scipy and polars, and lies in the project or is installed beside the pipeline"
        ) from error
    return function


def _number(metric: OwnMetric, function: Function, rows: Rows, blocks: NDArray[np.intp]) -> UnitMetric:
    whole = _call(metric, function, rows)
    if whole.ndim == 1:
        if whole.size != len(rows):
            raise StageError(
                f"the metric {metric.name!r} returned {whole.size:,} numbers for {len(rows):,} rows; "
                "expected one for each row, or one alone"
            )
        number = mean(whole)
    else:
        number = _jackknife(metric, function, rows, float(whole), blocks)
    return UnitMetric(number, metric.greater_is_better, lowest=None, highest=None)


def _call(metric: OwnMetric, function: Function, rows: Rows) -> NDArray[np.float64]:
    if isinstance(rows, Classified):
        names = np.array([*rows.classes, "(another)"])
        matrix = None if rows.matrix is None else rows.matrix.copy()
        given: tuple[Any, Any, Any] = (names[rows.truth], names[rows.predicted], matrix)
    else:  # copies: what a metric writes into them must not reach the numbers that are made after it
        given = (rows.truth.copy(), rows.predicted.copy(), None)
    try:
        result = np.asarray(function(*given), dtype=np.float64)
    except (Exception, SystemExit) as error:
        raise StageError(f"the metric {metric.name!r} broke: {type(error).__name__}: {error}") from error
    if why := _unusable(result):
        raise StageError(
            f"the metric {metric.name!r} returned {why}; expected one number, or one for each row"
        )
    return result


def _unusable(result: NDArray[np.float64]) -> str:
    """What is wrong with what a metric returned; empty where nothing is."""
    if result.ndim > 1:
        return f"an array of shape {result.shape}"
    if result.ndim == 0 and not np.isfinite(result):
        return "no finite number"
    if bad := np.count_nonzero(~np.isfinite(result)):
        return f"no finite number for {bad:,} of {result.size:,} rows"
    return "numbers too large to add up" if np.any(np.abs(result) > _LARGEST) else ""


def _jackknife(
    metric: OwnMetric,
    function: Function,
    rows: Rows,
    value: float,
    blocks: NDArray[np.intp],
) -> Influenced:
    """What leaving out each block of rows changes, scaled so that the squares sum to the variance."""
    count = int(blocks.max(initial=-1)) + 1
    without = np.array(
        [float(_call(metric, function, rows.take(np.flatnonzero(blocks != block)))) for block in range(count)]
    )
    return Influenced(value, (without.mean() - without) * np.sqrt((count - 1) / count))


def _blocks(rows: int, groups: Groups | None) -> NDArray[np.intp]:
    """A random block for each row; rows of one group are in the same."""
    units = np.arange(rows) if groups is None else groups
    count = int(units.max(initial=-1)) + 1
    block = np.random.default_rng(SEED).permutation(count) % min(_BLOCKS, max(count, 1))
    return np.asarray(block[units])
