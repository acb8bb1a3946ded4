"""The one schema of a table in many files, whose columns may be typed differently in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from ml_stages.data.files import shown_name
from ml_stages.errors import DataError

Types = Mapping[str, pl.DataType]


def common_types(files: Sequence[Path], read: Callable[[Path], Types], *, is_json: bool) -> list[Types]:
    """The schema of each file, then that of the table, which has room for what each of them holds.

    A column without any value in one file has the others' type; integers and floats of different width have
    the widest. Raises :class:`DataError` with file, column and both types for others, and for a column that
    only some of the files have; but in JSON a field may be missing, and a number beside texts is one.
    """
    schemas = [read(file) for file in files]
    table = dict(schemas[0])
    for file, schema in zip(files[1:], schemas[1:], strict=True):
        if not is_json and schema.keys() != table.keys():
            there = (shown_name(files[0], files), table)
            raise DataError(_other_columns((shown_name(file, files), schema), there))
        for name, kind in schema.items():
            common = _common(table.get(name, kind), kind, is_json=is_json)
            if common is None:
                here, first = shown_name(file, files), shown_name(files[0], files)
                raise DataError(
                    f"{here}: the column {name!r} holds {kind}; {first} holds {table[name]}:"
                    " write all files of a table with the same types"
                )
            table[name] = common
    return [*schemas, table]


def _other_columns(file: tuple[str, Types], first: tuple[str, Types]) -> str:
    for (has, there), (lacks, others) in ((first, file), (file, first)):
        if only := [name for name in there if name not in others]:
            return (
                f"{lacks} has no column {only[0]!r}, which {has} has; expected the same columns in every file"
            )
    raise AssertionError("the columns are the same")


def _common(one: pl.DataType, other: pl.DataType, *, is_json: bool) -> pl.DataType | None:
    """``None`` where nothing has room for both."""
    if one == other or other == pl.Null():
        return one
    if one == pl.Null():
        return other
    if is_json and {_family(one), _family(other)} == {"number", "text"}:
        return pl.String()
    if _family(one) is None or _family(one) != _family(other):
        return None
    empty = [pl.DataFrame(schema={"x": kind}) for kind in (one, other)]
    return pl.concat(empty, how="vertical_relaxed").schema["x"]


def _family(kind: pl.DataType) -> object:
    if kind.is_numeric():
        return "number"
    if isinstance(kind, pl.Datetime):
        return "times", kind.time_zone
    return "text" if kind in {pl.String(), pl.Categorical()} or isinstance(kind, pl.Enum) else None
