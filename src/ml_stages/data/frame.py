"""Build the DataFrame that a predictor is given: the same from a file as from a request.

Runs in the project's environment: the standard library and the project's pandas alone. The types of
columns come from the schema and never from the rows that happen to be there, so that a row alone
looks exactly as it does among others.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_TRUE = frozenset({"true", "1"})
_FALSE = frozenset({"false", "0"})
_INT = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE
)
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:(Z)|([+-](?:[01]\d|2[0-3]))(?::?([0-5]\d))?)?)?",
    re.ASCII,
)
_DIGITS = re.compile(r"[0-9+\-\n]*")
_NUMBERS = re.compile(r"[0-9+\-.eE\n]*")
_TEXT_TYPE: Any = pd.Series([""]).dtype
"""What this pandas makes of texts: `object` before 3.0, `str` since."""
_FEW = 16
"""Rows below which looking for equal texts costs more than converting each."""


class FrameError(ValueError):
    """A value that does not fit its column; ``column`` and ``row`` (from 0) say where."""

    def __init__(self, message: str, column: str, row: int | None = None) -> None:
        super().__init__(message)
        self.column = column
        self.row = row


def read_features(path: Path, schema: Mapping[str, Any], beside: Path | None = None) -> pd.DataFrame:
    """Read ``features.csv`` or ``features.parquet``; columns in the order of the schema.

    ``beside`` is such a file with more columns of the same rows.
    """
    columns = _read_columns(path, schema)
    return frame_from_columns(columns if beside is None else columns | _read_columns(beside, schema), schema)


def _read_columns(path: Path, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of the schema that a file has, by their names."""
    names = [column["name"] for column in schema["features"]]
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        return {name: _values(table[name]) for name in names if name in table}
    # Everything as text: what a text means is decided in one place, for files and requests alike. A
    # blank line is a row: of a single column, it is how a null is written.
    table = pd.read_csv(
        path, dtype=str, keep_default_na=False, na_filter=False, encoding="utf-8-sig", skip_blank_lines=False
    )
    nulls = dict.fromkeys(["", *schema.get("null_values", [])])
    return {
        name: [None if text in nulls else text for text in table[name].tolist()]
        for name in names
        if name in table
    }


def frame_from_columns(columns: Mapping[str, Sequence[Any]], schema: Mapping[str, Any]) -> pd.DataFrame:
    """A DataFrame of plain values: texts or numbers, ``None`` for null.

    Types: ``int`` is int64, or float64 where nulls may occur; ``float`` is float64; ``bool`` is bool, or
    object where nulls may occur; ``string`` is pandas' own text type; ``date`` and ``datetime`` are
    datetime64[us], in UTC where the schema says ``utc``, else without a zone. NaN is null. Raises
    :class:`FrameError` for a missing column, or a value that does not fit.
    """
    built = {}
    for column in schema["features"]:
        name = column["name"]
        if name not in columns:
            raise FrameError(f"column {name!r} is missing", name)
        built[name] = _array(columns[name], column)
    return pd.DataFrame(built)


def _values(series: pd.Series[Any]) -> Any:
    """A column of a Parquet file: numbers and times as their array, anything else value by value."""
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iufM":
        return series.to_numpy()
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return series.dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ").where(series.notna()).tolist()
    return series.astype(object).where(series.notna(), None).tolist()


def _array(values: Any, column: Mapping[str, Any]) -> Any:
    kind, nullable = column["type"], column["nullable"]
    if isinstance(values, np.ndarray):
        if (array := _from_array(values, column)) is not None:
            return array
        values = pd.Series(values).astype(object).where(pd.notna(values), None).tolist()
    converted = _converted(list(values), column)
    if kind in {"date", "datetime"}:
        return _times(np.array(converted, dtype="datetime64[us]"), column)
    if kind == "string":
        return (
            _objects(converted) if isinstance(_TEXT_TYPE, np.dtype) else pd.array(converted, dtype=_TEXT_TYPE)
        )
    if kind == "bool":
        return _objects(converted) if nullable else np.array(converted, dtype="bool")
    return np.array(converted, dtype="float64" if nullable or kind == "float" else "int64")


def _objects(values: list[Any]) -> Any:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _from_array(values: Any, column: Mapping[str, Any]) -> Any:
    """The array as it is where all of it fits, or nothing: then one value after the other is looked at."""
    kind = column["type"]
    missing = bool(pd.isna(values).any())
    if missing and not column["nullable"]:
        return None
    if values.dtype.kind == "M":
        return _times(values.astype("datetime64[us]"), column) if kind in {"date", "datetime"} else None
    if kind == "float":
        return values.astype("float64")
    if kind == "int" and (values.dtype.kind == "i" or _are_whole(values)):
        return values.astype("float64" if column["nullable"] else "int64")
    return None


