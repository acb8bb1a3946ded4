"""The stage ``split``: which rows train, and which judge.

A row's place depends on its key alone: the hash of the key, read as a number between 0 and 1, is below
the holdout's share or not. So a row that is in the holdout stays there when others are added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from ml_stages import digest
from ml_stages.config.data import DataConfig
from ml_stages.config.sections import EvaluationConfig
from ml_stages.data.read import read_verbatim
from ml_stages.errors import DataError
from ml_stages.evidence import SplitReport
from ml_stages.job import Job

_SPACE = 2**64


def run(job: Job) -> None:
    """Writes the train set with every column, and the holdout's features and labels apart."""
    config = DataConfig.model_validate(job.config["data"])
    evaluation = EvaluationConfig.model_validate(job.config["evaluation"])
    table = read_verbatim(job.inputs["data"], config)
    _need_columns(table, [*config.key, config.label, *evaluation.slices])
    keys = row_keys(table, config)
    held = is_held_out(keys, config.holdout)
    holdout = table.filter(held)
    if not 0 < holdout.height < table.height:
        raise DataError(
            f"of {table.height:,} rows {holdout.height:,} would be held out: there must be rows on both sides"
        )
    suffix = ".parquet" if Path(config.path).suffix == ".parquet" else ".csv"
    _write(table.filter(~held), job.outputs["train-set"] / f"train{suffix}")
    features = [name for name in table.columns if config.is_feature(name)]
    _write(holdout.select(features), job.outputs["holdout-features"] / f"features{suffix}")
    held_keys = keys.filter(held)
    held_keys.to_frame().write_csv(job.outputs["holdout-features"] / "keys.csv")
    _labels(holdout, held_keys, config, evaluation).write_parquet(
        job.outputs["holdout-labels"] / "labels.parquet"
    )
    job.write_report(
        SplitReport(
            method="hash of the key" if config.key else "hash of the row",
            train_rows=table.height - holdout.height,
            holdout_rows=holdout.height,
            holdout_digest=digest.of_value(held_keys.sort().to_list()),
        )
    )


def _need_columns(table: pl.DataFrame, names: Iterable[str]) -> None:
    missing = [name for name in dict.fromkeys(names) if name not in table.columns]
    if missing:
        raise DataError(f"the data has no column {missing[0]!r}; it has {', '.join(table.columns)}")


def row_keys(table: pl.DataFrame, config: DataConfig) -> pl.Series:
    """What identifies each row, as text: its key columns joined by ``|``, else a hash of all its values.

    Raises :class:`DataError` when a key repeats: nobody could say which row an answer is for. Rows that
    are equal in every value go to the same side, numbered apart.
    """
    if config.key:
        keys = _joined(table.select(config.key))
        if repeated := keys.filter(keys.is_duplicated()).head(3).to_list():
            raise DataError(
                f"the key {'|'.join(config.key)} repeats, e.g. {repeated[0]!r}; every row needs its own"
            )
        return keys
    rows = _joined(table)
    hashes = pl.Series("key", [hashlib.blake2b(row.encode(), digest_size=8).hexdigest() for row in rows])
    nth = (
        pl.select(pl.int_range(pl.len()).over(hashes)).to_series()
        if table.height
        else pl.Series([], dtype=pl.Int64)
    )
    return (
        hashes + pl.select(pl.when(nth > 0).then("#" + nth.cast(pl.String)).otherwise(pl.lit(""))).to_series()
    ).alias("key")


def _joined(table: pl.DataFrame) -> pl.Series:
    texts = [pl.col(name).cast(pl.String).fill_null("") for name in table.columns]
    return table.select(pl.concat_str(texts, separator="|").alias("key")).to_series()


def is_held_out(keys: pl.Series, share: float) -> pl.Series:
    """Whether each row belongs to the holdout; the hash is BLAKE2b, 64 bits, of the key's text."""
    limit = int(share * _SPACE)
    # What stands before '#' decides, so that equal rows are never on both sides.
    places = (
        int.from_bytes(hashlib.blake2b(key.partition("#")[0].encode(), digest_size=8).digest(), "big")
        for key in keys
    )
    return pl.Series([place < limit for place in places], dtype=pl.Boolean)


def _labels(
    holdout: pl.DataFrame, keys: pl.Series, config: DataConfig, evaluation: EvaluationConfig
) -> pl.DataFrame:
    apart = [name for name in holdout.columns if not config.is_feature(name) and name != config.label]
    wanted = [name for name in dict.fromkeys([*apart, *evaluation.slices]) if name not in ("key", "label")]
    return holdout.select(keys.alias("key"), pl.col(config.label).alias("label"), *wanted)


def _write(table: pl.DataFrame, file: Path) -> None:
    if file.suffix == ".parquet":
        table.write_parquet(file)
    else:
        table.write_csv(file, quote_style="necessary")
