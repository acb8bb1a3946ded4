"""From tables of labels and predictions to arrays of class codes, probabilities and numbers."""

from __future__ import annotations

from math import inf, isnan
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_stages.errors import StageError
from ml_stages.evaluation.counts import Codes
from ml_stages.evaluation.losses import LARGEST
from ml_stages.evaluation.ordered import Ordered
from ml_stages.evaluation.pieces import pieces
from ml_stages.evaluation.positive import positive_fault
from ml_stages.evaluation.read import KEY, LABEL, PREDICTION, PROBABILITY
from ml_stages.evaluation.rows import Classified, Floats, Measured
from ml_stages.evaluation.text import canonical, canonical_value
from ml_stages.report.numbers import listed
from ml_stages.side_by_side import both

_NAMED = 5
_SUM_TOLERANCE = 1e-3
FEW_STRANGE, STRANGE_SHARE = 10, 0.01
"""Up to so many rows, or such a share of them, may be of a class that one side alone knows."""
_DENSE = 100_000  # most whole numbers that are looked up by their place in a table


def known_classes(
    labels: pl.Series, predictions: pl.DataFrame, positive: str | float | None
) -> tuple[str, ...]:
    """The classes of the labels and of the candidate's probabilities, the positive one of two last.

    Without ``positive`` the greater is it: by number where all are numbers, else by text. A class
    that is only predicted is none of them and always wrong, unless the labels have just one. Raises
    :class:`StageError` where probabilities, and not the labels, would make more than two classes.
    """
    found, given = set(canonical(_distinct(labels))), set(_probability_columns(predictions))
    if len(found) == 2:
        _need_no_third(sorted(found), sorted(given - found))
    found |= given
    if len(found) == 1:
        found |= set(canonical(predictions[PREDICTION].unique()).unique().sort().head(2))
    ordered = sorted(found, key=lambda name: (_number(name), name))
    if positive is None:
        return tuple(ordered)
    wanted = canonical_value(positive)
    if len(ordered) == 1 and wanted not in ordered:
        return (*ordered, wanted)
    if why := positive_fault(wanted, ordered, "the label"):
        raise StageError(why)
    return tuple(sorted(ordered, key=wanted.__eq__))


def _need_no_third(labels: list[str], others: list[str]) -> None:
    """Raise :class:`StageError`: what recall means would depend on the model that is judged by it."""
    if others:
        raise StageError(
            f"the labels of the holdout are {' and '.join(labels)}, and the predictions have probabilities of"
            f" {listed(others, _NAMED)}, too: of two classes precision, recall, F1 and PR AUC are the"
            " positive one's, of more they are averages over all. Where the label has two classes, train"
            " without the rows of others; where it has more, hold rows of each out (data.holdout, data.split)"
        )


def _number(name: str) -> float:
    try:
        number = float(name)
    except ValueError:
        return inf
    return inf if isnan(number) else number  # NaN has no place in an order: any class could come last


def classified(
    labels: pl.Series, predictions: pl.DataFrame, classes: tuple[str, ...], what: str
) -> Classified:
    """Labels and one model's predictions, in the same order of rows, as codes into ``classes``."""
    (predicted, truth), probabilities = both(
        lambda: (_predicted(predictions, classes, what), _codes(labels, classes)),
        lambda: _probabilities(predictions, classes, what),
    )
    return Classified(classes, truth, predicted, probabilities)


class IncomparableError(StageError):
    """The baseline says what no label and no candidate does: a fault of neither, and no comparison."""


def check_comparable(theirs: pl.DataFrame, mine: pl.DataFrame, classes: tuple[str, ...], what: str) -> None:
    """Raise :class:`IncomparableError` for a baseline of classes with other names."""
    known = {*classes, *canonical(_distinct(mine[PREDICTION]))}
    distinct = _distinct(theirs[PREDICTION])
    strange = distinct.filter(pl.Series([name not in known for name in canonical(distinct)]))
    rows = int(theirs[PREDICTION].is_in(strange.implode()).sum()) if strange.len() else 0
    refuse_strange(what, list(canonical(strange).sort()), (rows, theirs.height), classes)


