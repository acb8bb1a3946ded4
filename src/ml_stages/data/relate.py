"""Compute with Polars what rules over several columns, rows or files ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ml_stages.checks.columns import nearest
from ml_stages.config.data import DataConfig, Reference, RowRule
from ml_stages.data.broken_rows import EXAMPLES
from ml_stages.data.columns import Column, columns_as, columns_of, settled, typed
from ml_stages.data.csv_lines import SeparatorError, separator_line
from ml_stages.data.first_rows import ROW
from ml_stages.data.information import label_information
from ml_stages.data.measure import MASKED
from ml_stages.data.place import place_of
from ml_stages.data.profile import Profile
from ml_stages.data.read import Table, open_table
from ml_stages.data.relations import BrokenRule, Relations
from ml_stages.data.types import as_texts
from ml_stages.errors import DataError

_SAMPLE_ROWS = 100_000
_WORD = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\b[^\W\d]\w*\b""")
"""Texts and names within quotes, and bare words."""
_UNSAID = (
    "it fails on a value of columns of which one is sensitive, so that it is not shown;"
    " TRY_CAST makes null of what cannot be converted"
)


@dataclass(frozen=True)
class _Typed:
    """The table's rows with every column as its type."""

    table: Table
    columns: Mapping[str, Column]
    rows: pl.LazyFrame
    config: DataConfig
    names: tuple[str, ...]
    unread: Mapping[str, str]
    """Columns of types that rules cannot compare, with the type."""

    @property
    def present(self) -> pl.LazyFrame:
        """The rows with NaN as null: it is missing, and Polars takes it for the greatest number."""
        return self.rows.with_columns(pl.selectors.float().fill_nan(None))

    def collect(self, scan: pl.LazyFrame) -> pl.DataFrame:
        return self.table.collect(scan)

    def masks(self, name: str) -> bool:
        return self.config.is_sensitive(name)


def relate(table: Table, folder: Path, profile: Profile, config: DataConfig, task: str) -> Relations:
    """Everything that is asked for; each rule reads the columns that it needs."""
    columns = columns_as(table, profile, config)
    names = tuple(name for name, column in columns.items() if column.kind)
    unread = {column.name: column.unsupported for column in profile.columns if column.unsupported}
    data = _Typed(table, columns, typed(table, columns.values()), config, names, unread)
    return Relations(
        rules=_row_rules(data, config.rules),
        references=[_reference(data, folder, reference) for reference in config.references],
        out_of_order=_out_of_order(data),
        conflicts=_conflicts(data),
        label_information=_information(data, profile.rows, categorical=task == "classification"),
    )


def _row_rules(data: _Typed, rules: Sequence[RowRule]) -> list[BrokenRule]:
    expected: dict[int, pl.Expr] = {}
    found = [BrokenRule(rule=rule.name or rule.expect) for rule in rules]
    for number, rule in enumerate(rules):
        try:
            expected[number] = _comparison(data, rule.expect)
        except DataError as error:
            found[number] = BrokenRule(rule=found[number].rule, fault=str(error))
    for number in expected.keys() - _holding(data, expected):
        found[number] = _row_rule(data, found[number].rule, expected[number])
    return found


def _holding(data: _Typed, expected: Mapping[int, pl.Expr]) -> set[int]:
    """Rules that hold in every row, by one look at the table; none where that fails, as one of them may.

    What is broken, or cannot be computed, is told by another look at it alone.
    """
    if len(expected) < 2:
        return set()
    # In columns, since a rule such as `max(x) < 5` says the same of every row.
    broken = [(~rule).alias(f"\1{number}") for number, rule in expected.items()]
    counts = data.present.with_columns(broken).select(pl.col(one.meta.output_name()).sum() for one in broken)
    try:
        found = counts.collect(engine="streaming").row(0)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return set()
    return {number for number, count in zip(expected, found, strict=True) if not count}


def _row_rule(data: _Typed, name: str, expected: pl.Expr) -> BrokenRule:
    named = list(dict.fromkeys(expected.meta.root_names()))
    broken = data.present.with_row_index(ROW).filter(~expected).select(ROW, *named)
    try:
        # The table was read before: what fails now is the rule.
        count = broken.select(pl.len()).collect(engine="streaming").item()
        shown = broken.head(EXAMPLES).collect(engine="streaming") if count else None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        is_quoted = not any(map(data.masks, named))
        return BrokenRule(rule=name, fault=_fault(error) if is_quoted else _UNSAID)
    if shown is None:
        return BrokenRule(rule=name)
    rows = pl.DataFrame([as_texts(values) for values in shown.drop(ROW).get_columns()]).rows(named=True)
    masked = [{key: MASKED if data.masks(key) else value for key, value in row.items()} for row in rows]
    first = place_of(data.table, shown[ROW][0])
    return BrokenRule(rule=name, count=count, examples=masked, first=first)


def _comparison(data: _Typed, expect: str) -> pl.Expr:
    """The rule; raises :class:`DataError` where it is no comparison of columns that are there."""
    try:
        expected = _expression(expect, data.names)
        named = expected.meta.root_names()
        if unknown := [column for column in named if column not in data.names]:
            if unknown[0] in data.unread:
                raise DataError(f"{unknown[0]!r} holds {data.unread[unknown[0]]}, which no rule can compare")
            raise DataError(f"there is no column {unknown[0]!r}{nearest(unknown[0], list(data.names))}")
        result = data.rows.select(expected.alias("result")).collect_schema()["result"]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DataError(_fault(error)) from None
    if result != pl.Boolean or not named:
        raise DataError(f"it gives {result}; expected a comparison of columns")
    return expected


