"""Read the table that the configuration names: CSV, Parquet, Arrow or JSON lines, one file or many."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import polars as pl

from ml_stages.config.data import DataConfig
from ml_stages.data.csv_lines import check_complete, check_headers, line_fault
from ml_stages.errors import DataError

Format = Literal["csv", "parquet", "arrow", "jsonl"]

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


@dataclass(frozen=True)
class Table:
    """The files of a table, and how they are read."""

    files: list[Path]
    format: Format
    null_values: list[str]
    hive: bool = False
    """Whether folders such as ``year=2024`` hold a column's value."""

    def scan(self, *, nulls: bool = True) -> pl.LazyFrame:
        """The table, not yet read; CSV as texts, with ``null_values`` as nulls or left as they are."""
        with _readable(self):
            return self._scan(nulls=nulls)

    def _scan(self, *, nulls: bool) -> pl.LazyFrame:
        if self.format == "csv":
            names = check_headers(self.files)
            # Polars leaves a doubled quote in a name as it stands.
            quoted = {name.replace('"', '""'): name for name in names}
            texts = dict.fromkeys(quoted, pl.String())
            null_values = [text for text in self.null_values if text] if nulls else []
            scan = pl.scan_csv(self.files, schema=texts, null_values=null_values or None)
            return scan if names == list(quoted) else scan.rename(quoted)
        if self.format == "parquet":
            return pl.scan_parquet(self.files, hive_partitioning=self.hive)
        if self.format == "arrow":
            return pl.scan_ipc(self.files, hive_partitioning=self.hive)
        return pl.scan_ndjson(self.files, infer_schema_length=None)

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


def table_files(folder: Path, config: DataConfig) -> list[Path]:
    """The files of the table, sorted; raises :class:`DataError` when there is none."""
    try:
        found = sorted(folder.glob(config.path))
    except (NotImplementedError, ValueError) as error:
        raise DataError(
            f"data.path = {config.path!r} is no file or glob below the data folder: {error}"
        ) from None
    if len(found) == 1 and found[0].is_dir():
        found = sorted(path for path in found[0].rglob("*") if path.suffix.lower() in FORMATS)
    files = [path for path in found if path.is_file()]
    if files:
        return files
    there = ", ".join(sorted(path.name for path in folder.iterdir())[:20]) or "nothing"
    raise DataError(f"no file matches data.path = {config.path!r}; the data folder holds {there}")


def file_format(files: list[Path]) -> Format:
    """How the files are read; raises :class:`DataError` for an unknown suffix, or a mixture."""
    suffixes = sorted({path.suffix.lower() for path in files})
    formats = {FORMATS.get(suffix) for suffix in suffixes}
    (kind,) = formats if len(formats) == 1 else (None,)
    if kind is None:
        known = ", ".join(FORMATS)
        raise DataError(f"data.path matches {', '.join(suffixes)} files; expected one of {known}")
    return kind


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
    if table.format == "csv":
        width = len(check_headers(table.files))
        for file in table.files:
            if fault := line_fault(file, width):
                return fault
    names = ", ".join(file.name for file in table.files[:3])
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{names}: not readable as {table.format}: {lines[0]}"
