"""Read the table that the configuration names, as it is or as text."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ml_stages.config.data import DataConfig
from ml_stages.errors import DataError

_SAMPLE_ROWS = 100_000
"""Rows from which the types of CSV columns are inferred when the rules do not declare them."""

TYPES: dict[str, pl.DataType] = {
    "int": pl.Int64(),
    "float": pl.Float64(),
    "string": pl.String(),
    "bool": pl.Boolean(),
    "date": pl.Date(),
    "datetime": pl.Datetime(),
}


def table_files(folder: Path, config: DataConfig) -> list[Path]:
    """The files of the table, sorted; raises :class:`DataError` when there is none."""
    files = sorted(path for path in folder.glob(config.path) if path.is_file())
    if files:
        return files
    there = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
    raise DataError(f"no file matches data.path = {config.path!r}; the data folder holds {there}")


def file_format(files: list[Path]) -> str:
    """``csv`` or ``parquet``; raises :class:`DataError` for anything else, or a mixture."""
    suffixes = {path.suffix.lower() for path in files}
    if suffixes in ({".csv"}, {".parquet"}):
        return suffixes.pop().removeprefix(".")
    raise DataError(
        f"data.path matches {', '.join(sorted(suffixes))} files; expected .csv or .parquet, not both"
    )


def read_table(folder: Path, config: DataConfig) -> pl.DataFrame:
    """The whole table with typed columns; what does not read as its type stays text.

    Raises :class:`DataError` naming the file (and for CSV the line, where it is known).
    """
    files = table_files(folder, config)
    if file_format(files) == "parquet":
        return _collect(pl.scan_parquet(files), files)
    return _typed(read_texts(files), config)


def read_verbatim(folder: Path, config: DataConfig) -> pl.DataFrame:
    """The whole table with the texts of CSV untouched (Parquet is typed as it is)."""
    files = table_files(folder, config)
    return read_texts(files) if file_format(files) == "csv" else _collect(pl.scan_parquet(files), files)


def read_texts(files: list[Path]) -> pl.DataFrame:
    """CSV files with every column as text and an empty field as null."""
    for file in files:
        _check_csv(file)
    return _collect(pl.scan_csv(files, infer_schema=False), files)


def _check_csv(file: Path) -> None:
    """Raise for what a CSV reader would accept silently: no header, a repeated name."""
    with file.open("rb") as stream:
        head = stream.readline()
    if not head.strip():
        raise DataError(f"{file.name} is empty; expected a header line")
    try:
        names = pl.read_csv(head, has_header=False, infer_schema=False).row(0)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise DataError(f"{file.name}, line 1: not readable as CSV: {_first_line(error)}") from None
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"{file.name}, line 1: two columns are called {twice[0]!r}")


def _collect(scan: pl.LazyFrame, files: list[Path]) -> pl.DataFrame:
    try:
        return scan.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        names = ", ".join(file.name for file in files[:3])
        raise DataError(f"{names}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _typed(table: pl.DataFrame, config: DataConfig) -> pl.DataFrame:
    """Parse each text column as its declared type, else as the first type that fits every value."""
    nulls = [text for text in config.null_values if text]
    columns = []
    for name in table.columns:
        texts = table[name]
        if nulls:
            texts = texts.set(texts.is_in(nulls), None)
        rule = config.columns.get(name)
        columns.append(
            _parsed(texts, [rule.type] if rule and rule.type else ["int", "float", "bool", "datetime"])
        )
    return pl.DataFrame(columns)


def _parsed(texts: pl.Series, kinds: list[str]) -> pl.Series:
    for kind in kinds:
        parsed = parse(texts, kind)
        if parsed.null_count() == texts.null_count() and (len(kinds) == 1 or texts.null_count() < len(texts)):
            return parsed
    return texts


def parse(texts: pl.Series, kind: str) -> pl.Series:
    """Texts as a type; a text that is none of it becomes null."""
    if kind == "bool":
        lower = texts.str.to_lowercase()
        return (
            pl.select(
                pl.when(lower == "true").then(statement=True).when(lower == "false").then(statement=False)
            )
            .to_series()
            .rename(texts.name)
        )
    if kind == "datetime":
        # Polars raises, rather than giving nulls, where the first text is no time at all.
        iso = texts.str.contains(r"^\d{4}-\d{2}-\d{2}")
        if not iso.any():
            return pl.Series(texts.name, [None] * len(texts), dtype=pl.Datetime("us"))
        return texts.str.to_datetime(strict=False, time_unit="us")
    if kind == "date":
        return texts.str.to_date(strict=False)
    return texts.cast(TYPES[kind], strict=False)
