"""The stage ``split``: which rows train, and which judge."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ml_stages import digest
from ml_stages.config.data import DataConfig
from ml_stages.config.sections import EvaluationConfig
from ml_stages.data.files import Format
from ml_stages.data.membership import (
    Splitter,
    held_out,
    method,
    need_columns,
    row_keys,
    told_of_forms,
    with_nulls,
)
from ml_stages.data.missing import missing_of
from ml_stages.data.read import Table, read_verbatim
from ml_stages.errors import DataError
from ml_stages.evaluation.catalogue import MULTILABEL
from ml_stages.evaluation.positive import positive_fault
from ml_stages.evaluation.slice_values import slice_values
from ml_stages.evaluation.text import canonical, canonical_value
from ml_stages.evidence import SplitReport
from ml_stages.job import Job

_TOLD_OF_GROUPS = (
    "the rows of each {0!r} are on one side of the split, and intervals take every row for independent, which"
    ' makes them too narrow where rows of one are alike; evaluation.cluster = "{0}" counts groups,'
    ' and data.split.acknowledged = ["{0}"] leaves this note out'
)


def run(job: Job) -> None:
    """Writes the train set with every column, and the holdout's features, other columns and labels apart.

    The others are for a published model, which may have been given columns that no predictor is given now.
    """
    config = DataConfig.model_validate(job.config["data"])
    evaluation = EvaluationConfig.model_validate(job.config["evaluation"])
    rows, table = read_verbatim(job.inputs["data"], config)
    rules = config.split
    wanted = [*config.key, config.label, *evaluation.columns, rules.column, rules.group]
    need_columns(rows, [name for name in wanted if name])
    needed = config.key if job.config["task"] == MULTILABEL else [*config.key, config.label]
    _need_values(with_nulls(rows, table), needed, config.label)
    if job.config["task"] == "classification":
        _need_positive(with_nulls(rows, table)[config.label], config)
    keys = row_keys(rows, config)
    splitter = Splitter(table, job.inputs["data"], config, evaluation.together)
    held = held_out(splitter, rows, keys)
    holdout, held_keys = rows.filter(held), keys.filter(held)
    labels = _labels(with_nulls(holdout, table), held_keys, config, evaluation)
    for name in set(evaluation.slices) & set(labels.columns):
        slice_values(labels[name])  # evaluation would refuse it, after all of the training
    features = _features(rows.columns, config)
    _write_train(rows.filter(~held), job.outputs["train-set"], table)
    write_features(holdout.select(features), job.outputs["holdout-features"], table.format)
    if others := [name for name in rows.columns if name not in {*features, config.label}]:
        write_features(holdout.select(others), job.outputs["holdout-others"], table.format)
    held_keys.to_frame().write_csv(job.outputs["holdout-features"] / "keys.csv")
    labels.write_parquet(job.outputs["holdout-labels"] / "labels.parquet")
    job.write_report(
        SplitReport(
            method=method(config, evaluation.together),
            train_rows=rows.height - holdout.height,
            holdout_rows=holdout.height,
            holdout_digest=digest.of_value(held_keys.sort().to_list()),
            notes=[*told_of_forms(splitter, rows), *_told_of_groups(config, evaluation)],
        )
    )


def _features(names: list[str], config: DataConfig) -> list[str]:
    """The columns that a predictor is given; raises :class:`DataError` where there is none."""
    if features := [name for name in names if config.is_feature(name)]:
        return features
    remedy = "".join(
        f"; data.columns.{name}.feature = true gives the model a part of the key" for name in config.key[:1]
    )
    why = "each is the label, part of the key or has feature = false"
    raise DataError(f"no column is left to predict from: {why}{remedy}")


def _told_of_groups(config: DataConfig, evaluation: EvaluationConfig) -> list[str]:
    """A note where rows belong together for the split, and not for the evaluation."""
    group = config.split.group or (config.split.column if config.split.method == "group" else None)
    if group in (None, *config.split.acknowledged) or evaluation.together is not None:
        return []
    return [_TOLD_OF_GROUPS.format(group)]


def _need_values(rows: pl.DataFrame, names: list[str], label: str) -> None:
    for name in names:
        if nulls := missing_of(rows[name]).sum():
            what = "label" if name == label else "key"
            raise DataError(
                f"the {what} {name!r} is null in {nulls:,} of {rows.height:,} rows; every row needs one"
            )


def _need_positive(labels: pl.Series, config: DataConfig) -> None:
    """Nobody should train for hours to be told of a class that is spelt otherwise, or of one too many."""
    if config.positive is None:
        return
    classes = sorted(canonical(labels.unique().drop_nulls()).unique())
    wanted = canonical_value(config.positive)
    label, is_sensitive = f"the label {config.label!r}", config.is_sensitive(config.label)
    if why := positive_fault(wanted, classes, label, is_sensitive=is_sensitive):
        raise DataError(why)


def _labels(
    holdout: pl.DataFrame, keys: pl.Series, config: DataConfig, evaluation: EvaluationConfig
) -> pl.DataFrame:
    apart = [name for name in holdout.columns if not config.is_feature(name) and name != config.label]
    carried = dict.fromkeys([*apart, *evaluation.columns])
    wanted = [name for name in carried if name not in ("key", "label", config.label)]
    return holdout.select(keys.alias("key"), pl.col(config.label).alias("label"), *wanted)


def _write_train(rows: pl.DataFrame, folder: Path, table: Table) -> None:
    """As the table was: whoever trains reads it by the same words."""
    if table.format == "csv":
        are_tsv = all(file.suffix.lower() == ".tsv" for file in table.files)
        file = folder / f"train.{'tsv' if are_tsv else 'csv'}"
        rows.write_csv(file, separator=table.separator, quote_style="necessary")
    elif table.format == "parquet":
        rows.write_parquet(folder / "train.parquet")
    elif table.format == "arrow":
        rows.write_ipc(folder / "train.arrow")
    else:
        rows.write_ndjson(folder / "train.jsonl")


def write_features(rows: pl.DataFrame, folder: Path, form: Format) -> None:
    """As our own stages read them: CSV with commas for rows of CSV, else Parquet."""
    if form == "csv":
        rows.write_csv(folder / "features.csv", quote_style="necessary")
    else:
        rows.write_parquet(folder / "features.parquet")
