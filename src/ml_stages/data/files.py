"""Which files of the data folder the configuration names; found without reading them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from ml_stages.config.data import DataConfig
from ml_stages.errors import DataError

Format = Literal["csv", "parquet", "arrow", "jsonl"]

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
PATH = "data.path"
"""The setting that names the table's files."""
SCHEMA_VERSION = "SCHEMA_VERSION"
"""A file of the data folder in which its producer may state which version of its schema the data has."""


_REMEDIES = {
    ".gz": "unpack it",
    ".zst": "unpack it",
    ".bz2": "unpack it",
    ".xz": "unpack it",
    ".zip": "unpack it",
    ".txt": "call it .csv, and say in data.separator what stands between its fields",
    ".xlsx": "save it as .csv",
    ".xls": "save it as .csv",
    ".ods": "save it as .csv",
    ".json": "write one object a line as .jsonl",
    ".pq": "call it .parquet",
    ".parq": "call it .parquet",
    ".ipc": "call it .arrow",
}


def shown_name(file: Path, files: Sequence[Path]) -> str:
    """The file's name, with its folders where others of the table are called alike."""
    if sum(other.name == file.name for other in files) < 2:
        return file.name
    return file.relative_to(os.path.commonpath([other.parent for other in files])).as_posix()


def shown_fault(fault: str, file: Path, files: Sequence[Path]) -> str:
    """What is wrong with the file, which begins with its name, with its folders where they matter."""
    return shown_name(file, files) + fault.removeprefix(file.name)


def table_files(folder: Path, config: DataConfig, key: str = PATH) -> list[Path]:
    """The files of the table, sorted; raises :class:`DataError` when there is none.

    ``key`` is the setting that names them.
    """
    files = files_matching(folder, config.path, key)
    if files:
        return files
    below = folder / config.path
    what, shown = (f"folder {config.path!r}", below) if below.is_dir() else ("data folder", folder)
    there = ", ".join(sorted(path.name for path in shown.iterdir())[:20]) or "nothing"
    known = f"; tables are {', '.join(FORMATS)}" if below.is_dir() else ""
    raise DataError(f"no file matches {key} = {config.path!r}; the {what} holds {there}{known}")


def data_files(folder: Path, config: DataConfig) -> list[Path]:
    """Every file that what is found about the data depends on: the table's, those it refers to, its version.

    What is not there is left out: data-validate says so. Raises :class:`DataError` for links that lead
    nowhere, and for folders that are links.
    """
    found = set(files_matching(folder, config.path, PATH))
    for reference in config.references:
        found |= set(files_matching(folder, reference.file, "data.references"))
    version = folder / SCHEMA_VERSION
    return sorted(found | ({version} if version.is_file() else set()))


def files_matching(folder: Path, pattern: str, key: str) -> list[Path]:
    """The files of the data folder that ``pattern`` names, a folder all its tables, sorted; maybe none.

    ``key`` is the setting that says so. Raises :class:`DataError` where it is no pattern below the data
    folder, for links that lead nowhere, and for folders that are links.
    """
    try:
        found = [folder] if pattern in {".", "./"} else sorted(folder.glob(pattern))
    except (NotImplementedError, ValueError) as error:
        raise DataError(f"{key} = {pattern!r} is no file or glob below the data folder: {error}") from None
    if ".." in Path(pattern).parts:
        raise DataError(f"{key} = {pattern!r} is no file or glob below the data folder")
    if not found and (folder / pattern).is_file():  # a file called `loans [1].csv`
        found = [folder / pattern]
    if len(found) == 1 and found[0].is_dir():
        _refuse_linked(found[0])
        found = tables_among(found[0].rglob("*"))
    elif "**" in Path(pattern).parts:
        _refuse_linked(folder)
    named = Path(pattern).name.startswith(".")
    seen = [path for path in found or [folder / pattern] if named or not path.name.startswith(".")]
    if leading := next((path for path in seen if path.is_symlink() and not path.exists()), None):
        raise DataError(
            f"{leading.relative_to(folder).as_posix()} is a link to {leading.readlink()}, where nothing is; "
            "expected a file (in containers nothing is outside the data folder: copy what the link names)"
        )
    return [path for path in seen if path.is_file()]


def _refuse_linked(folder: Path) -> None:
    """Raise :class:`DataError` for a folder below that is a link: no search goes into one."""
    for path in folder.rglob("*"):
        if path.is_symlink() and path.is_dir() and not path.name.startswith("."):
            raise DataError(
                f"{path} is a link to a folder, whose files would not be read; copy it there, or name the"
                " files by a pattern with a star for each folder (`*/*.csv`), which finds them"
            )


def tables_among(paths: Iterable[Path]) -> list[Path]:
    """Those that look like tables, sorted; not hidden ones, such as the `._loans.csv` that macOS leaves."""
    return sorted(path for path in paths if path.suffix.lower() in FORMATS and not path.name.startswith("."))


def file_format(files: list[Path], key: str = PATH) -> Format:
    """How the files are read; raises :class:`DataError` for an unknown suffix, or a mixture."""
    suffixes = sorted({path.suffix.lower() for path in files})
    formats = {FORMATS.get(suffix) for suffix in suffixes}
    (kind,) = formats if len(formats) == 1 else (None,)
    if kind is None:
        known, remedy = ", ".join(FORMATS), _REMEDIES.get(suffixes[0], "") if len(suffixes) == 1 else ""
        found = ", ".join(suffix or "unnamed" for suffix in suffixes)
        raise DataError(
            f"{key} matches {found} files; expected one of {known}{f': {remedy}' if remedy else ''}"
        )
    return kind
