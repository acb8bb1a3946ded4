"""Reading labels and predictions, and bringing their rows into the same order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from ml_stages.data.csv_names import read_texts
from ml_stages.data.missing import missing_of
from ml_stages.errors import StageError
from ml_stages.evaluation.text import canonical_value

KEY, LABEL, PREDICTION, PROBABILITY = "key", "label", "prediction", "probability_"
_EXAMPLES = 5
_FIRST = 1000


def read_labels(folder: Path, *, holes: bool = False) -> pl.DataFrame:
    """The holdout's labels: columns ``key`` (as text), ``label`` and those for slices."""
    return check_labels(pl.read_parquet(folder / "labels.parquet"), "holdout-labels", holes=holes)


def check_labels(table: pl.DataFrame, what: str, *, holes: bool = False) -> pl.DataFrame:
    """The table, or :class:`StageError` for missing labels (unless they may be) and repeated keys."""
    _need_columns(table, (KEY, LABEL), what)
    if not holes and (empty := (missing := missing_of(table[LABEL])).sum()):
        examples = _listed(table.filter(missing)[KEY])
        raise StageError(f"{what}: {empty:,} rows have no label (keys: {examples}); nothing can judge them")
    _refuse_repeated(table[KEY], what)
    if table.is_empty():
        raise StageError(f"{what}: there are no rows; make data.holdout larger or bring more data")
    return table


def read_predictions(
    folder: Path,
    known: pl.Series,
    *,
    numeric: bool,
    holes: bool = False,
    hide: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
) -> pl.DataFrame:
    """Predictions as written: ``prediction`` as a number or as text, probabilities as numbers.

    ``hide`` masks the keys before one of them is named.
    """
    table = read_texts(folder / "predictions.csv")
    table = hide(table) if hide else table
    return check_predictions(table, folder.name, known, numeric=numeric, holes=holes)


def check_predictions(
    table: pl.DataFrame, what: str, known: pl.Series, *, numeric: bool, holes: bool = False
) -> pl.DataFrame:
    """The table with numbers as numbers, or :class:`StageError` for one that is none, or missing.

    Keeps ``key``, ``prediction`` and the probabilities. With ``holes`` an empty prediction is one: a row
    without any label. ``known`` are labels or predictions of before: where one of them is the text ``nan``,
    that is a class, and no missing number that was written as text.
    """
    _need_columns(table, (KEY, PREDICTION), what)
    probabilities = [name for name in table.columns if name.startswith(PROBABILITY)]
    _need_classes_once(probabilities, what)
    numbers = [PREDICTION, *probabilities] if numeric else probabilities
    wanted = [name for name in (KEY, PREDICTION, *probabilities) if name not in numbers]
    try:
        table = table.select(KEY, *(n for n in wanted if n != KEY), *_floats(numbers))
    except (pl.exceptions.InvalidOperationError, pl.exceptions.ComputeError) as error:
        raise StageError(
            f"{what}: a prediction or probability is no number: {str(error).splitlines()[0]}"
        ) from None
    for name in (*([] if holes else [PREDICTION]), *probabilities):
        _refuse_holes(table, name, what, known)
    return table


def _floats(names: list[str]) -> list[pl.Expr]:
    return [pl.col(name).cast(pl.Float64) for name in names]


def _refuse_holes(table: pl.DataFrame, name: str, what: str, known: pl.Series) -> None:
    column = pl.col(name)
    bad = column.is_null()
    some = table.select(name)
    if table[name].dtype.is_float():
        bad |= ~column.is_finite()
    elif table[name].dtype in (pl.String, pl.Categorical):
        some = table[name].unique().to_frame()  # texts are looked at once each, not once a row
        bad |= column.cast(pl.String).str.strip_chars().is_in(["", *_no_classes(some[name], known)])
    bad = bad.fill_null(value=True)
    if some.select(bad.any()).item():
        holes = table.filter(bad)
        raise StageError(
            f"{what}: {holes.height:,} of {table.height:,} rows have no usable value in {name!r} (empty, NaN "
            f"or infinite; keys: {_listed(holes[KEY])}); the predictor must answer every row"
        )


def _no_classes(predicted: pl.Series, known: pl.Series) -> list[str]:
    """The ways in which NaN is written among the predictions, without those that are a class's name."""
    texts = predicted.cast(pl.String).str.strip_chars().drop_nulls()
    written = texts.filter(texts.str.to_lowercase() == "nan").to_list()
    if not written or known.dtype not in (pl.String, pl.Categorical):
        return written
    classes = set(known.unique().cast(pl.String))
    return [text for text in written if text not in classes]


