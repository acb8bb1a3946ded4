"""A project's own metric: a function that the configuration names by entry point.

It runs in the pipeline's environment, where numpy, scipy and polars are and the project's pins are not,
on labels and predictions alone. ``function(labels, predictions, probabilities)`` gets numpy arrays
(labels and predictions as text for classes, probabilities as rows by classes or ``None``) and returns
a number for each row, of which the mean is judged, or one number for all rows. One number gets its
interval from a jackknife over blocks of rows, which is honest for smooth functions alone.

The functions run in a process apart: one that breaks, ends its process or takes too long breaks the gates
that judge it and no other.
"""

from __future__ import annotations

import functools
import importlib
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml_stages.config.sections import OwnMetric
from ml_stages.evaluation.cells import SEED
from ml_stages.evaluation.estimate import Judged
from ml_stages.evaluation.influence import Groups
from ml_stages.evaluation.losses import mean
from ml_stages.evaluation.ranking import Influenced
from ml_stages.evaluation.rows import Classified, Rows
from ml_stages.evaluation.unit_metrics import UnitMetric, judge_units
from ml_stages.wrapper.package_metadata import write_metadata

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_BLOCKS = 200
_LARGEST = 1e140
"""Numbers up to this one can be squared and added without leaving the range of floats."""
Function = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class OwnNumber:
    """What one metric gave for the candidate and perhaps for the baseline, before any interval."""

    name: str
    candidate: UnitMetric
    baseline: UnitMetric | None
    by_row: bool
    """Whether each row has a number of its own, or blocks of rows have."""

    def judged(self, confidence: float, groups: Groups | None, rows: int) -> Judged:
        """With intervals and, where there is a baseline, a comparison."""
        theirs = None if self.baseline is None else {self.name: self.baseline}
        # Blocks of a jackknife are independent already, rows are only as far as their groups say.
        unit, groups = ("rows", groups) if self.by_row else ("blocks", None)
        judged = judge_units({self.name: self.candidate}, theirs, confidence, groups, unit)
        told = {"rows": rows, "unit": "rows"}
        return Judged(
            [one.model_copy(update=told) for one in judged.metrics],
            [one.model_copy(update=told) for one in judged.comparisons],
        )


@dataclass(frozen=True)
class OwnNumbers:
    """What the project's metrics gave, and why others gave nothing."""

    found: Sequence[OwnNumber] = ()
    broken: tuple[tuple[str, str], ...] = ()
    """Name and reason."""


class _Broken(Exception):  # noqa: N818 - it names what is the case, like StopIteration
    """A metric cannot be used."""


@dataclass(frozen=True)
class ProjectCode:
    """What the project's own metrics are imported from."""

    folder: Path
    package: Mapping[str, Any] | None = None
    """The fields of ``config.package``: what a package finds of itself."""

    def installed(self, scratch: Path) -> list[Path]:
        """Where Python finds the project's modules and, in ``scratch``, its metadata; the project first."""
        write_metadata(self.package, scratch)
        return [self.folder, self.folder / "src", scratch]


def own_numbers(
    metrics: Sequence[OwnMetric],
    code: ProjectCode | None,
    models: tuple[Rows, Rows | None],
    groups: Groups | None,
) -> OwnNumbers:
    """Ask every metric, in a process apart; those after one that ended or held up theirs get another."""
    # Without what was computed of the rows before, which need not travel.
    models = (replace(models[0]), None if models[1] is None else replace(models[1]))
    with tempfile.TemporaryDirectory() as scratch:
        paths = [] if code is None else code.installed(Path(scratch))
        return _asked(metrics, functools.partial(_ask, paths=paths, models=models, groups=groups))


def _asked(metrics: Sequence[OwnMetric], ask: Callable[[OwnMetric], OwnNumber | str]) -> OwnNumbers:
    answers: dict[str, OwnNumber | str] = {}
    waiting = list(metrics)
    while waiting:
        with _answering(waiting, ask) as connection:
            while waiting:
                metric = waiting.pop(0)
                answers[metric.name] = answer = _answer(connection, metric)
                if isinstance(answer, _Lost):
                    break
    return OwnNumbers(
        [answer for answer in answers.values() if isinstance(answer, OwnNumber)],
        tuple((name, answer) for name, answer in answers.items() if isinstance(answer, str)),
    )


class _Lost(str):
    """Why a metric gave nothing, and its process will give nothing more."""

    __slots__ = ()


def _answer(connection: Connection, metric: OwnMetric) -> OwnNumber | str:
    """What a process says of the next metric."""
    try:
        if connection.poll(metric.timeout):
            answer: OwnNumber | str = connection.recv()
            return answer
    except (EOFError, ConnectionError):
        return _Lost(
            f"the metric {metric.name!r} ended the process that it ran in ({metric.call}) without an "
            "answer; expected a function that returns"
        )
    return _Lost(
        f"the metric {metric.name!r} ({metric.call}) gave no answer within its timeout of "
        f"{metric.timeout:g} s; one number for all rows is computed {_BLOCKS} times for its interval, a "
        "number for each row once"
    )


@contextmanager
def _answering(
    metrics: Sequence[OwnMetric], ask: Callable[[OwnMetric], OwnNumber | str]
) -> Iterator[Connection]:
    """A process that asks the metrics in their order, and sends what each gives."""
    from multiprocessing import get_context  # noqa: PLC0415 - slow, and needed by few

    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_send_answers, args=(there, [*metrics], ask))
    process.start()
    there.close()
    try:
        yield here
    finally:
        process.kill()
        process.join()
        here.close()


