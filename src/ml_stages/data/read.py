"""Read the table that the configuration names: CSV, Parquet, Arrow or JSON lines, one file or many."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from glob import escape
from itertools import groupby
from pathlib import Path

import polars as pl

from ml_stages.config.data import DataConfig
from ml_stages.data.csv_lines import (
    check_complete,
    check_headers,
    check_quotes,
    check_returns,
    likely_separator,
)
from ml_stages.data.csv_names import doubled
from ml_stages.data.csv_text import Look, look_at, rows_of
from ml_stages.data.files import (
    PATH,
    SCHEMA_VERSION,
    Format,
    file_format,
    shown_fault,
    shown_name,
    table_files,
)
from ml_stages.data.json_lines import passed_over
from ml_stages.data.pandas_index import unnamed_index
from ml_stages.data.partitions import FILE, Partitions, partitions_of, values_besides
from ml_stages.data.schemas import Types, common_types
from ml_stages.data.unreadable import readable
from ml_stages.errors import DataError

_BEGINNING = 1 << 22


@dataclass(frozen=True)
class Table:
    """The files of a table, and how they are read."""

    files: list[Path]
    format: Format
    null_values: list[str]
    partitions: Partitions = field(default_factory=Partitions)
    """Columns that the files' folders hold."""
    schemas: Sequence[Types] = ()
    """Of each file, then of the table, where they must be told: of files that are typed differently."""
    types: Mapping[str, pl.DataType] = field(default_factory=dict)
    """Columns of CSV that are read as something else than text."""
    separator: str = ","
    """Between the fields of CSV."""
    hidden: Sequence[str] = ()
    """Columns in which pandas wrote its index: no reader of pandas shows them, and neither do we."""

    def as_types(self, types: Mapping[str, pl.DataType]) -> Table | None:
        """The table with some columns of CSV read as a type; ``None`` where that may differ from a cast.

        Reading it raises :class:`DataError` for a text that does not read as its column's type.
        """
        if self.format != "csv" or not types or not all(look.reads_alike for look in self.looks):
            return None
        return replace(self, types={name: kind for name, kind in types.items() if name in self.header})

    @functools.cached_property
    def looks(self) -> list[Look]:
        """What was seen of the text of each file of CSV."""
        return [look_at(file, self.separator) for file in self.files] if self.format == "csv" else []

    @property
    def _nulls(self) -> list[str]:
        """What stands for no value in CSV beside the empty field; to pandas, quotes around nothing do.

        They are named only where there are any, since looking for them takes Polars a tenth of its time.
        """
        empty = [""] if any(look.doubled_quotes for look in self.looks) else []
        return [*empty, *filter(None, self.null_values)]

    def scan(self, *, nulls: bool = True) -> pl.LazyFrame:
        """The table, not yet read; CSV as texts, those for no value as nulls or left as they are."""
        with readable(self):
            scan = self._scan(nulls=nulls)
            return scan.drop(self.hidden) if self.hidden else scan

    def _scan(self, *, nulls: bool) -> pl.LazyFrame:
        if self.format == "csv":
            scan = self._scan_csv(self.files, nulls=nulls)
            return self.partitions.by_path(scan)
        if self.format == "jsonl":
            # A file may be called `[1].jsonl`.
            files = [escape(str(file)) for file in self.files]
            scan = pl.scan_ndjson(
                files,
                schema=dict(self.schemas[-1]) or None,
                infer_schema_length=None,
                include_file_paths=FILE if self.partitions else None,
            )
            return self.partitions.by_path(scan)
        if not self.schemas:
            return self._scan_typed(self.files)
        table = self.schemas[-1]
        alike = groupby(range(len(self.files)), key=lambda number: tuple(self.schemas[number].items()))
        return pl.concat(
            self._scan_typed([self.files[number] for number in numbers]).select(
                *(pl.col(name).cast(kind) for name, kind in table.items()),
                *(name for name in self.partitions.values if name not in table),
            )
            for _, numbers in alike
        )

    def _scan_typed(self, files: list[Path]) -> pl.LazyFrame:
        read, hive = pl.scan_parquet if self.format == "parquet" else pl.scan_ipc, self.partitions
        # Polars takes any folder above with an equals sign for a partition, too.
        if hive and sum("=" in part for part in files[0].parts) > len(hive.values):
            return hive.by_path(read(files, hive_partitioning=False, glob=False, include_file_paths=FILE))
        return read(files, hive_partitioning=bool(hive), hive_schema=hive.types or None, glob=False)

    @functools.cached_property
    def header(self) -> list[str]:
        """The columns' names in CSV; raises :class:`DataError` where the files do not agree on them."""
        return check_headers(self.files, self.separator)

    def _scan_csv(self, source: list[Path] | bytes, *, nulls: bool) -> pl.LazyFrame:
        quoted = {doubled(name): name for name in self.header}
        types = {name: self.types.get(real, pl.String()) for name, real in quoted.items()}
        path = FILE if self.partitions and not isinstance(source, bytes) else None
        scan = pl.scan_csv(
            source,
            schema=types,
            separator=self.separator,
            null_values=(self._nulls or None) if nulls else None,
            glob=False,
            include_file_paths=path,
        )
        return scan if self.header == list(quoted) else scan.rename(quoted)

    def head(self, rows: int, names: list[str]) -> pl.DataFrame:
        """The first rows of some columns, without reading much more."""
        found = self._beginning(rows) if self.format == "csv" else None
        return self.collect(self.scan().select(names).head(rows)) if found is None else found.select(names)

    def _beginning(self, rows: int) -> pl.DataFrame | None:
        """The first rows, where they are found in the first bytes: Polars would read ahead at full speed."""
        with self.files[0].open("rb") as stream:
            start = stream.read(_BEGINNING)
        try:
            scan = self._scan_csv(start, nulls=True).head(rows + 1)
            found = scan.with_columns(self.partitions.of_first).collect()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            return None
        # The last one may have been cut in two.
        return found.head(rows) if found.height > rows else None

    def collect(self, scan: pl.LazyFrame) -> pl.DataFrame:
        """Read; raises :class:`DataError` with file and line for what cannot be read as a table."""
        with readable(self):
            return scan.collect(engine="streaming")

    def batches(self, scan: pl.LazyFrame, rows: int) -> Iterator[pl.DataFrame]:
        """Read in pieces of about ``rows`` rows, in order; raises like :meth:`collect`."""
        there = 0
        with readable(self):
            for batch in scan.collect_batches(chunk_size=rows, maintain_order=True):
                there += batch.height
                yield batch
        if self.known_rows not in {None, there}:
            # A thread of Polars broke off in silence; asked like this it says why.
            self.collect(scan.select(pl.all().null_count()))
            names = ", ".join(file.name for file in self.files[:3])
            raise DataError(f"{names}: {there:,} of {self.known_rows:,} rows could be read; write it anew")

    @property
    def is_columnar(self) -> bool:
        """Whether its columns can be read apart from one another."""
        return self.format in {"parquet", "arrow"}

    @functools.cached_property
    def known_rows(self) -> int | None:
        """The number of rows, where the files say it without being read."""
        if not self.is_columnar:
            return None
        return int(self.collect(self.scan().select(pl.len())).item())

    @property
    def expected_rows(self) -> int | None:
        """The number of rows, as far as it is known without reading them as a table."""
        if self.format != "csv":
            return self.known_rows
        rows = [rows_of(file, look) for file, look in zip(self.files, self.looks, strict=True)]
        return None if None in rows else sum(number for number in rows if number is not None)

    def stated_version(self, folder: Path) -> str | None:
        """The schema's version, as Parquet files state it in their metadata, else the file for it does.

        Files that state different versions state none that holds for all: they are all named.
        """
        if self.format == "parquet":
            with readable(self):
                stated = {pl.read_parquet_metadata(file).get("schema_version") for file in self.files}
            if stated != {None}:
                return " and ".join(sorted(version or "none" for version in stated))
        file = folder / SCHEMA_VERSION
        return file.read_text(encoding="utf-8").strip() if file.is_file() else None

    @functools.cached_property
    def file_rows(self) -> list[int]:
        """Rows of each file."""
        plain = replace(self, partitions=Partitions(), schemas=self.schemas[-1:])
        alone = (replace(plain, files=[file]) for file in self.files)
        return [table.collect(table.scan().select(pl.len())).item() for table in alone]

    def check_lines(self, nulls: Mapping[str, int]) -> None:
        """Raise :class:`DataError` for a line of CSV or JSON that is read as something else than it says.

        In CSV one with too few fields reads as one that ends in nulls: ``nulls`` are how many each column
        has, as far as that is known.
        """
        for file in self.files if self.format == "jsonl" else []:
            if fault := passed_over(file):
                raise DataError(shown_fault(fault, file, self.files))
        for file, look in zip(self.files, self.looks, strict=False):
            try:
                if look.lone_returns:
                    check_returns(file, len(self.header), self.separator)
                if not look.places.fit_outside:
                    check_quotes(file, len(self.header), self.separator)
                if nulls.get(self.header[-1], 1):
                    check_complete(file, len(self.header), self.separator)
            except DataError as error:
                raise DataError(shown_fault(str(error), file, self.files)) from None