def _fault(error: BaseException) -> str:
    """What Polars says of a rule; for a time as text it advises what only Python can write."""
    said = str(error).strip().splitlines()[0]
    if "'date/datetime/time' to a string" in said:
        return "it compares times with a text; write a day as date '2024-01-31'"
    return said


def _expression(expect: str, names: Sequence[str]) -> pl.Expr:
    """The rule as an expression; a column whose name is a word of SQL, such as `end`, needs no quotes."""
    try:
        return pl.sql_expr(expect)
    except pl.exceptions.PolarsError as error:
        quoted = _WORD.sub(lambda word: f'"{word[0]}"' if word[0] in names else word[0], expect)
        try:
            return pl.sql_expr(quoted)
        except pl.exceptions.PolarsError:
            raise error from None


def _reference(data: _Typed, folder: Path, reference: Reference) -> BrokenRule:
    name = f"{reference.column} in {reference.file} as {reference.to}"
    if reference.column not in data.names:
        return BrokenRule(rule=name, fault=f"the data has no column {reference.column!r}")
    try:
        other, there = _referenced(folder, reference, data.config)
        here = data.columns[reference.column]
        # Of numbers beside texts the zeros in front count.
        is_text = "string" in {here.kind, there.kind}
        known = other.collect(other.scan().select(_as_key(there, is_text=is_text)).unique()).to_series()
        other.check_lines({})
        key = _as_key(here, is_text=is_text).alias("value")
        values = data.table.scan().with_row_index(ROW).select(ROW, key).drop_nulls()
        orphans = data.collect(values.filter(~pl.col("value").is_in(known.implode())))
    except SeparatorError as error:
        advice = separator_line(error.mark, "its [[tool.ml-pipeline.data.references]]")
        return BrokenRule(rule=name, fault=f"{error.seen}. {advice}")
    except DataError as error:
        return BrokenRule(rule=name, fault=str(error))
    if orphans.is_empty():
        return BrokenRule(rule=name)
    shown = orphans["value"].unique(maintain_order=True).head(EXAMPLES).to_list()
    masked = [MASKED] * len(shown) if data.masks(reference.column) else shown
    first = place_of(data.table, int(orphans[ROW].sort()[0]))
    return BrokenRule(rule=name, count=orphans.height, examples=masked, first=first)


def _referenced(folder: Path, reference: Reference, config: DataConfig) -> tuple[Table, Column]:
    """The other table, and its column."""
    other = DataConfig(
        path=reference.file,
        label=reference.to,
        separator=reference.separator or config.separator,
        null_values=config.null_values,
    )
    table = open_table(folder, other, "data.references.file")
    columns = {column.name: column for column in columns_of(table, other)}
    if reference.to not in columns:
        raise DataError(f"{reference.file} has no column {reference.to!r}; it has {', '.join(columns)}")
    column = columns[reference.to]
    return table, column if column.sure else next(settled(table, [column], 0))


def _as_key(column: Column, *, is_text: bool) -> pl.Expr:
    """As text, of what the values mean or (``is_text``) as they stand there.

    Whole numbers are alike whether integers or floats, as which pandas stores those with gaps; and so are
    times of any precision and dates, of which pandas makes times.
    """
    is_verbatim = is_text and column.dtype == pl.String
    value = column.raw if is_verbatim else column.value
    if column.kind in {"date", "datetime", "datetime-utc"} and not is_text:
        time = value.cast(pl.Datetime("us")).cast(pl.String)
        return time.str.strip_suffix(".000000").str.strip_suffix(" 00:00:00")
    if is_verbatim or column.kind != "float":
        return value.cast(pl.String)
    value = column.present
    whole = value.is_finite() & (value == value.floor()) & (value.abs() < 2**53)
    return (
        pl.when(whole)
        .then(value.cast(pl.Int64, strict=False).cast(pl.String))
        .otherwise(value.cast(pl.String))
    )


def _out_of_order(data: _Typed) -> dict[str, int]:
    """What is missing is passed over: a value follows on the last one that is there."""
    found = {}
    for name, rule in data.config.columns.items():
        if rule.order is not None and name in data.names:
            value, before = pl.col(name), pl.col(name).shift(1)
            wrong = value <= before if rule.order == "strictly-ascending" else value < before
            found[name] = int(
                data.collect(data.present.select(name).drop_nulls().select(wrong.sum())).item() or 0
            )
    return found


def _conflicts(data: _Typed) -> int | None:
    config = data.config
    features = [name for name in data.names if config.is_feature(name)]
    if config.max_conflicts >= 1 or config.label not in data.names or not features:
        return None
    label = pl.col(config.label).drop_nulls().n_unique().alias("\1labels")
    meant = [data.columns[name].meant.alias(name) for name in features]
    rows = data.table.scan().select(*meant, data.columns[config.label].value.alias(config.label))
    groups = rows.group_by(features).agg(label, pl.len().alias("\1rows"))
    count = groups.filter(pl.col("\1labels") > 1).select(pl.col("\1rows").sum())
    return int(data.collect(count).item() or 0)


def _information(data: _Typed, rows: int, *, categorical: bool) -> dict[str, float]:
    config = data.config
    features = [name for name in data.names if config.is_feature(name)]
    if config.label not in data.names or not features or config.max_label_information == 1:
        return {}
    # Rows at even distances, since a table may be sorted by its label.
    every = max(1, rows // _SAMPLE_ROWS)
    sample = data.collect(data.rows.select(config.label, *features).gather_every(every))
    return label_information(sample, config.label, categorical=categorical)