def _send_answers(
    connection: Connection, metrics: Sequence[OwnMetric], ask: Callable[[OwnMetric], OwnNumber | str]
) -> None:
    for metric in metrics:
        connection.send(ask(metric))


def _ask(
    metric: OwnMetric, paths: Sequence[Path], models: tuple[Rows, Rows | None], groups: Groups | None
) -> OwnNumber | str:
    """What a metric gives, or why it gives nothing; ``paths`` are where Python looks first."""
    candidate, baseline = models
    code = paths[0] if paths else None
    sys.path[:0] = [str(path) for path in paths if str(path) not in sys.path]
    try:
        function = _load(metric, code)
        blocks = _blocks(len(candidate), groups)
        mine = _number(metric, _Call(metric, function, code), candidate, blocks)
        theirs = None
        if baseline is not None:
            of = " on the baseline's predictions"
            theirs = _number(metric, _Call(metric, function, code, of), baseline, blocks)
    except _Broken as broken:
        return str(broken)
    by_row = mine.number is not None and mine.number.influence.size == len(candidate)
    return OwnNumber(metric.name, mine, theirs, by_row)


def _load(metric: OwnMetric, code: Path | None) -> Function:
    module, _, name = metric.call.partition(":")
    try:
        function: Function = getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # an exit would end the judging, with status 0
        raise _Broken(
            f"the metric {metric.name!r} cannot be loaded from {metric.call}: {_told(error, code)}; its "
            "module may import numpy, scipy and polars, and lies in the project or is installed beside the "
            "pipeline"
        ) from error
    return function


def _told(error: BaseException, code: Path | None) -> str:
    """The exception's first line, and the place in the project where it came from."""
    said = (str(error).splitlines() or [""])[0]
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if code is None:
        return what
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).resolve().is_relative_to(code.resolve())]
    if not own:
        return what
    place = Path(own[-1].filename).resolve().relative_to(code.resolve())
    return f"{what} ({place.as_posix()}, line {own[-1].lineno})"


@dataclass(frozen=True)
class _Call:
    """A metric's function, with what is said where it breaks."""

    metric: OwnMetric
    function: Function
    code: Path | None
    of: str = ""

    def __call__(self, rows: Rows) -> NDArray[np.float64]:
        if isinstance(rows, Classified):
            names = np.array([*rows.classes, "(another)"])
            matrix = None if rows.matrix is None else rows.matrix.copy()
            given: tuple[Any, Any, Any] = (names[rows.truth], names[rows.predicted], matrix)
        else:  # copies: what a metric writes into them must not reach the numbers that are made after it
            given = (rows.truth.copy(), rows.predicted.copy(), None)
        try:
            result = np.asarray(self.function(*given), dtype=np.float64)
        except (Exception, SystemExit) as error:
            raise _Broken(
                f"the metric {self.metric.name!r} broke{self.of}: {_told(error, self.code)}"
            ) from error
        if why := _unusable(result):
            raise self.returned(f"{why}; expected one number, or one for each row")
        return result

    def returned(self, what: str) -> _Broken:
        """Why what was returned cannot be used."""
        return _Broken(f"the metric {self.metric.name!r} ({self.metric.call}) returned {what}{self.of}")


def _number(metric: OwnMetric, call: _Call, rows: Rows, blocks: NDArray[np.intp]) -> UnitMetric:
    whole = call(rows)
    if whole.ndim == 1:
        if whole.size != len(rows):
            raise call.returned(
                f"{whole.size:,} numbers for {len(rows):,} rows; expected one for each row, or one alone"
            )
        number = mean(whole)
    else:
        number = _jackknife(call, rows, float(whole), blocks)
    amounts = whole.ndim == 1 and (bool((whole >= 0).all()) or bool((whole <= 0).all()))
    return UnitMetric(number, metric.greater_is_better, lowest=None, highest=None, amounts=amounts)


def _unusable(result: NDArray[np.float64]) -> str:
    """What is wrong with what a metric returned; empty where nothing is."""
    if result.ndim > 1:
        return f"an array of shape {result.shape}"
    if result.ndim == 0 and not np.isfinite(result):
        return "no finite number"
    if bad := np.count_nonzero(~np.isfinite(result)):
        return f"no finite number for {bad:,} of {result.size:,} rows"
    return "numbers too large to add up" if np.any(np.abs(result) > _LARGEST) else ""


def _jackknife(call: _Call, rows: Rows, value: float, blocks: NDArray[np.intp]) -> Influenced:
    """What leaving out each block of rows changes, scaled so that the squares sum to the variance."""
    count = int(blocks.max(initial=-1)) + 1
    without = np.array([float(call(rows.take(np.flatnonzero(blocks != block)))) for block in range(count)])
    return Influenced(value, (without.mean() - without) * np.sqrt((count - 1) / count))


def _blocks(rows: int, groups: Groups | None) -> NDArray[np.intp]:
    """A random block for each row; rows of one group are in the same."""
    units = np.arange(rows) if groups is None else groups
    count = int(units.max(initial=-1)) + 1
    block = np.random.default_rng(SEED).permutation(count) % min(_BLOCKS, max(count, 1))
    return np.asarray(block[units])
