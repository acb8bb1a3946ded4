"""Read the table that the configuration names: CSV, Parquet, Arrow or JSON lines, one file or many."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from glob import escape
from pathlib import Path

import polars as pl

from ml_stages.config.data import DataConfig
from ml_stages.data.csv_lines import check_complete, check_headers, line_fault, reads_alike
from ml_stages.data.files import SCHEMA_VERSION, Format, file_format, table_files
from ml_stages.data.json_lines import json_fault
from ml_stages.errors import DataError

_BEGINNING = 1 << 22


@dataclass(frozen=True)
class Table:
    """The files of a table, and how they are read."""

    files: list[Path]
    format: Format
    null_values: list[str]
    hive: bool = False
    """Whether folders such as ``year=2024`` hold a column's value."""
    types: Mapping[str, pl.DataType] = field(default_factory=dict)
    """Columns of CSV that are read as something else than text."""

    def as_types(self, types: Mapping[str, pl.DataType]) -> Table | None:
        """The table with some columns of CSV read as a type; ``None`` where that may differ from a cast.

        Reading it raises :class:`DataError` for a text that does not read as its column's type.
        """
        if self.format != "csv" or not types or not all(reads_alike(file) for file in self.files):
            return None
        return replace(self, types=types)

    def scan(self, *, nulls: bool = True) -> pl.LazyFrame:
        """The table, not yet read; CSV as texts, with ``null_values`` as nulls or left as they are."""
        with _readable(self):
            return self._scan(nulls=nulls)

    def _scan(self, *, nulls: bool) -> pl.LazyFrame:
        if self.format == "csv":
            return self._scan_csv(self.files, nulls=nulls)
        if self.format == "parquet":
            return pl.scan_parquet(self.files, hive_partitioning=self.hive, glob=False)
        if self.format == "arrow":
            return pl.scan_ipc(self.files, hive_partitioning=self.hive, glob=False)
        # A file may be called `[1].jsonl`.
        return pl.scan_ndjson([escape(str(file)) for file in self.files], infer_schema_length=None)

    def _scan_csv(self, source: list[Path] | bytes, *, nulls: bool) -> pl.LazyFrame:
        names = check_headers(self.files)
        # Polars leaves a doubled quote in a name as it stands.
        quoted = {name.replace('"', '""'): name for name in names}
        types = {name: self.types.get(real, pl.String()) for name, real in quoted.items()}
        null_values = [text for text in self.null_values if text] if nulls else []
        scan = pl.scan_csv(source, schema=types, null_values=null_values or None, glob=False)
        return scan if names == list(quoted) else scan.rename(quoted)

    def head(self, rows: int, names: list[str]) -> pl.DataFrame:
        """The first rows of some columns, without reading much more."""
        found = self._beginning(rows) if self.format == "csv" else None
        return self.collect(self.scan().select(names).head(rows)) if found is None else found.select(names)

    def _beginning(self, rows: int) -> pl.DataFrame | None:
        """The first rows, where they are found in the first bytes: Polars would read ahead at full speed."""
        with self.files[0].open("rb") as stream:
            start = stream.read(_BEGINNING)
        try:
            found = self._scan_csv(start, nulls=True).head(rows + 1).collect()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            return None
        # The last one may have been cut in two.
        return found.head(rows) if found.height > rows else None

    def collect(self, scan: pl.LazyFrame) -> pl.DataFrame:
        """Read; raises :class:`DataError` with file and line for what cannot be read as a table."""
        with _readable(self):
            return scan.collect(engine="streaming")

    def batches(self, scan: pl.LazyFrame, rows: int) -> Iterator[pl.DataFrame]:
        """Read in pieces of about ``rows`` rows, in order; raises like :meth:`collect`."""
        with _readable(self):
            yield from scan.collect_batches(chunk_size=rows, maintain_order=True)

    def known_rows(self) -> int | None:
        """The number of rows, where the files say it without being read."""
        return self.collect(self.scan().select(pl.len())).item() if self.format == "parquet" else None

    def stated_version(self, folder: Path) -> str | None:
        """The schema's version, as Parquet files state it in their metadata, else the file for it does.

        Files that state different versions state none that holds for all: they are all named.
        """
        if self.format == "parquet":
            with _readable(self):
                stated = {pl.read_parquet_metadata(file).get("schema_version") for file in self.files}
            if stated != {None}:
                return " and ".join(sorted(version or "none" for version in stated))
        file = folder / SCHEMA_VERSION
        return file.read_text(encoding="utf-8").strip() if file.is_file() else None

    def file_rows(self) -> list[int]:
        """Rows of each file."""
        alone = (replace(self, files=[file]) for file in self.files)
        return [table.collect(table.scan().select(pl.len())).item() for table in alone]

    def check_lines(self, last_column_nulls: int) -> None:
        """Raise :class:`DataError` for a line with too few fields, which reads as one that ends in nulls."""
        if self.format == "csv" and last_column_nulls:
            for file in self.files:
                check_complete(file, len(check_headers([file])))


def open_table(folder: Path, config: DataConfig) -> Table:
    """Find the table's files; raises :class:`DataError` when there is none, or no one way to read them."""
    files = table_files(folder, config)
    hive = any("=" in part for file in files for part in file.relative_to(folder).parent.parts)
    table = Table(files, file_format(files), config.null_values, hive)
    with _readable(table):
        names = table.scan().collect_schema().names()
    # Polars takes such a name for a pattern of names.
    if odd := [name for name in names if name == "*" or re.fullmatch(r"\^.*\$", name, re.DOTALL)]:
        raise DataError(
            f"{files[0].name}: a column is called {odd[0]!r}; rename it: names like that are patterns"
        )
    return table


def read_verbatim(folder: Path, config: DataConfig) -> tuple[pl.DataFrame, Table]:
    """The whole table with the texts of CSV untouched (other formats are typed as they are)."""
    table = open_table(folder, config)
    rows = table.collect(table.scan(nulls=False))
    table.check_lines(rows[:, -1].null_count() if rows.width else 0)
    return rows, table


@contextmanager
def _readable(table: Table) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise DataError(_fault(table, error)) from None


def _fault(table: Table, error: BaseException) -> str:
    if table.format == "csv" and not table.types:
        width = len(check_headers(table.files))
        for file in table.files:
            if fault := line_fault(file, width):
                return fault
    for file in table.files:
        if not file.stat().st_size:
            return f"{file.name} is empty; expected a table"
        if table.format == "jsonl" and (fault := json_fault(file)):
            return fault
    names = ", ".join(file.name for file in table.files[:3])
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{names}: not readable as {table.format}: {lines[0]}"
