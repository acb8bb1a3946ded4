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
from ml_stages.config.data import ColumnRule, DataConfig
from ml_stages.config.sections import EvaluationConfig
from ml_stages.data.read import Format, Table, read_verbatim
from ml_stages.errors import DataError
from ml_stages.evidence import SplitReport
from ml_stages.job import Job

_SPACE = 2**64


def run(job: Job) -> None:
    """Writes the train set with every column, and the holdout's features and labels apart."""
    config = DataConfig.model_validate(job.config["data"])
    evaluation = EvaluationConfig.model_validate(job.config["evaluation"])
    rows, table = read_verbatim(job.inputs["data"], config)
    _need_columns(rows, [*config.key, config.label, *evaluation.slices])
    _need_values(_with_nulls(rows, table), config)
    keys = row_keys(rows, config)
    held = is_held_out(keys, config.holdout, numbered=not config.key)
    holdout = rows.filter(held)
    if not 0 < holdout.height < rows.height:
        raise DataError(
            f"of {rows.height:,} rows {holdout.height:,} would be held out: there must be rows on both sides"
        )
    features = [name for name in rows.columns if config.is_feature(name)]
    tabular: Format = "csv" if table.format == "csv" else "parquet"
    _write(rows.filter(~held), job.outputs["train-set"], "train", table.format)
    _write(holdout.select(features), job.outputs["holdout-features"], "features", tabular)
    held_keys = keys.filter(held)
    held_keys.to_frame().write_csv(job.outputs["holdout-features"] / "keys.csv")
    _labels(_with_nulls(holdout, table), held_keys, config, evaluation).write_parquet(
        job.outputs["holdout-labels"] / "labels.parquet"
    )
    job.write_report(
        SplitReport(
            method="hash of the key" if config.key else "hash of the row",
            train_rows=rows.height - holdout.height,
            holdout_rows=holdout.height,
            holdout_digest=digest.of_value(held_keys.sort().to_list()),
        )
    )


def _need_columns(table: pl.DataFrame, names: Iterable[str]) -> None:
    missing = [name for name in dict.fromkeys(names) if name not in table.columns]
    if missing:
        raise DataError(f"the data has no column {missing[0]!r}; it has {', '.join(table.columns)}")


def _with_nulls(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The rows with CSV's null texts as nulls."""
    if table.format != "csv":
        return rows
    nulls = list(dict.fromkeys(["", *table.null_values]))
    return rows.with_columns(pl.when(~pl.all().is_in(nulls)).then(pl.all()))


def _need_values(rows: pl.DataFrame, config: DataConfig) -> None:
    for name in [*config.key, config.label]:
        if nulls := rows[name].null_count():
            what = "label" if name == config.label else "key"
            raise DataError(
                f"the {what} {name!r} is null in {nulls:,} of {rows.height:,} rows; every row needs one"
            )


def row_keys(rows: pl.DataFrame, config: DataConfig) -> pl.Series:
    """What identifies each row, as text: its key columns joined by ``|``, else a hash of all its values.

    Raises :class:`DataError` when a key repeats: nobody could say which row an answer is for. Rows that
    are equal in every value go to the same side, numbered apart by ``#``.
    """
    if config.key:
        keys = _joined(rows.select(config.key))
        if repeated := keys.filter(keys.is_duplicated()).head(1).to_list():
            masked = any(config.columns.get(name, ColumnRule()).sensitive for name in config.key)
            example = "" if masked else f", e.g. {repeated[0]!r}"
            raise DataError(f"the key {'|'.join(config.key)} repeats{example}; every row needs its own")
        return keys
    hashes = pl.Series("key", [_hash(row).hex() for row in _joined(rows)], dtype=pl.String)
    nth = pl.int_range(pl.len()).over("key")
    numbered = pl.when(nth > 0).then(pl.concat_str("key", pl.lit("#"), nth)).otherwise("key")
    return hashes.to_frame().select(numbered.alias("key")).to_series()


def _joined(rows: pl.DataFrame) -> pl.Series:
    texts = [pl.col(name).cast(pl.String).fill_null("") for name in rows.columns]
    if len(texts) > 1:  # so that ("a|b", "c") and ("a", "b|c") differ
        texts = [text.str.replace_all(r"([\\|])", r"\$1") for text in texts]
    return rows.select(pl.concat_str(texts, separator="|").alias("key")).to_series()


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def is_held_out(keys: pl.Series, share: float, *, numbered: bool = False) -> pl.Series:
    """Whether each row belongs to the holdout; the hash is BLAKE2b, 64 bits, of the key's text.

    ``numbered``: what stands after the last ``#`` tells equal rows apart, and does not count.
    """
    limit = int(share * _SPACE)
    texts = (key.partition("#")[0] for key in keys) if numbered else keys
    places = (int.from_bytes(_hash(text), "big") for text in texts)
    return pl.Series([place < limit for place in places], dtype=pl.Boolean)


def _labels(
    holdout: pl.DataFrame, keys: pl.Series, config: DataConfig, evaluation: EvaluationConfig
) -> pl.DataFrame:
    apart = [name for name in holdout.columns if not config.is_feature(name) and name != config.label]
    wanted = [name for name in dict.fromkeys([*apart, *evaluation.slices]) if name not in ("key", "label")]
    return holdout.select(keys.alias("key"), pl.col(config.label).alias("label"), *wanted)


def _write(rows: pl.DataFrame, folder: Path, name: str, form: Format) -> None:
    file = folder / f"{name}.{form}"
    if form == "csv":
        rows.write_csv(file, quote_style="necessary")
    elif form == "parquet":
        rows.write_parquet(file)
    elif form == "arrow":
        rows.write_ipc(file)
    else:
        rows.write_ndjson(file)
