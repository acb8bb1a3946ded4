"""Which files of the data folder the configuration names; found without reading them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from ml_stages.config.data import DataConfig
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
SCHEMA_VERSION = "SCHEMA_VERSION"
"""A file of the data folder in which its producer may state which version of its schema the data has."""


def table_files(folder: Path, config: DataConfig) -> list[Path]:
    """The files of the table, sorted; raises :class:`DataError` when there is none."""
    files = _matching(folder, config.path, "data.path")
    if files:
        return files
    there = ", ".join(sorted(path.name for path in folder.iterdir())[:20]) or "nothing"
    raise DataError(f"no file matches data.path = {config.path!r}; the data folder holds {there}")


def data_files(folder: Path, config: DataConfig) -> list[Path]:
    """Every file that what is found about the data depends on: the table's, those it refers to, its version.

    What is not there is left out: data-validate says so.
    """
    found = set(_matching(folder, config.path, "data.path"))
    for reference in config.references:
        found |= set(_matching(folder, reference.file, "data.references"))
    version = folder / SCHEMA_VERSION
    return sorted(found | ({version} if version.is_file() else set()))


def _matching(folder: Path, pattern: str, key: str) -> list[Path]:
    try:
        found = sorted(folder.glob(pattern))
    except (NotImplementedError, ValueError) as error:
        raise DataError(f"{key} = {pattern!r} is no file or glob below the data folder: {error}") from None
    if not found and (folder / pattern).is_file():  # a file called `loans [1].csv`
        found = [folder / pattern]
    if len(found) == 1 and found[0].is_dir():
        found = _tables_below(found[0].rglob("*"))
    return [path for path in found if path.is_file()]


def _tables_below(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() in FORMATS)


def file_format(files: list[Path]) -> Format:
    """How the files are read; raises :class:`DataError` for an unknown suffix, or a mixture."""
    suffixes = sorted({path.suffix.lower() for path in files})
    formats = {FORMATS.get(suffix) for suffix in suffixes}
    (kind,) = formats if len(formats) == 1 else (None,)
    if kind is None:
        known = ", ".join(FORMATS)
        raise DataError(f"data.path matches {', '.join(suffixes)} files; expected one of {known}")
    return kind
