"""How each column of a table is read, and what of it the rules ask for, as Polars expressions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import polars as pl

from ml_stages.config.data import NO_RULE, ColumnRule, DataConfig
from ml_stages.data.profile import ColumnProfile, Profile
from ml_stages.data.read import Table
from ml_stages.data.types import Kind, infer_all, kind_of, parse, parse_series
from ml_stages.data.unreadable import readable
from ml_stages.errors import DataError

RULES = ("broken_type", "below", "above", "not_allowed", "not_matching", "bad_length")
"""Names of what :attr:`Column.unlike_rule` yields, and of the fields of the profile for it."""
_SAMPLE_ROWS = 10_000
_SETTLED_CELLS = 10_000_000
"""Texts that are held at a time to tell types by, but for a column that has more."""
_LONGEST = 2**31


@dataclass(frozen=True)
class Column:
    """One column: where its values come from, and as what they are read."""

    name: str
    rule: ColumnRule
    dtype: pl.DataType
    """As the file holds it; text for CSV."""
    kind: Kind | None
    """As it is read; ``None`` for types that predictors cannot be given."""
    sure: bool = True
    """Whether the kind stays, whatever later rows hold: declared, the file's own, or text for a text."""
    as_text: bool = False
    """Whether the text itself matters, and not only what it means: in keys, labels and patterns."""
    parsed_as: str | None = None
    """Name of the column with the values as the kind, where they were parsed beforehand."""

    @property
    def raw(self) -> pl.Expr:
        """The values as the file holds them."""
        return pl.col(self.name)

    @property
    def value(self) -> pl.Expr:
        """The values as the kind; what does not read as it is null."""
        if self.parsed_as is not None:
            return pl.col(self.parsed_as)
        if self.dtype == pl.String and self.kind is not None:
            return parse(self.raw, self.kind)
        if self.kind == "float":
            return self.raw.cast(pl.Float64)
        return self.raw.cast(pl.String) if self.kind == "string" else self.raw

    @property
    def present(self) -> pl.Expr:
        """:attr:`value` with NaN as null: it is missing, and Polars takes it for the greatest number."""
        return self.value.fill_nan(None) if self.kind == "float" else self.value

    @property
    def meant(self) -> pl.Expr:
        """What a model can tell apart: what is missing is alike, and texts that are no such value are not."""
        if self.kind is None or not self.is_parsed:
            return self.raw if self.kind is None else self.present
        return pl.struct(self.present, means_none=pl.when(self.value.is_null()).then(self.raw))

    def values(self, batch: pl.DataFrame) -> pl.Series:
        """The values as the kind, of a batch."""
        if self.parsed_as is not None:
            return batch[self.parsed_as]
        if self.is_parsed and self.kind is not None:
            return parse_series(batch[self.name], self.kind)
        kinds = self.dtype.is_integer() or self.dtype.is_temporal()
        plain = self.dtype == pl.Float64 if self.kind == "float" else kinds
        return batch[self.name] if plain else batch.select(self.value).to_series()

    @property
    def parsed_name(self) -> str:
        """The name of a column of a batch that holds the parsed values."""
        return f"\0{self.name}"

    @property
    def is_parsed(self) -> bool:
        """Whether texts must be read as something else."""
        return self.dtype == pl.String and self.kind not in {None, "string"}

    @property
    def reads_as(self) -> pl.DataType | None:
        """What a column of texts may be read as right away; ``None`` where it is to be read as it is."""
        return None if self.as_text or self.dtype != pl.String else _READ_AS.get(self.kind or "string")

    @property
    def compared(self) -> pl.Expr:
        """The values as whole rows are compared by: numbers and booleans in texts by what they mean."""
        if self.reads_as is None:
            return self.raw
        return pl.struct(self.value, means_none=pl.when(self.value.is_null()).then(self.raw))

    @property
    def misfit(self) -> pl.Expr | None:
        """Which values are not of the declared type; ``None`` where all of them must be."""
        declared, there = self.rule.type, self.raw.is_not_null()
        if self.dtype == pl.String:
            return there & self.value.is_null() if self.kind != "string" else None
        found = kind_of(self.dtype)
        if declared is None or declared == found or (declared, found) in _ALSO_FIT:
            return None
        if declared == "int" and found == "float":
            # How pandas writes integers among which one is missing; NaN is counted as missing.
            number = self.raw.cast(pl.Float64)
            return there & number.is_not_nan() & ~(number.is_finite() & (number.floor() == number))
        return there

    @property
    def unlike_rule(self) -> Iterator[tuple[str, pl.Expr]]:
        """The name of each broken rule, and which values break it."""
        if (misfit := self.misfit) is not None:
            yield "broken_type", misfit
        if self.kind in {"int", "float"}:
            if self.rule.min is not None:
                yield "below", self.present < self._limit(self.rule.min, math.ceil)
            if self.rule.max is not None:
                yield "above", self.present > self._limit(self.rule.max, math.floor)
        if self.rule.allowed is not None and self.kind is not None:
            yield "not_allowed", self.value.is_not_null() & ~self._is_allowed(self.rule.allowed)
        if self.kind is not None:
            yield from self._text_rules()

    def _limit(self, limit: float, whole: Callable[[float], int]) -> pl.Expr:
        """As a whole number beside whole numbers, which as floats would be rounded."""
        is_whole = self.value_type == pl.Int64() and abs(limit) < 2**63
        return pl.lit(whole(limit), dtype=pl.Int64()) if is_whole else pl.lit(limit)

    @property
    def value_type(self) -> pl.DataType:
        """The type of :attr:`value`, as far as it matters to whole numbers."""
        return pl.Int64() if self.is_parsed and self.kind == "int" else self.dtype

    def _text_rules(self) -> Iterator[tuple[str, pl.Expr]]:
        rule, text = self.rule, self.raw.cast(pl.String)
        length = text.str.len_chars()
        if rule.pattern is not None:
            yield "not_matching", ~text.str.contains(f"^(?:{rule.pattern})$")
        if rule.min_length is not None or rule.max_length is not None:
            most = _LONGEST if rule.max_length is None else rule.max_length
            yield "bad_length", ~length.is_between(rule.min_length or 0, most)

    def _is_allowed(self, allowed: list[int | float | str | bool]) -> pl.Expr:
        if self.kind in {"int", "float"}:
            numbers = [value for value in allowed if not isinstance(value, (bool, str))]
            if self.kind == "float":
                return self.value.is_nan() | self.value.is_in([float(number) for number in numbers])
            whole = [int(n) for n in numbers if isinstance(n, int) or n.is_integer()]
            return self.value.is_in([number for number in whole if abs(number) < 2**63])
        texts = [str(value).lower() if isinstance(value, bool) else _plain(value) for value in allowed]
        return self.value.cast(pl.String).is_in(texts)