def open_table(folder: Path, config: DataConfig, key: str = PATH) -> Table:
    """Find the table's files; raises :class:`DataError` when there is none, or no one way to read them.

    ``key`` is the setting that names them.
    """
    files = table_files(folder, config, key)
    partitions = partitions_of(folder, files)
    table = Table(files, file_format(files, key), config.null_values, partitions, separator=config.separator)
    table = replace(table, schemas=_schemas(table))
    _need_agreement(table, config)
    with readable(table):
        names = table.scan().collect_schema().names()
    table = replace(table, hidden=unnamed_index(names, config))
    # Polars takes such a name for a pattern of names.
    if odd := [name for name in names if name == "*" or re.fullmatch(r"\^.*\$", name, re.DOTALL)]:
        raise DataError(
            f"{files[0].name}: a column is called {odd[0]!r}; rename it: names like that are patterns"
        )
    return table


def _need_agreement(table: Table, config: DataConfig) -> None:
    """Raise :class:`DataError` where a file holds a folder's column itself, and says otherwise.

    The folder's value is the one that is read; nobody can tell which of them is right.
    """
    for number, file in enumerate(table.files if table.partitions else []):
        own = replace(
            table, files=[file], partitions=Partitions(), schemas=table.schemas[number : number + 1]
        )
        with readable(own):
            shared = table.partitions.values.keys() & own.scan().collect_schema().names()
        if not shared:
            return  # nor in any other: the files of a table have the same columns
        for name in sorted(shared):
            said = table.partitions.values[name][number]
            if other := values_besides(own.collect(own.scan().select(name))[name].unique(), said):
                value = "another value" if config.is_sensitive(name) else other[0]
                raise DataError(
                    f"{shown_name(file, table.files)}: its folder says {name} = {said}, and its own column "
                    f"{name!r} {value}; correct one of them, or leave the column out of the file"
                )


