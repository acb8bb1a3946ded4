"""Evaluation of a file of predictions, for projects that use nothing else of the pipeline."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

import polars as pl

from ml_stages.data.csv_lines import SeparatorError, check_headers
from ml_stages.data.csv_names import meant
from ml_stages.errors import StageError, UsageError
from ml_stages.evaluation.catalogue import MULTILABEL, NUMERIC
from ml_stages.evaluation.classes import known_classes
from ml_stages.evaluation.evaluate import Aids, EvaluateConfig, evaluate
from ml_stages.evaluation.masked_keys import masked_keys
from ml_stages.evaluation.metrics_report import MetricsReport
from ml_stages.evaluation.read import KEY, LABEL, PREDICTION, PROBABILITY, check_labels, check_predictions
from ml_stages.evaluation.text import canonical
from ml_stages.side_by_side import both

_POSITIVE = "probability"


def evaluate_files(
    predictions: Path,
    baseline_predictions: Path | None,
    config: EvaluateConfig,
    aids: Aids = Aids(),  # noqa: B008 - immutable
) -> MetricsReport:
    """Metrics, slices and, with a baseline, comparisons, from CSV or Parquet files.

    Columns: ``key``, ``label``, ``prediction``, and for a classifier ``probability`` (of the positive
    class of two) or ``probability_<class>``; any other column can be a slice or a cluster. The
    baseline's file needs no label; where it has one, it must be the same. Raises
    :class:`UsageError` for files that are not there, :class:`StageError` for what is in them.
    """
    classes = config.task == "classification"
    table = read_table(predictions, classes=classes, wanted=[LABEL, *config.evaluation.columns])
    if masked := masked_keys(table, config.data):
        aids, table = replace(aids, keys=table[KEY]), masked.hide(table)
    labels, candidate = both(
        lambda: check_labels(table, predictions.name, holes=config.task == MULTILABEL),
        lambda: _predictions(table, table, predictions.name, config),
    )
    if baseline_predictions is None:
        return evaluate(labels, candidate, None, config, aids)
    other = read_table(baseline_predictions, classes=classes, wanted=[])
    other = masked.hide(other) if masked else other
    _same_labels(labels, other, baseline_predictions.name, config)
    baseline = _predictions(other, labels, baseline_predictions.name, config)
    return evaluate(labels, candidate, baseline, config, aids)


def read_table(path: Path, *, classes: bool = False, wanted: Collection[str] | None = None) -> pl.DataFrame:
    """A table out of a ``.csv`` (every value as text) or ``.parquet`` file.

    Where labels and predictions are ``classes``, their few texts are kept once each. With ``wanted``
    other columns than these, keys, labels, predictions and probabilities are left unread; not where one
    of them is missing, so that whoever misses it can say what there is.
    """
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    readers = {
        ".csv": lambda: _read_csv(path, wanted, classes=classes),
        ".parquet": lambda: _read_parquet(path, wanted),
    }
    if path.suffix not in readers:
        raise UsageError(f"{path}: predictions are read from .csv and .parquet files")
    try:
        return readers[path.suffix]()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    except pl.exceptions.PolarsError as error:
        raise StageError(f"{path}: cannot be read as {path.suffix}: {str(error).splitlines()[0]}") from None


def _chosen(names: Iterable[str], wanted: Collection[str] | None) -> list[str] | None:
    there = list(names)
    if wanted is None or not {KEY, PREDICTION, *wanted} <= set(there):
        return None
    always = {KEY, LABEL, PREDICTION, *wanted}
    return [name for name in there if name in always or name.startswith(_POSITIVE)]


def _read_parquet(path: Path, wanted: Collection[str] | None) -> pl.DataFrame:
    with path.open("rb") as file:
        names = list(pl.read_parquet_schema(file))
    return pl.read_parquet(path, columns=_chosen(names, wanted), glob=False)


def _read_csv(path: Path, wanted: Collection[str] | None, *, classes: bool) -> pl.DataFrame:
    """Everything as text but probabilities, which are many and can only be numbers."""
    read = {meant(name): name for name in pl.read_csv(path, infer_schema=False, n_rows=0, glob=False).columns}
    if len(read) == 1:
        _need_commas(path)
    chosen = _chosen(read, wanted)
    columns = None if chosen is None else [read[name] for name in chosen]
    types: dict[str, pl.DataType] = {
        name: pl.Float64() for name in read.values() if name.startswith(_POSITIVE)
    }
    if classes:
        types |= {name: pl.Categorical() for name in (LABEL, PREDICTION) if name in read}
    try:
        table = pl.read_csv(path, columns=columns, infer_schema=False, schema_overrides=types, glob=False)
    except pl.exceptions.ComputeError:
        # As texts: the message about what is no number names the column.
        table = pl.read_csv(path, columns=columns, infer_schema=False, glob=False)
    return table.rename(meant)


def _need_commas(path: Path) -> None:
    try:
        check_headers([path], ",")
    except SeparatorError as error:
        raise StageError(f"{error.seen}; write commas between fields, and points in numbers") from None


def _predictions(
    table: pl.DataFrame, labels: pl.DataFrame, what: str, config: EvaluateConfig
) -> pl.DataFrame:
    if _POSITIVE in table.columns and config.task == "classification":
        beside = [name for name in table.columns if name.startswith(PROBABILITY)]
        if beside:
            raise StageError(f"{what}: {_POSITIVE!r} stands beside {', '.join(beside)}; leave one form out")
        classes = known_classes(labels[LABEL], table, config.data.positive)
        if len(classes) != 2:
            raise StageError(
                f"{what}: the column {_POSITIVE!r} is the positive class's of two; for the classes "
                f"{', '.join(classes)} give one column {PROBABILITY}<class> each"
            )
        table = table.rename({_POSITIVE: PROBABILITY + classes[1]})
    is_set = config.task == MULTILABEL
    return check_predictions(table, what, labels[LABEL], numeric=config.task in NUMERIC, holes=is_set)


def _same_labels(labels: pl.DataFrame, other: pl.DataFrame, what: str, config: EvaluateConfig) -> None:
    if LABEL not in other.columns or KEY not in other.columns or PREDICTION not in other.columns:
        return
    both = labels.select(pl.col(KEY, LABEL).cast(pl.String)).join(
        other.select(pl.col(KEY).cast(pl.String), pl.col(LABEL).cast(pl.String).alias("other")), on=KEY
    )
    differing = both.filter(pl.col(LABEL) != pl.col("other"))
    if differing.height:  # files are written by different tools: 1, 1.0 and 1.00 are the same label
        numeric = config.task in NUMERIC
        mine, theirs = (_comparable(differing[name], numeric=numeric) for name in (LABEL, "other"))
        differing = differing.filter(mine.ne_missing(theirs))
    if differing.height:
        keys = ", ".join(differing[KEY].head(5))
        first = f"; the first is {differing['other'][0]!r} here and {differing[LABEL][0]!r} there"
        # Here it is no class by itself, but what one row has.
        shown = "" if any(map(config.data.is_sensitive, (LABEL, config.data.label))) else first
        raise StageError(
            f"{what}: {differing.height:,} rows have another label than the candidate's (keys: {keys}{shown})"
        )


def _comparable(labels: pl.Series, *, numeric: bool) -> pl.Series:
    return labels.cast(pl.Float64, strict=False) if numeric else canonical(labels)
