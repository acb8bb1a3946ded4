"""Which rows are held out: by the hash of a key, by group, by time, by class, or as the user split them.

By key and by group a row's place depends on that text alone: its hash, read as a number between 0 and 1,
is below the holdout's share or not. So a row that is in the holdout stays there when others are added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from ml_stages.config.data import ColumnRule, DataConfig
from ml_stages.data.read import Table
from ml_stages.data.types import infer, kind_of, parse
from ml_stages.errors import DataError

_SPACE = 2**64


def held_out(
    table: Table, folder: Path, rows: pl.DataFrame, keys: pl.Series, config: DataConfig
) -> pl.Series:
    """Whether each row is held out; ``rows`` as :func:`read_verbatim` gives them, with their ``keys``.

    Raises :class:`DataError` when a row has no place, or a side no row.
    """
    rules = config.split
    if rules.method == "files":
        held = _by_files(table, folder, str(rules.files))
    elif rules.method == "time":
        held = _by_time(with_nulls(rows, table)[str(rules.column)], config)
    elif rules.method == "group":
        held = _below(_places(_groups(with_nulls(rows, table)[str(rules.column)])), config.holdout)
    else:
        # What stands after '#' tells equal rows apart; they stay on one side.
        places = _places(keys if config.key else keys.str.splitn("#", 2).struct[0])
        strata = rows[rules.column or config.label]
        held = (
            _by_strata(places, strata, config)
            if rules.method == "stratified"
            else _below(places, config.holdout)
        )
    _need_both_sides(held)
    return held


def method(config: DataConfig) -> str:
    """How the rows are split, in words."""
    rules, key = config.split, "the key" if config.key else "the row"
    return {
        "key": f"hash of {key}",
        "group": f"hash of {rules.column}",
        "time": f"{rules.column} since {rules.since}" if rules.since else f"newest by {rules.column}",
        "stratified": f"hash of {key} within each {rules.column or config.label}",
        "files": f"files {rules.files}",
    }[rules.method]


def _need_both_sides(held: pl.Series) -> None:
    count = int(held.sum())
    if not 0 < count < len(held):
        raise DataError(
            f"of {len(held):,} rows {count:,} would be held out: there must be rows on both sides"
        )


def _by_files(table: Table, folder: Path, pattern: str) -> pl.Series:
    chosen = set(folder.glob(pattern))
    if not chosen & set(table.files):
        names = ", ".join(file.name for file in table.files[:5])
        raise DataError(f"no file of the table matches data.split.files = {pattern!r}; it has {names}")
    sides = [
        pl.repeat(file in chosen, rows, dtype=pl.Boolean, eager=True)
        for file, rows in zip(table.files, table.file_rows(), strict=True)
    ]
    return pl.concat(sides)


def _by_time(column: pl.Series, config: DataConfig) -> pl.Series:
    rules = config.split
    kind = infer(column) if column.dtype == pl.String else kind_of(column.dtype)
    if kind not in {"int", "float", "date", "datetime", "datetime-utc"}:
        raise DataError(f"the column {column.name!r} holds no times (ISO 8601) or numbers to split by")
    _need_all(column, "time")
    times = (
        column.to_frame().select(parse(pl.col(column.name), kind)).to_series()
        if column.dtype == pl.String
        else column
    )
    if rules.since is None:
        first = (
            times.sort()[min(len(times) - 1, round(len(times) * (1 - config.holdout)))]
            if len(times)
            else None
        )
        return times >= first
    since = pl.DataFrame({"since": [rules.since]}).select(parse(pl.col("since"), kind)).to_series()
    if since.null_count():
        raise DataError(
            f"data.split.since = {rules.since!r} does not read as the {kind} that {column.name!r} holds"
        )
    held: pl.Series = times >= since.cast(times.dtype)[0]
    return held


def _groups(column: pl.Series) -> pl.Series:
    _need_all(column, "group")
    return column.cast(pl.String)


def _need_all(column: pl.Series, what: str) -> None:
    if nulls := column.null_count():
        raise DataError(
            f"the {what} {column.name!r} is null in {nulls:,} of {len(column):,} rows; every row needs one"
        )


def _by_strata(places: pl.Series, strata: pl.Series, config: DataConfig) -> pl.Series:
    """Of each stratum the rows with the smallest hashes; equal rows together."""
    ranked = pl.DataFrame({"place": places, "stratum": strata})
    rank, size = pl.col("place").rank("max").over("stratum"), pl.len().over("stratum")
    return ranked.select(rank <= (size * config.holdout).round()).to_series()


def need_columns(rows: pl.DataFrame, names: Iterable[str]) -> None:
    """Raise :class:`DataError` for the first column that is not there."""
    missing = [name for name in dict.fromkeys(names) if name not in rows.columns]
    if missing:
        raise DataError(f"the data has no column {missing[0]!r}; it has {', '.join(rows.columns)}")


def with_nulls(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The rows with CSV's null texts as nulls."""
    if table.format != "csv":
        return rows
    nulls = list(dict.fromkeys(["", *table.null_values]))
    return rows.with_columns(pl.when(~pl.all().is_in(nulls)).then(pl.all()))


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


def _places(texts: pl.Series) -> pl.Series:
    """BLAKE2b, 64 bits, of each text."""
    places = (int.from_bytes(_hash(text), "big") for text in texts)
    return pl.Series(places, dtype=pl.UInt64)


def _below(places: pl.Series, share: float) -> pl.Series:
    return places < int(share * _SPACE)


def is_held_out(keys: pl.Series, share: float) -> pl.Series:
    """Whether each row belongs to the holdout by the hash of its key."""
    return _below(_places(keys), share)
