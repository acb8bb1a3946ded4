"""Columns that folders hold, as in ``region=north/year=2024/part-0.parquet``."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from ml_stages.data.files import shown_name
from ml_stages.errors import DataError

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
FILE = "\1file"
"""The name of a column with the rows' files."""


@dataclass(frozen=True)
class Partitions:
    """The columns that folders hold, and the value of each file."""

    files: Sequence[Path] = ()
    values: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    """By the column, in the order of the files."""

    def __bool__(self) -> bool:
        return bool(self.values)

    @functools.cached_property
    def types(self) -> dict[str, pl.DataType]:
        """Whole numbers and dates where every value is written as one, else texts: `007` is not 7."""
        return {name: _type(values) for name, values in self.values.items()}

    def by_path(self, scan: pl.LazyFrame) -> pl.LazyFrame:
        """The columns beside those of a scan that says each row's in the column :data:`FILE`."""
        if not self:
            return scan
        paths = [str(file) for file in self.files]
        columns = [
            pl.col(FILE).replace_strict(paths, values, return_dtype=values.dtype).alias(name)
            for name, values in self._typed.items()
        ]
        return scan.with_columns(columns).drop(FILE)

    @property
    def of_first(self) -> list[pl.Expr]:
        """The columns of the first file's rows."""
        return [pl.lit(values[0], dtype=values.dtype).alias(name) for name, values in self._typed.items()]

    @property
    def _typed(self) -> dict[str, pl.Series]:
        texts = {name: pl.Series(values, dtype=pl.String) for name, values in self.values.items()}
        return {
            name: values.str.to_date() if self.types[name] == pl.Date() else values.cast(self.types[name])
            for name, values in texts.items()
        }


def _type(values: Sequence[str | None]) -> pl.DataType:
    there = [value for value in values if value is not None]
    if there and all(map(_is_whole, there)):
        return pl.Int64()
    return pl.Date() if there and all(map(_is_date, there)) else pl.String()


def _is_whole(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isdecimal() and str(int(text)) == text and abs(int(text)) < 2**63


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def partitions_of(folder: Path, files: Sequence[Path]) -> Partitions:
    """What the folders of a table hold; raises :class:`DataError` where they do not agree."""
    found = [_of_file(file.relative_to(folder).parent.parts) for file in files]
    for file, values in zip(files, found, strict=True):
        if list(values) != list(found[0]):
            here, there = (", ".join(one) or "none" for one in (values, found[0]))
            raise DataError(
                f"{shown_name(file, files)}: the columns that its folders hold are {here}; those of"
                f" {shown_name(files[0], files)} are {there}: keep the files of a table in folders of the"
                " same columns"
            )
    return Partitions(files, {name: tuple(values[name] for values in found) for name in found[0]})


def values_besides(values: pl.Series, folder: str | None) -> list[str]:
    """The different values of a file's own column that are not what its folder says; nulls say nothing."""
    texts = values.drop_nulls().cast(pl.String)
    whole = values.dtype.is_float()
    return sorted(text for text in texts if text != folder and not (whole and text == f"{folder}.0"))


def _of_file(folders: Sequence[str]) -> dict[str, str | None]:
    values = {}
    for folder in folders:
        name, equals, value = folder.partition("=")
        if "=" in value:
            raise DataError(f"the folder {folder!r} holds two equals signs; write one within a value as %3D")
        if equals:
            values[unquote(name)] = None if value == _NO_VALUE else unquote(value)
    return values
