"""Reading labels and predictions, and bringing their rows into the same order."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ml_stages.errors import StageError

KEY, LABEL, PREDICTION, PROBABILITY = "key", "label", "prediction", "probability_"
_EXAMPLES = 5


def read_labels(folder: Path) -> pl.DataFrame:
    """The holdout's labels: columns ``key`` (as text), ``label`` and those for slices."""
    table = pl.read_parquet(folder / "labels.parquet")
    _need_columns(table.columns, (KEY, LABEL), "holdout-labels")
    table = table.with_columns(pl.col(KEY).cast(pl.String))
    if empty := table[LABEL].null_count():
        examples = _listed(table.filter(pl.col(LABEL).is_null())[KEY])
        raise StageError(
            f"holdout-labels: {empty:,} rows have no label (keys: {examples}); nothing can judge them"
        )
    _refuse_repeated(table[KEY], "holdout-labels")
    if table.is_empty():
        raise StageError(
            "holdout-labels: the holdout has no rows; make data.holdout larger or bring more data"
        )
    return table


def read_predictions(folder: Path, *, numeric: bool) -> pl.DataFrame:
    """Predictions as written: ``prediction`` as a number or as text, probabilities as numbers."""
    path = folder / "predictions.csv"
    columns = pl.read_csv(path, n_rows=0, infer_schema=False).columns
    _need_columns(columns, (KEY, PREDICTION), folder.name)
    types: dict[str, pl.DataType] = dict.fromkeys(columns, pl.String())
    types |= {name: pl.Float64() for name in columns if name.startswith(PROBABILITY)}
    if numeric:
        types[PREDICTION] = pl.Float64()
    try:
        table = pl.read_csv(path, schema=types)
    except pl.exceptions.ComputeError as error:
        raise StageError(
            f"{folder.name}: a prediction or probability is no number: {str(error).splitlines()[0]}"
        ) from None
    return check_predictions(table, folder.name)


def check_predictions(table: pl.DataFrame, what: str) -> pl.DataFrame:
    """The table, or :class:`StageError` for a prediction or probability that is empty or not finite."""
    for name in table.columns:
        if name == PREDICTION or name.startswith(PROBABILITY):
            _refuse_holes(table, name, what)
    return table


def _refuse_holes(table: pl.DataFrame, name: str, what: str) -> None:
    column = pl.col(name)
    bad = column.is_null()
    if table[name].dtype.is_float():
        bad |= ~column.is_finite()
    elif table[name].dtype == pl.String:
        bad |= column.str.strip_chars().str.to_lowercase().is_in(["", "nan"])
    holes = table.filter(bad.fill_null(value=True))
    if holes.height:
        raise StageError(
            f"{what}: {holes.height:,} of {table.height:,} rows have no usable value in {name!r} (empty, NaN "
            f"or infinite; keys: {_listed(holes[KEY])}); the predictor must answer every row"
        )


def in_order_of(labels: pl.DataFrame, predictions: pl.DataFrame, what: str) -> pl.DataFrame:
    """The predictions in the order of the labels; exactly one for each key, or :class:`StageError`."""
    keys = labels[KEY]
    _refuse_repeated(predictions[KEY], what)
    if predictions.height == keys.len() and (predictions[KEY] == keys).all():
        return predictions
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
    if keys.n_unique() == keys.len():
        return
    repeated = keys.filter(keys.is_duplicated())
    raise StageError(
        f"{what}: {repeated.n_unique():,} keys occur more than once, on {repeated.len():,} rows "
        f"(keys: {_listed(repeated.unique(maintain_order=True))}); a key must identify a row"
    )


def _need_columns(columns: list[str], needed: tuple[str, ...], what: str) -> None:
    if lacking := [name for name in needed if name not in columns]:
        raise StageError(f"{what}: the column {lacking[0]!r} is missing; there are: {', '.join(columns)}")


def _listed(keys: pl.Series) -> str:
    more = ", ..." if keys.len() > _EXAMPLES else ""
    return ", ".join(str(key) for key in keys.head(_EXAMPLES)) + more
