"""The hashes of a batch's values, computed where they are asked for and not twice."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence

import numpy as np
import polars as pl

from ml_stages.data.columns import Column
from ml_stages.data.fold import RowHashes
from ml_stages.data.known import Hashes
from ml_stages.data.marks import MARKED

_NO_NUMBER = -7046029254386353131
"""Stands for null among whole numbers: one of ``2**64`` that is not likely to be there."""


class Hashed:
    """One column of a batch."""

    def __init__(
        self, values: pl.Series, kept: Hashes | None = None, *, plain: bool = True, bits: bool = True
    ) -> None:
        """``kept`` are the hashes where they are not those of the values.

        Lists and the like are not ``plain``; ``bits`` is whether whole numbers may stand for themselves.
        """
        self.values, self._kept, self._is_plain, self._bits = values, kept, plain, bits

    def head(self, rows: int) -> Hashed:
        """Of the first rows alone."""
        kept = None if self._kept is None else self._kept[:rows]
        return Hashed(self.values.head(rows), kept, plain=self._is_plain, bits=self._bits)

    @functools.cached_property
    def hashes(self) -> Hashes:
        """A 64-bit hash of every value."""
        if self._kept is not None:
            return self._kept
        # As fields of a struct also lists have a hash.
        values = self.values if self._is_plain else self.values.to_frame().to_struct()
        return values.hash().to_numpy()

    @property
    def fingerprints(self) -> Hashes:
        """64 bits that tell every value apart from the others of its column: of whole numbers their own."""
        if not self._bits or self.values.dtype not in MARKED - {pl.UInt64}:
            return self.hashes
        numbers = self.values.cast(pl.Int64)
        return (numbers.fill_null(_NO_NUMBER) if numbers.null_count() else numbers).to_numpy().view(np.uint64)


def hashed_of(batch: pl.DataFrame, column: Column) -> Hashed:
    """A column's values as the file holds them; numbers and booleans in texts by what they mean.

    So it makes no difference whether a file's texts were read as numbers right away, or cast: a text
    that means none has the hash of the text.
    """
    texts = batch[column.name]
    if column.reads_as is None or (parsed := column.parsed_name) not in batch.columns:
        return Hashed(texts, plain=column.kind is not None)
    values = batch[parsed]
    if values.null_count() == texts.null_count():
        return Hashed(values, bits=False)
    means = pl.col(parsed).is_not_null() | pl.col(column.name).is_null()
    hashes = pl.when(means).then(pl.col(parsed).hash()).otherwise(pl.col(column.name).hash())
    return Hashed(texts, batch.select(hashes).to_series().to_numpy())


def row_hashes(batch: pl.DataFrame, columns: Sequence[Column], by: Collection[str] | None = None) -> Hashes:
    """One hash a row of the values in some columns, in their order; of ``by`` alone, where it names some."""
    if len(columns) == 1:
        return hashed_of(batch, columns[0]).fingerprints
    rows = RowHashes()
    for place, column in enumerate(columns):
        if by is None or column.name in by:
            rows.add(place, hashed_of(batch, column).hashes)
    return rows.total