def with_likely_separator(folder: Path, config: DataConfig) -> DataConfig:
    """What the configuration would say if it knew the file; for who has not written it yet."""
    files = table_files(folder, config)
    if file_format(files) != "csv":
        return config
    mark = likely_separator(files[0], config.separator, config.label)
    return config.model_copy(update={"separator": mark})


def _schemas(table: Table) -> list[Types]:
    """What each file holds, where that matters: of JSON lines only all of them tell it."""
    if table.format == "csv" or (table.format != "jsonl" and len(table.files) == 1):
        return []
    is_json = table.format == "jsonl"
    schemas = common_types(table.files, lambda file: _types_of(table, file), is_json=is_json)
    alike = all(dict(schema) == dict(schemas[-1]) for schema in schemas)
    return [] if alike and not is_json else schemas


def _types_of(table: Table, file: Path) -> Types:
    if table.format == "jsonl" and not file.stat().st_size and len(table.files) > 1:
        return {}
    try:
        with readable(replace(table, files=[file])):
            if table.format == "parquet":
                return pl.read_parquet_schema(file)
            if table.format == "arrow":
                return pl.read_ipc_schema(file)
            return pl.scan_ndjson(escape(str(file)), infer_schema_length=None).collect_schema()
    except DataError as error:
        raise DataError(shown_fault(str(error), file, table.files)) from None


def read_verbatim(folder: Path, config: DataConfig) -> tuple[pl.DataFrame, Table]:
    """The whole table with the texts of CSV untouched (other formats are typed as they are)."""
    table = open_table(folder, config)
    rows = table.collect(table.scan(nulls=False))
    table.check_lines({name: rows[name].null_count() for name in rows.columns[-1:]})
    return rows, table
