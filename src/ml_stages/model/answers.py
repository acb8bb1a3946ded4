"""What a model said about a table, as plain Python values, checked once for all who use it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Plain = str | int | float | bool

ROUNDING = 1e-6
_MANY = 32
"""Rows from which on asking an array about all of them at once takes less time than looking at each."""


class PredictorError(Exception):
    """The project's predictor cannot be loaded, failed, or answered with something unusable.

    The message is one line for people: what it gave, what was expected.
    """


class NoNumberError(PredictorError):
    """The predictor has no usable number for one row (NaN, infinite, a share outside 0 to 1)."""

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = row


@dataclass(frozen=True, slots=True)
class Answers:
    """One prediction a row; for classifiers with probabilities also those, a row a list."""

    predictions: list[Plain]
    probabilities: list[list[float]] | None = None
    classes: list[Plain] | None = None
    """Labels in the order of each row's probabilities."""

    def rows(self, start: int, end: int) -> Answers:
        """The answers for some of the rows."""
        shares = self.probabilities
        return Answers(
            self.predictions[start:end], None if shares is None else shares[start:end], self.classes
        )


def make_answers(rows: int, predictions: Any, probabilities: Any = None, classes: Any = None) -> Answers:
    """Check what a predictor returned for ``rows`` rows and turn it into plain values.

    Takes lists, tuples, numpy arrays, pandas series and frames, and tensors with ``tolist``. Raises
    :class:`PredictorError` for a wrong number of rows, a value that is missing, NaN or infinite, a
    prediction that is no single value, and probabilities without classes or outside 0 to 1.
    """
    labels = _check_predictions(rows, _plain(predictions, "predict"))
    if probabilities is None:
        return Answers(labels)
    names = _check_classes(classes)
    return Answers(labels, _check_probabilities(rows, len(names), probabilities), names)


def _plain(values: Any, method: str, expected: str = "one value a row") -> list[Any]:
    """A list of Python values out of anything array-like."""
    if type(values) is list:
        return values
    for convert in ("to_numpy", "tolist"):
        if hasattr(values, convert):
            values = getattr(values, convert)()
    if isinstance(values, str | bytes | dict) or not isinstance(values, Iterable):
        raise PredictorError(f"{method} returned {_kind(values)}; expected {expected}")
    return list(values)


def _check_predictions(rows: int, values: list[Any]) -> list[Plain]:
    if len(values) != rows:
        raise PredictorError(f"predict returned {len(values)} values for {rows} rows")
    # A loop over the distinct types costs next to nothing where all rows have one plain type.
    kinds = set(map(type, values))
    if kinds <= {str, int, bool}:
        return values
    if kinds == {float}:
        return _check_finite(values)
    return [_single(value, row) for row, value in enumerate(values)]


def _check_finite(values: list[Any]) -> list[Plain]:
    if all(map(math.isfinite, values)):
        return values
    row = next(row for row, value in enumerate(values) if not math.isfinite(value))
    raise _no_number("predict", values[row], row)


def _single(value: Any, row: int) -> Plain:
    """One label or number; a row of one column (``(n, 1)`` arrays) counts as its only value."""
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise _no_number("predict", value, row)
    if not isinstance(value, str | int | float | bool):
        raise PredictorError(
            f"predict returned {_kind(value)} for row {row}; expected a label or a number, or a set of labels"
            " as one text such as 'a|b'"
        )
    return value


def _no_number(method: str, value: float, row: int) -> NoNumberError:
    return NoNumberError(f"{method} returned {value} for row {row}; expected a label or a finite number", row)


def _check_classes(classes: Any) -> list[Plain]:
    if classes is None:
        raise PredictorError(
            "the predictor has predict_proba and no classes_; expected the labels in the order of its columns"
        )
    return [_single(label, row) for row, label in enumerate(_plain(classes, "classes_"))]


def _check_probabilities(rows: int, width: int, probabilities: Any) -> list[list[float]]:
    if (found := _shares_at_once(rows, width, probabilities)) is not None:
        return found
    table = _plain(probabilities, "predict_proba")
    if len(table) != rows:
        raise PredictorError(f"predict_proba returned {len(table)} rows for {rows} rows")
    return [_shares(line, row, width) for row, line in enumerate(table)]


def _shares_at_once(rows: int, width: int, table: Any) -> list[list[float]] | None:
    """The rows of a plain array of floats all of which are in place; else nothing, and each is looked at."""
    if rows < _MANY:
        return None
    array = table.to_numpy() if hasattr(table, "to_numpy") else table
    is_plain = type(array).__name__ == "ndarray" and array.dtype.name in {"float16", "float32", "float64"}
    if not is_plain or not array.size or array.shape != (rows, width):
        return None
    # False of a NaN, too.
    is_fine = array.min() >= -ROUNDING and array.max() <= 1 + ROUNDING
    found: list[list[float]] | None = array.tolist() if is_fine else None
    return found


def _shares(values: Any, row: int, width: int) -> list[float]:
    is_plain = type(values) is list and len(values) == width and set(map(type, values)) == {float}
    # The margin is what float32 rounding of a softmax can add. Beside a NaN, neither end need be one: the
    # sum is.
    if is_plain and min(values) >= -ROUNDING and max(values) <= 1 + ROUNDING and not math.isnan(sum(values)):
        return list(values)
    listed = _plain(values, f"for row {row} predict_proba", f"a list of {width} shares, one for each class")
    line = [share.item() if hasattr(share, "item") else share for share in listed]
    if len(line) != width:
        raise PredictorError(f"predict_proba returned {len(line)} columns in row {row} for {width} classes")
    for share in line:
        if not isinstance(share, float | int) or not -ROUNDING <= share <= 1 + ROUNDING:
            raise NoNumberError(f"predict_proba returned {share!r} for row {row}; expected 0 to 1", row)
    return line


def _kind(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"{len(value)} values"
    return "None" if value is None else f"a value of type {type(value).__name__}"


def spread(answers: Answers, sizes: Sequence[int]) -> list[Answers]:
    """Cut answers for joined tables back into the answers for each, by their numbers of rows."""
    parts: list[Answers] = []
    start = 0
    for size in sizes:
        parts.append(answers.rows(start, start + size))
        start += size
    return parts