def _are_whole(numbers: Any) -> bool:
    """Whether floats (how pandas reads a Parquet column of integers with nulls) are integers of 64 bits."""
    real = numbers[~np.isnan(numbers)] if numbers.dtype.kind == "f" else np.array([np.inf])
    return bool(np.all((np.trunc(real) == real) & (np.abs(real) < 2.0**63)))


def _converted(values: list[Any], column: Mapping[str, Any]) -> list[Any]:
    """Every value as the column's type."""
    convert = _CONVERT[column["type"]]
    if len(values) > _FEW and set(map(type, values)) <= {str, type(None)}:
        try:
            return _texts(values, column, convert)
        except (FrameError, OverflowError, ValueError):
            pass  # the loop below says in which row
    return [_convert(value, convert, column, row) for row, value in enumerate(values)]


def _texts(values: list[str | None], column: Mapping[str, Any], convert: Callable[..., Any]) -> list[Any]:
    """Many texts: numbers by Python's own parsers where they hold nothing else, equal texts once."""
    kind, there = column["type"], [text for text in values if text is not None]
    if len(there) < len(values) and not column["nullable"]:
        raise ValueError
    if kind == "string":
        return values
    if kind == "float" and _NUMBERS.fullmatch("\n".join(there)):
        return [None if text is None else float(text) for text in values]
    if kind == "int" and _DIGITS.fullmatch("\n".join(there)):
        whole = [None if text is None else int(text) for text in values]
        np.array([number for number in whole if number is not None], dtype="int64")  # or too large
        return whole
    meanings = {text: _convert(text, convert, column, None) for text in set(values)}
    return list(map(meanings.__getitem__, values))


def _convert(value: Any, convert: Callable[..., Any], column: Mapping[str, Any], row: int | None) -> Any:
    if value is None or value is pd.NaT or value != value:  # noqa: PLR0124 - NaN, whatever made it
        found = None
    else:
        try:
            found = convert(value, column)
        except (TypeError, ValueError, OverflowError) as error:
            why = f" ({error})" if isinstance(error, _UnfitError) else ""
            shown = "another value, which is sensitive" if column.get("sensitive") else f"{value!r}{why}"
            message = f"column {column['name']!r} expects {column['type']}, got {shown}"
            raise FrameError(message, column["name"], row) from None
    if found is None and not column["nullable"]:
        raise FrameError(f"column {column['name']!r} must not be null", column["name"], row)
    return found


class _UnfitError(ValueError):
    """What is wrong with a value, where the type alone does not say it."""


def _int(value: Any, _column: Mapping[str, Any]) -> int:
    if isinstance(value, (bool, np.bool_)):
        raise TypeError
    if isinstance(value, str) and not _INT.fullmatch(value):
        raise ValueError
    number = int(value)
    if not isinstance(value, str) and number != value:
        raise ValueError
    if not -(2**63) <= number < 2**63:
        raise _UnfitError("beyond 64 bits")
    return number


def _float(value: Any, _column: Mapping[str, Any]) -> float | None:
    if isinstance(value, (bool, np.bool_)):
        raise TypeError
    if isinstance(value, str) and not _FLOAT.fullmatch(value):
        raise ValueError
    number = float(value)
    return None if number != number else number  # noqa: PLR0124 - NaN


def _text(value: Any, _column: Mapping[str, Any]) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _bool(value: Any, _column: Mapping[str, Any]) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    text = str(value).lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError


def _time(value: Any, column: Mapping[str, Any]) -> dt.datetime:
    """ISO 8601; a time without an offset is UTC where the column is."""
    text = value if isinstance(value, str) else value.isoformat() if hasattr(value, "isoformat") else ""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError
    *numbers, fraction, zulu, hours, minutes = match.groups()
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    microsecond = int((fraction or "0").ljust(6, "0")[:6])
    try:
        time = dt.datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001 - see below
    except ValueError as error:
        raise _UnfitError(str(error)) from None
    if (zulu or hours) and not column.get("utc", False):
        raise _UnfitError("expected no offset from UTC")
    return time - dt.timedelta(hours=int(hours), minutes=int(f"{hours[0]}{minutes or 0}")) if hours else time


def _times(times: Any, column: Mapping[str, Any]) -> Any:
    return pd.DatetimeIndex(times).tz_localize("UTC") if column.get("utc", False) else times


_CONVERT: dict[str, Callable[..., Any]] = {
    "int": _int,
    "float": _float,
    "bool": _bool,
    "string": _text,
    "date": _time,
    "datetime": _time,
}
