"""What type a column has: declared, or the first that every value reads as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import polars as pl

from ml_stages.config.data import ColumnType
from ml_stages.data.times import alike

Kind = Literal["int", "float", "string", "bool", "date", "datetime", "datetime-utc"]
"""A type of the configuration; times apart by whether they carry an offset from UTC."""

_INFERRED: tuple[Kind, ...] = ("int", "float", "bool", "date", "datetime", "datetime-utc")
_HEAD = 200
"""Rows that tell most columns apart from most types."""
_SHORTEST_TIME = 10
"""Bytes of a date."""
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[T ][0-9]{2}:[0-9]{2}(:[0-5][0-9](\.[0-9]+)?)?"
_WRITTEN = {
    "date": f"^{_DATE}$",
    "datetime": f"^{_DATE}({_CLOCK})?$",
    "datetime-utc": f"^{_DATE}{_CLOCK}(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$",
}
"""How times are written: Polars also reads `2026- 1- 2 3:04:60` and year 0, which no predictor is given."""
_LOCAL = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_OFFSET = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z")


def parse(text: pl.Expr, kind: Kind) -> pl.Expr:
    """Texts as a type; a text that is none of it becomes null. The same grammar as ``data.frame``."""
    if kind == "string":
        return text
    if kind == "bool":
        lower = text.str.to_lowercase()
        truth = pl.when(lower.is_in(["true", "1"])).then(statement=True)
        return truth.when(lower.is_in(["false", "0"])).then(statement=False)
    if kind == "date":
        return _if_written(text, kind, text.str.to_date("%Y-%m-%d", strict=False))
    if kind in {"datetime", "datetime-utc"}:
        formats = _LOCAL if kind == "datetime" else _OFFSET
        times = [text.str.to_datetime(form, strict=False, time_unit="us") for form in formats]
        return _if_written(text, kind, pl.coalesce(times))
    return text.cast(pl.Int64() if kind == "int" else pl.Float64(), strict=False)


def _if_written(text: pl.Expr, kind: Kind, times: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(_WRITTEN[kind]) & ~text.str.starts_with("0000")).then(times)


def _exact_words(text: pl.Expr) -> pl.Expr:
    """Booleans as most files write them, without a look at capitals."""
    return pl.when(text == "true").then(statement=True).when(text == "false").then(statement=False)


def parse_series(texts: pl.Series, kind: Kind) -> pl.Series:
    """Like :func:`parse`; the way in which all the texts are written is tried first."""
    if kind == "datetime" and (times := alike(texts)) is not None:
        return times
    if kind == "bool":
        words = texts.to_frame().select(_exact_words(pl.col(texts.name))).to_series()
        if words.null_count() == texts.null_count():
            return words
    table, text = texts.to_frame(), pl.col(texts.name)
    for form in {"datetime": _LOCAL, "datetime-utc": _OFFSET}.get(kind, ()):
        time = text.str.to_datetime(form, strict=False, time_unit="us")
        parsed = table.select(_if_written(text, kind, time)).to_series()
        if parsed.null_count() == texts.null_count():
            return parsed
    return table.select(parse(text, kind)).to_series()


def infer(texts: pl.Series, declared: ColumnType | None = None) -> Kind:
    """The declared type, else the first type that every text reads as; texts alone when there is none."""
    return infer_all(texts.to_frame(), {texts.name: declared})[texts.name]


def infer_all(texts: pl.DataFrame, declared: Mapping[str, ColumnType | None]) -> dict[str, Kind]:
    """Like :func:`infer`, of every column of a table at once."""
    found: dict[str, Kind] = dict.fromkeys(texts.columns, "string")
    open_ones = []
    for name in texts.columns:
        said = declared.get(name)
        if said == "datetime":
            aware = _broken(texts[name], "datetime-utc") < _broken(texts[name], "datetime")
            found[name] = "datetime-utc" if aware else "datetime"
        elif said is not None:
            found[name] = said
        elif texts[name].null_count() < texts.height:
            open_ones.append(name)
    # Digits alone are numbers, so `bool` here means the words.
    for kind in _INFERRED:
        fitting = _fitting(texts.select(_fitting(texts.select(open_ones).head(_HEAD), kind)), kind)
        told = dict.fromkeys(fitting, kind)
        found |= told
        open_ones = [name for name in open_ones if name not in told]
    return found


def _fitting(texts: pl.DataFrame, kind: Kind) -> list[str]:
    """The columns whose texts all read as a kind."""
    if not texts.width:
        return []
    if kind in {"datetime", "datetime-utc"}:
        return [text.name for text in texts if _may_be_times(text) and not _broken(text, kind)]
    parsed = texts.select(parse(pl.col(name), kind).null_count().alias(name) for name in texts.columns)
    broken = zip(parsed.row(0), texts.null_count().row(0), strict=True)
    return [name for name, (nulls, missing) in zip(texts.columns, broken, strict=True) if nulls == missing]


def _may_be_times(texts: pl.Series) -> bool:
    """Whether no text is too short; to read most words as times takes a hundred times as long."""
    return bool((texts.str.len_bytes() >= _SHORTEST_TIME).all())


def _broken(texts: pl.Series, kind: Kind) -> int:
    return parse_series(texts, kind).null_count() - texts.null_count()


def kind_of(dtype: pl.DataType) -> Kind | None:
    """The kind of a typed column; ``None`` for what predictors cannot be given (lists, durations...).

    Among them integers of 128 bits, which pandas does not read.
    """
    if dtype.is_integer() and dtype not in {pl.Int128(), pl.UInt128()}:
        return "int"
    if dtype.is_float() or dtype.is_decimal():
        return "float"
    if isinstance(dtype, pl.Datetime):
        return "datetime-utc" if dtype.time_zone else "datetime"
    kinds: dict[Any, Kind] = {
        pl.Boolean: "bool",
        pl.Date: "date",
        pl.String: "string",
        pl.Categorical: "string",
        pl.Enum: "string",
        pl.Null: "string",
    }
    return kinds.get(dtype.base_type())


def as_texts(values: pl.Series) -> pl.Series:
    """Values as texts; lists, bytes and the like, which Polars does not write, as Python writes them."""
    if values.dtype.is_nested() or values.dtype in (pl.Binary, pl.Duration):
        texts = [None if value is None else repr(value) for value in values.to_list()]
        return pl.Series(values.name, texts, dtype=pl.String)
    return values.cast(pl.String)


def as_shown(values: pl.Series) -> pl.Series:
    """Values as an example shows them: numbers and booleans as they are, others as texts."""
    return values if values.dtype.is_numeric() or values.dtype == pl.Boolean else as_texts(values)


def type_of(kind: Kind) -> ColumnType:
    """The name that the configuration uses."""
    return "datetime" if kind == "datetime-utc" else kind