_READ_AS: dict[Kind, pl.DataType] = {"int": pl.Int64(), "float": pl.Float64(), "bool": pl.Boolean()}
_ALSO_FIT = {
    ("float", "int"),
    ("datetime", "date"),
    ("datetime", "datetime-utc"),
}


def _plain(value: float | str) -> str:
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def columns_of(table: Table, config: DataConfig) -> list[Column]:
    """Every column of the table in its order; types of CSV columns inferred from the first rows."""
    dtypes = _dtypes(table)
    texts = {name for name, dtype in dtypes.items() if dtype == pl.String}
    typed = texts if table.format != "csv" else texts & table.partitions.values.keys()
    texts -= {name for name in typed if config.rule_of(name).type in {None, "string"}}
    rules = {name: config.rule_of(name) for name in dtypes}
    declared = {name: rules[name].type for name in texts}
    first = table.head(_SAMPLE_ROWS, sorted(texts)) if texts else pl.DataFrame()
    kinds = infer_all(first, declared)
    empty = {text.name for text in first if text.null_count() == len(text)}
    return [
        replace(
            _column(name, dtype, rules[name], kinds.get(name), is_empty=name in empty),
            as_text=_needs_text(name, config),
        )
        for name, dtype in dtypes.items()
    ]


def _needs_text(name: str, config: DataConfig) -> bool:
    if name == config.label or name in config.key:
        return True
    rule = config.rule_of(name)
    lengths = rule.min_length is not None or rule.max_length is not None
    return rule.unique or rule.pattern is not None or lengths or rule.min_slice is not None


def _column(
    name: str, dtype: pl.DataType, rule: ColumnRule, inferred: Kind | None, *, is_empty: bool
) -> Column:
    """``is_empty`` is whether the rows from which the kind was inferred hold no value."""
    if rule.pattern is not None:
        _need_pattern(name, rule.pattern)
    if inferred is None:
        return Column(name, rule, dtype, kind_of(dtype))
    is_declared = rule.type is not None and rule.type != "datetime"
    sure = is_declared or (inferred == "string" and not is_empty)
    return Column(name, rule, dtype, inferred, sure=sure)


def _need_pattern(name: str, pattern: str) -> None:
    try:
        pl.select(pl.lit("").str.contains(f"^(?:{pattern})$"))
    except pl.exceptions.ComputeError as error:
        lines = str(error).strip().splitlines()
        why = next((line for line in lines if line.startswith("error:")), lines[0])
        raise DataError(f"data.columns.{name}.pattern is no regular expression: {why}") from None


def typed(table: Table, columns: Iterable[Column]) -> pl.LazyFrame:
    """The table, not yet read, with every column as its kind; columns without one are left out."""
    return table.scan().select(column.value.alias(column.name) for column in columns if column.kind)


def columns_as(table: Table, profile: Profile, config: DataConfig) -> dict[str, Column]:
    """The table's columns by name, each to be read as it was profiled, without rules."""
    kinds = {column.name: _kind_of(column) for column in profile.columns}
    return {
        name: Column(name, NO_RULE, dtype, kinds[name], as_text=_needs_text(name, config))
        for name, dtype in _dtypes(table).items()
    }


def _kind_of(column: ColumnProfile) -> Kind | None:
    """As what a column was read; ``None`` for what predictors cannot be given."""
    return None if column.unsupported else "datetime-utc" if column.utc else column.type


def _dtypes(table: Table) -> Mapping[str, pl.DataType]:
    with readable(table):
        return table.scan().collect_schema()


def settled(table: Table, columns: list[Column], rows: int) -> Iterator[Column]:
    """Columns with their kinds inferred from every row: the first ones were not like the others.

    ``rows`` is how many there are: as many columns are read at a time as memory should hold.
    """
    together = max(1, _SETTLED_CELLS // max(1, rows))
    for start in range(0, len(columns), together):
        some = columns[start : start + together]
        texts = table.collect(table.scan().select(column.name for column in some))
        kinds = infer_all(texts, {column.name: column.rule.type for column in some})
        yield from (replace(column, kind=kinds[column.name], sure=True) for column in some)
