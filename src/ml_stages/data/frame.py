"""Build the DataFrame that a predictor is given: the same from a file as from a request.

Runs in the project's environment: the standard library and the project's pandas alone. The types of
columns come from the schema and never from the rows that happen to be there, so that a row alone
looks exactly as it does among others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})


class FrameError(ValueError):
    """A value that does not fit its column; ``column`` and ``row`` (from 0) say where."""

    def __init__(self, message: str, column: str, row: int | None = None) -> None:
        super().__init__(message)
        self.column = column
        self.row = row


def read_features(path: Path, schema: Mapping[str, Any]) -> pd.DataFrame:
    """Read ``features.csv`` or ``features.parquet``; columns in the order of the schema."""
    names = [column["name"] for column in schema["features"]]
    if path.suffix == ".parquet":
        table = pd.read_parquet(path, columns=names)
        return frame_from_columns({name: _values(table[name]) for name in names}, schema)
    # Everything as text: what a text means is decided in one place, for files and requests alike.
    table = pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False, encoding="utf-8-sig")
    missing = {"", *schema.get("null_values", [])}
    columns = {name: [None if text in missing else text for text in table[name]] for name in names}
    return frame_from_columns(columns, schema)


def frame_from_columns(columns: Mapping[str, Sequence[Any]], schema: Mapping[str, Any]) -> pd.DataFrame:
    """A DataFrame of plain values: texts or numbers, ``None`` for null.

    Types: ``int`` is int64, or float64 where nulls may occur; ``float`` is float64; ``bool`` is bool, or
    object where nulls may occur; ``string`` is pandas' own text type; ``date`` and ``datetime`` are
    datetime64. Raises :class:`FrameError` for a missing column, or a value that does not fit.
    """
    built = {}
    for column in schema["features"]:
        name = column["name"]
        if name not in columns:
            raise FrameError(f"column {name!r} is missing", name)
        built[name] = _series(list(columns[name]), column)
    return pd.DataFrame(built)


def _values(series: pd.Series[Any]) -> list[Any]:
    return [None if missing else value for value, missing in zip(series.tolist(), series.isna(), strict=True)]


def _series(values: list[Any], column: Mapping[str, Any]) -> pd.Series[Any]:
    kind, nullable = column["type"], column["nullable"]
    convert = {"int": _int, "float": float, "bool": _bool, "string": _text, "date": str, "datetime": str}[
        kind
    ]
    converted = [_convert(value, convert, column, row) for row, value in enumerate(values)]
    if kind in {"date", "datetime"}:
        return _times(converted, column)
    if kind == "string":
        # From an empty or all-null list pandas would infer another type than from texts.
        return pd.Series([*converted, ""]).iloc[:-1].reset_index(drop=True)
    dtype = {
        "int": "float64" if nullable else "int64",
        "float": "float64",
        "bool": "object" if nullable else "bool",
    }
    return pd.Series(converted, dtype=dtype[kind])


def _convert(value: Any, convert: Any, column: Mapping[str, Any], row: int) -> Any:
    if value is None or value != value:  # noqa: PLR0124 - NaN, whatever made it
        if column["nullable"]:
            return None
        raise FrameError(f"column {column['name']!r} must not be null", column["name"], row)
    try:
        return convert(value)
    except (TypeError, ValueError, OverflowError):
        message = f"column {column['name']!r} expects {column['type']}, got {value!r}"
        raise FrameError(message, column["name"], row) from None


def _int(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str):
        return int(value)
    if int(value) != value:
        raise ValueError
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError


def _times(values: list[str | None], column: Mapping[str, Any]) -> pd.Series[Any]:
    try:
        return pd.Series(pd.to_datetime(pd.Series(values, dtype="object"), format="ISO8601"))
    except ValueError as error:
        raise FrameError(
            f"column {column['name']!r} expects {column['type']}: {error}", column["name"]
        ) from None