def in_order_of(labels: pl.DataFrame, predictions: pl.DataFrame, what: str) -> pl.DataFrame:
    """The predictions in the order of the labels; exactly one for each key, or :class:`StageError`.

    The labels' keys are known to be different from each other.
    """
    if labels.schema[KEY] != predictions.schema[KEY]:
        text = pl.col(KEY).cast(pl.String)
        labels, predictions = labels.with_columns(text), predictions.with_columns(text)
    keys = labels[KEY]
    if predictions.height == keys.len() and (predictions[KEY] == keys).all():
        return predictions
    _refuse_repeated(predictions[KEY], what)
    missing = keys.filter(~keys.is_in(predictions[KEY].implode()))
    extra = predictions[KEY].filter(~predictions[KEY].is_in(keys.implode()))
    faults = [
        f"{found.len():,} {name} (keys: {_listed(found)})"
        for found, name in (
            (missing, "holdout rows without a prediction"),
            (extra, "predictions for other rows"),
        )
        if found.len()
    ]
    if faults:
        raise StageError(
            f"{what}: the keys do not match those of the holdout: {' and '.join(faults)}; "
            "one prediction is expected for each row of the holdout"
        )
    return labels.select(KEY).join(predictions, on=KEY, how="left", maintain_order="left")


def _refuse_repeated(keys: pl.Series, what: str) -> None:
    if empty := keys.null_count():
        raise StageError(f"{what}: {empty:,} rows have no key")
    if _all_differ(keys):
        return
    repeated = keys.filter(keys.is_duplicated())
    raise StageError(
        f"{what}: {repeated.n_unique():,} keys occur more than once, on {repeated.len():,} rows "
        f"(keys: {_listed(repeated.unique(maintain_order=True))}); a key must identify a row"
    )


def _all_differ(keys: pl.Series) -> bool:
    """Whether no key occurs twice: by sorted hashes, and exactly where two of them are equal.

    Numbers that ascend, as row numbers do, need neither, also where they are texts.
    """
    if (keys.dtype.is_integer() and _ascend(keys)) or (keys.dtype == pl.String and _are_row_numbers(keys)):
        return True
    hashes = np.sort(keys.hash().to_numpy())
    return not np.any(hashes[1:] == hashes[:-1]) or keys.n_unique() == keys.len()


def _are_row_numbers(texts: pl.Series) -> bool:
    """Whether texts are ascending whole numbers; looks at the first of them before it reads all."""
    for some in (texts.head(_FIRST), texts):
        numbers = some.cast(pl.Int64, strict=False)
        if numbers.null_count() or not _ascend(numbers):
            return False
    return True


def _ascend(keys: pl.Series) -> bool:
    """Whether each whole number is above the one before it; by the parts in which they were read."""
    parts = [part.to_numpy() for part in keys.get_chunks() if part.len()]
    firsts, lasts = (np.array([part[place] for part in parts]) for place in (0, -1))
    inside = (bool(np.all(part[1:] > part[:-1])) for part in parts)
    return bool(np.all(firsts[1:] > lasts[:-1])) and all(inside)


def _need_columns(table: pl.DataFrame, needed: tuple[str, ...], what: str) -> None:
    if lacking := [name for name in needed if name not in table.columns]:
        there = ", ".join(table.columns)
        raise StageError(f"{what}: the column {lacking[0]!r} is missing; there are: {there}")
    if nested := [name for name in needed if table[name].dtype.is_nested()]:
        raise StageError(
            f"{what}: {nested[0]!r} holds {table[nested[0]].dtype} in each row; expected one text, number or"
            " date (a set of labels is written as a text such as 'a|b')"
        )


def _need_classes_once(probabilities: list[str], what: str) -> None:
    """Raise :class:`StageError` for two columns of one class: one of them would not be looked at."""
    classes = [canonical_value(name.removeprefix(PROBABILITY)) for name in probabilities]
    if twice := [name for name, one in zip(probabilities, classes, strict=True) if classes.count(one) > 1]:
        raise StageError(f"{what}: {' and '.join(twice)} are the same class's; leave one of them out")


def _listed(keys: pl.Series) -> str:
    more = ", ..." if keys.len() > _EXAMPLES else ""
    return ", ".join(str(key) for key in keys.head(_EXAMPLES)) + more