def refuse_strange(what: str, strange: list[str], rows: tuple[int, int], known: tuple[str, ...]) -> None:
    """Raise :class:`IncomparableError` where many of the rows are predicted as something strange.

    Where none of n rows has a class, at most 3 / n of all rows have it (95 %). Who predicts it far more often
    means a class of another name: each such row would count against the baseline, and hide a regression.
    """
    count, height = rows
    if count > max(FEW_STRANGE, STRANGE_SHARE * height):
        raise IncomparableError(
            f"{what}: {count:,} of {height:,} rows are predicted as a class that no label has "
            f"({', '.join(strange[:5])}; labels are {', '.join(known[:5])}): they would all count as wrong. "
            "Where classes were renamed or are gone, the baseline cannot be compared: compare with one that "
            "has today's, or with none (`--baseline none`)"
        )


def _predicted(predictions: pl.DataFrame, classes: tuple[str, ...], what: str) -> Codes:
    predicted = _codes(predictions[PREDICTION], classes)
    if not np.any(predicted < len(classes)):
        seen = ", ".join(canonical(predictions[PREDICTION]).unique().sort().head(5))
        raise StageError(
            f"{what}: no prediction is a class of the label ({', '.join(classes)}); predicted is: {seen}; "
            f"the predictor must return labels as in the data{_of_fractions(predictions[PREDICTION])}"
        )
    return predicted


def _of_fractions(predicted: pl.Series) -> str:
    """What to do about fractions, which are nobody's classes."""
    numbers = predicted.cast(pl.Float64(), strict=False)
    if numbers.null_count() or bool((numbers == numbers.floor()).all()):
        return ""
    return '; for fractions the task is "regression", or "ranking" where they only order rows'


def _codes(values: pl.Series, classes: tuple[str, ...]) -> Codes:
    # Few distinct values: canonical text is made once for each, not once a row.
    distinct = _distinct(values)
    code = {name: number for number, name in enumerate(classes)}
    few = len(classes) <= np.iinfo(np.int8).max
    numbers: Codes = np.array(
        [code.get(name, len(classes)) for name in canonical(distinct)], dtype=np.int8 if few else np.int32
    )
    if values.dtype.is_integer() and (table := _by_value(distinct, numbers)) is not None:
        low, codes = table
        if low == 0 and np.array_equal(codes, np.arange(codes.size)):  # the labels are codes already
            return values.cast(pl.Int8 if few else pl.Int32).to_numpy()
        return _looked_up(codes, values.to_numpy(), low)
    if values.dtype == pl.Categorical and not distinct.null_count():
        by_code = np.zeros(int(distinct.to_physical().max()) + 1, dtype=numbers.dtype)  # type: ignore[arg-type]
        by_code[distinct.to_physical().to_numpy()] = numbers
        return _looked_up(by_code, values.to_physical().to_numpy())
    if values.dtype == pl.String and not distinct.null_count():
        return _looked_up(numbers, values.cast(pl.Enum(distinct)).to_physical().to_numpy())
    found: Codes = values.replace_strict(distinct, pl.Series(numbers)).to_numpy()
    return found


def _looked_up(table: Codes, places: NDArray[np.integer[Any]], low: int = 0) -> Codes:
    """What the table has at each place less ``low``; in pieces, since numpy makes each place 8 bytes long."""
    found = np.empty(places.size, dtype=table.dtype)
    for piece in pieces(places.size):
        some = places[piece]
        # Of narrow signed numbers the difference may not fit their own type.
        found[piece] = table[(some.astype(np.int64) if some.dtype.kind == "i" else some) - low]
    return found


def _distinct(values: pl.Series) -> pl.Series:
    """The different values, of which there are mostly few; of two neighbouring whole numbers at a glance."""
    if values.dtype.is_integer() and not values.null_count() and values.len():
        low, high = values.min(), values.max()
        if int(high) - int(low) <= 1:  # type: ignore[arg-type]
            return pl.Series(values.name, [low, high], dtype=values.dtype).unique()
    return values.unique()


def _by_value(distinct: pl.Series, numbers: Codes) -> tuple[int, Codes] | None:
    """A table from a whole number less the smallest to its code, where there is room for one."""
    if distinct.null_count() or distinct.is_empty():
        return None
    low, high = int(distinct.min()), int(distinct.max())  # type: ignore[arg-type]
    if high - low > _DENSE:
        return None
    codes = np.zeros(high - low + 1, dtype=numbers.dtype)
    codes[[value - low for value in distinct]] = numbers
    return low, codes


