"""Which rows are held out: by the hash of a key, by group, by time, by class, or as the user split them.

Where rows come in clusters (``evaluation.cluster``: a patient's visits), a split by hash keeps a cluster
together: by its own hash instead of the key's.

By key and by group a row's place depends on that text alone: its hash, read as a number between 0 and 1,
is below the holdout's share or not. So a row that is in the holdout stays there when others are added.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ml_stages.config.data import DataConfig
from ml_stages.data.files import files_matching
from ml_stages.data.missing import missing_of
from ml_stages.data.read import Table
from ml_stages.data.types import Kind, as_texts, infer, kind_of, parse
from ml_stages.errors import DataError

_SPACE = 2**64
_SEEN = 1_000
"""Texts of a key by which it is told what they are."""
_TOLD_OF_FORMS = (
    "the holdout is chosen by the text of {}: stored in another format (CSV instead of Parquet, another"
    " precision or offset) the same rows are split otherwise, and a published model judges rows that it was"
    " trained on; keep the format, or choose a key of whole numbers or codes; data.split.acknowledged = {}"
    " leaves this note out"
)
_OFF = 0.5
"""Share of the rows to be held out by which a split within strata may miss them."""


@dataclass(frozen=True)
class Splitter:
    """A table that is to be split, as it was read."""

    table: Table
    folder: Path
    config: DataConfig
    cluster: str | None = None
    """Column whose rows belong together."""


def held_out(split: Splitter, rows: pl.DataFrame, keys: pl.Series) -> pl.Series:
    """Whether each row is held out; ``rows`` as :func:`read_verbatim` gives them, with their ``keys``.

    Raises :class:`DataError` when a row has no place, or a side no row.
    """
    config, rules = split.config, split.config.split
    if rules.method == "files":
        held = _by_files(split.table, split.folder, str(rules.files))
    elif rules.method == "time":
        held = _by_time(with_nulls(rows, split.table)[str(rules.column)], config)
    else:
        together = rules.column if rules.method == "group" else split.cluster
        # What stands after '#' tells equal rows apart; they stay on one side.
        units = keys if config.key else keys.str.splitn("#", 2).struct[0]
        if together is not None:
            units = _groups(with_nulls(rows, split.table)[together])
        strata = rows[rules.column or config.label] if rules.method == "stratified" else None
        held = _by_hash(units, strata, config)
    if rules.method == "stratified":
        _need_share(held, rules.column or config.label, config.holdout)
    _need_both_sides(held)
    return held


def told_of_forms(split: Splitter, rows: pl.DataFrame) -> list[str]:
    """A note where a row's place depends on how a file writes a value: times and fractions have many texts.

    The hash stays that of the text, since another one would move rows of published holdouts.
    """
    rules = split.config.split
    if rules.method in {"files", "time"}:
        return []
    together = rules.column if rules.method == "group" else split.cluster
    names = split.config.key if together is None else [together]
    forms = {name: what for name in names if (what := _many_texts(rows[name]))}
    if forms.keys() <= set(rules.acknowledged):
        return []
    texts = " and ".join(f"{name!r}, which holds {what}" for name, what in forms.items())
    return [_TOLD_OF_FORMS.format(texts, json.dumps([*forms], ensure_ascii=False))]


def _many_texts(column: pl.Series) -> str:
    """What a column holds that is written in several ways; empty for whole numbers, codes and dates."""
    kind = infer(column.head(_SEEN)) if column.dtype == pl.String else kind_of(column.dtype)
    return {"float": "fractions", "datetime": "times", "datetime-utc": "times"}.get(kind or "", "")


def _by_hash(units: pl.Series, strata: pl.Series | None, config: DataConfig) -> pl.Series:
    places = _places(units)
    return _below(places, config.holdout) if strata is None else _by_strata(places, strata, config)


def method(config: DataConfig, cluster: str | None = None) -> str:
    """How the rows are split, in words."""
    rules, key = config.split, cluster or ("the key" if config.key else "the row")
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
            f"of {len(held):,} rows {count:,} would be held out: there must be rows on both sides; "
            "change data.holdout or data.split, or bring more data"
        )


def _need_share(held: pl.Series, column: str, share: float) -> None:
    """Of values with a row or two each a share is all or nothing."""
    count, wanted = int(held.sum()), share * len(held)
    if abs(count - wanted) > max(1, _OFF * wanted):
        raise DataError(
            f"of {len(held):,} rows {count:,} would be held out instead of {wanted:,.0f}: too few rows (or"
            f" groups of them) have the same {column!r} to hold out a share of each; stratify by a column"
            ' of few values, or split by method = "key"'
        )


def _by_files(table: Table, folder: Path, pattern: str) -> pl.Series:
    chosen = set(files_matching(folder, pattern, "data.split.files"))
    if not chosen & set(table.files):
        names = ", ".join(file.relative_to(folder).as_posix() for file in table.files[:5])
        raise DataError(f"no file of the table matches data.split.files = {pattern!r}; it has {names}")
    sides = [
        pl.repeat(file in chosen, rows, dtype=pl.Boolean, eager=True)
        for file, rows in zip(table.files, table.file_rows, strict=True)
    ]
    return pl.concat(sides)


def times_of(column: pl.Series) -> pl.Series:
    """A column of times or numbers, parsed; raises :class:`DataError` for another one, or a null in it."""
    kind = _time_kind(column)
    _need_all(column, "time")
    if column.dtype != pl.String:
        return column
    return column.to_frame().select(parse(pl.col(column.name), kind)).to_series()


def _time_kind(column: pl.Series) -> Kind:
    kind = infer(column) if column.dtype == pl.String else kind_of(column.dtype)
    if kind is None or kind in {"string", "bool"}:
        raise DataError(f"the column {column.name!r} holds no times (ISO 8601) or numbers to split by")
    return kind


def _by_time(column: pl.Series, config: DataConfig) -> pl.Series:
    rules, times = config.split, times_of(column)
    if rules.since is None:
        first = (
            times.sort()[min(len(times) - 1, round(len(times) * (1 - config.holdout)))]
            if len(times)
            else None
        )
        return times >= first
    kind = _time_kind(column)
    text = _as_written(rules.since, kind)
    since = pl.DataFrame({"since": [text]}).select(parse(pl.col("since"), kind)).to_series()
    if since.null_count():
        form = _FORMS.get(kind, "a number")
        raise DataError(f"data.split.since = {rules.since!r}, but {column.name!r} holds {form}")
    held: pl.Series = times >= since.cast(times.dtype)[0]
    return held


_FORMS: dict[str, str] = {
    "date": "dates, such as 2024-01-31",
    "datetime": "times without an offset, such as 2024-01-31 or 2024-01-31T12:00:00",
    "datetime-utc": "times with an offset, such as 2024-01-31T12:00:00+01:00, 2024-01-31T11:00:00Z, or"
    " 2024-01-31 for its midnight in UTC",
}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_OFFSET = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$")


def _as_written(since: str, kind: Kind) -> str:
    """A date as its midnight among times, and a time without an offset as UTC among those with one."""
    if kind not in {"datetime", "datetime-utc"}:
        return since
    time = f"{since}T00:00:00" if _DATE.fullmatch(since) else since
    return f"{time}Z" if kind == "datetime-utc" and not _OFFSET.search(time) else time


def _groups(column: pl.Series) -> pl.Series:
    _need_all(column, "group")
    return as_texts(column)


def _need_all(column: pl.Series, what: str) -> None:
    if nulls := missing_of(column).sum():
        raise DataError(
            f"the {what} {column.name!r} is null in {nulls:,} of {len(column):,} rows; every row needs one"
        )


def _by_strata(places: pl.Series, strata: pl.Series, config: DataConfig) -> pl.Series:
    """Of each stratum the units with the smallest hashes; equal units together.

    A unit whose rows are in several strata counts for the one that most of them are in.
    """
    rows = pl.DataFrame({"place": places, "stratum": strata})
    first = pl.col("stratum").drop_nulls().mode().sort().first()
    units = rows.group_by("place").agg(first.alias("stratum"), pl.len().alias("rows")).sort("place")
    reached, size = pl.col("rows").cum_sum().over("stratum"), pl.col("rows").sum().over("stratum")
    held = units.select("place", held=reached <= (size * config.holdout).round())
    return rows.join(held, on="place", how="left", maintain_order="left")["held"]


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
    texts = pl.col([name for name, dtype in rows.schema.items() if dtype == pl.String])  # not from folders
    return rows.with_columns(pl.when(~texts.is_in(nulls)).then(texts))


def row_keys(rows: pl.DataFrame, config: DataConfig) -> pl.Series:
    """What identifies each row, as text: its key columns joined by ``|``, else a hash of all its values.

    Raises :class:`DataError` when a key repeats: nobody could say which row an answer is for. Rows that
    are equal in every value go to the same side, numbered apart by ``#``.
    """
    if config.key:
        keys = _joined(rows.select(config.key))
        if repeated := keys.filter(keys.is_duplicated()).head(1).to_list():
            masked = any(config.is_sensitive(name) for name in config.key)
            example = "" if masked else f", e.g. {repeated[0]!r}"
            raise DataError(f"the key {'|'.join(config.key)} repeats{example}; every row needs its own")
        return keys
    digests = _digests(_joined(rows)).hex()
    hashes = pl.Series("key", [digests[i : i + 16] for i in range(0, len(digests), 16)], dtype=pl.String)
    nth = pl.int_range(pl.len()).over("key")
    numbered = pl.when(nth > 0).then(pl.concat_str("key", pl.lit("#"), nth)).otherwise("key")
    return hashes.to_frame().select(numbered.alias("key")).to_series()


def _joined(rows: pl.DataFrame) -> pl.Series:
    rows = rows.select(map(as_texts, rows.get_columns()))
    texts = [pl.col(name).fill_null("") for name in rows.columns]
    if len(texts) > 1:  # so that ("a|b", "c") and ("a", "b|c") differ
        texts = [text.str.replace_all(r"([\\|])", r"\$1") for text in texts]
    return rows.select(pl.concat_str(texts, separator="|").alias("key")).to_series()


def _digests(texts: pl.Series) -> bytes:
    """BLAKE2b of each text, 8 bytes each: a hash that is the same in every version of everything."""
    hashed = functools.partial(hashlib.blake2b, digest_size=8)
    return b"".join(hashed(text).digest() for text in texts.cast(pl.Binary))


def _places(texts: pl.Series) -> pl.Series:
    """The digest of each text as a number; of texts that repeat often, once."""
    if texts.n_unique() < len(texts) / 2:
        different = texts.unique()
        return texts.replace_strict(different, _places(different), return_dtype=pl.UInt64)
    return pl.Series(np.frombuffer(_digests(texts), dtype=">u8").astype(np.uint64))


def _below(places: pl.Series, share: float) -> pl.Series:
    return places < int(share * _SPACE)


def is_held_out(keys: pl.Series, share: float) -> pl.Series:
    """Whether each row belongs to the holdout by the hash of its key."""
    return _below(_places(keys), share)