def _probability_columns(predictions: pl.DataFrame) -> dict[str, str]:
    """Class as canonical text to the column with its probabilities."""
    columns = [name for name in predictions.columns if name.startswith(PROBABILITY)]
    return {canonical_value(name.removeprefix(PROBABILITY)): name for name in columns}


def positive_column(columns: list[str]) -> str:
    """The probability of the greater of two classes."""
    if len(columns) > 2:
        raise StageError("with more than two classes a gate must name the one whose probability moves (`of`)")
    return max(
        columns,
        key=lambda name: (_number(name.removeprefix(PROBABILITY)), name.removeprefix(PROBABILITY)),
    )


def _probabilities(predictions: pl.DataFrame, classes: tuple[str, ...], what: str) -> Floats | None:
    columns = _probability_columns(predictions)
    if not columns:
        return None
    given = [predictions[name].to_numpy() for name in columns.values()]
    _check_probabilities(predictions[KEY], given, what, is_whole=len(columns) > 1 or len(classes) > 2)
    if len(columns) == 1 and len(classes) == 2:  # the other class has the rest
        return np.asarray(given[0] if classes[1] in columns else 1.0 - given[0])[:, None]
    matrix = np.zeros((predictions.height, len(classes)), order="F")
    for place, name in enumerate(columns):
        if name in classes:
            matrix[:, classes.index(name)] = given[place]
    return matrix


def _check_probabilities(keys: pl.Series, columns: list[Floats], what: str, *, is_whole: bool) -> None:
    """Raise :class:`StageError` for a value outside 0 to 1; where a row ``is_whole`` also for another sum."""
    total = columns[0] if len(columns) == 1 else sum(columns[1:], columns[0])
    low, high = min(column.min(initial=0.0) for column in columns), max(c.max(initial=0.0) for c in columns)
    sums = not is_whole or np.abs(total - 1).max(initial=0.0) <= _SUM_TOLERANCE
    if low >= -_SUM_TOLERANCE and high <= 1 + _SUM_TOLERANCE and sums:
        return
    given = np.column_stack(columns)
    bad = np.any((given < -_SUM_TOLERANCE) | (given > 1 + _SUM_TOLERANCE), axis=1)
    if is_whole:
        bad |= np.abs(given.sum(axis=1) - 1) > _SUM_TOLERANCE
    if count := int(np.count_nonzero(bad)):
        first = int(np.argmax(bad))
        raise StageError(
            f"{what}: {count:,} rows have probabilities outside 0 to 1 or that do not sum to 1 "
            f"(first key: {keys[first]}, values: {', '.join(f'{value:g}' for value in given[first][:5])}); "
            "predict_proba must return probabilities"
        )


def ordered(labels: pl.Series, predictions: pl.DataFrame, query: NDArray[np.intp]) -> Ordered:
    """Relevance and score of each row; :class:`StageError` for a relevance that is no number from 0."""
    rows = _numbers(labels, predictions)
    if np.any(rows.truth < 0):
        raise StageError(f"holdout-labels: {LABEL!r} says how relevant a row is and is nowhere below 0")
    _refuse_large(LABEL, rows.truth, predictions[KEY])
    return Ordered(rows.truth, rows.predicted, query)


def measured(labels: pl.Series, predictions: pl.DataFrame) -> Measured:
    """Labels and one model's predictions as numbers; :class:`StageError` for labels that are none.

    Likewise for numbers whose errors cannot be raised to the sixth power and added up.
    """
    rows = _numbers(labels, predictions)
    _refuse_large(LABEL, rows.truth, predictions[KEY])
    _refuse_large(PREDICTION, rows.predicted, predictions[KEY])
    return rows


def _refuse_large(name: str, values: Floats, keys: pl.Series) -> None:
    large = np.abs(values) > LARGEST
    if count := int(np.count_nonzero(large)):
        raise StageError(
            f"{name!r} is beyond {LARGEST:g} in {count:,} rows (the first has the key "
            f"{keys[int(np.argmax(large))]}): numbers so large cannot be added up; divide them by a unit"
        )


def _numbers(labels: pl.Series, predictions: pl.DataFrame) -> Measured:
    truth = labels.cast(pl.Float64, strict=False).to_numpy()
    if bad := int(np.count_nonzero(~np.isfinite(truth))):
        raise StageError(
            f"holdout-labels: {bad:,} values of {LABEL!r} are no finite numbers; the task needs numbers"
        )
    return Measured(truth, predictions[PREDICTION].to_numpy())
