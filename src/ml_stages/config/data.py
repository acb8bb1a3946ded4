"""``[data]``: where the table is, what its columns must hold, and how it is split."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ml_stages import digest
from ml_stages.config.section import Number, Section

ColumnType = Literal["int", "float", "string", "bool", "date", "datetime"]
Value = int | float | str | bool
Share = float


_NO_SEPARATOR = "\"'.+-_ \n\r\0"
"""What stands in numbers and names, begins a text in quotes, or ends a line."""


def one_mark(separator: str) -> str:
    """What may separate the fields of CSV; raises :class:`ValueError` for all else."""
    if len(separator) != 1 or not separator.isascii() or separator.isalnum() or separator in _NO_SEPARATOR:
        raise ValueError(rf'{separator!r} separates no fields; expected a mark such as ",", ";", "\t" or "|"')
    return separator


Separator = Annotated[str, AfterValidator(one_mark)]


def _written_out(value: Any) -> Any:
    """A date or time of TOML's own as text."""
    return value.isoformat() if isinstance(value, date) else value


class ColumnRule(Section):
    """What one column must hold, and what it is used for."""

    type: ColumnType | None = None
    """Declared type; inferred from the data when left out."""
    min: Number | None = None
    """Smallest allowed value of a numeric column."""
    max: Number | None = None
    """Largest allowed value of a numeric column."""
    allowed: list[Value] | None = None
    """The only values that may occur (nulls are counted by `max_null`)."""
    max_null: Share = Field(default=0.0, ge=0, le=1)
    """Largest share of null values, from 0 to 1."""
    pattern: str | None = None
    """Regular expression that every whole text matches."""
    min_length: int | None = Field(default=None, ge=0)
    """Fewest characters of a text."""
    max_length: int | None = Field(default=None, ge=0)
    """Most characters of a text."""
    max_outliers: Share | None = Field(default=None, ge=0, le=1)
    """Largest share of numbers further from the middle half than three times its width."""
    order: Literal["ascending", "strictly-ascending"] | None = None
    """How the values follow one another from row to row."""
    max_age: str | None = Field(default=None, pattern=r"^[1-9][0-9]*(h|d|w)$")
    """How old the newest time may be, in hours, days or weeks (`36h`, `7d`, `2w`); times without an offset
    are taken for UTC. The data is then checked again every hour."""
    min_slice: int | None = Field(default=None, ge=1)
    """Fewest rows of any value, of those in `allowed` also where they do not occur."""
    unique: bool = False
    """Whether a value may occur once only; missing ones (null, NaN) may repeat, as `max_null` lets them."""
    required: bool = True
    """Whether the column must be there at all."""
    feature: bool | None = None
    """Whether the predictor sees it; by default all columns but the key's and the label. `false` keeps one
    for slices alone (protected attributes), `true` shows one of the key (the time of a series)."""
    sensitive: bool = False
    """Whether its values are masked in reports and logs, where a row is named by a number for its key. What
    the evaluation is about is named there: the label's classes, and the values of `evaluation.slices`. The
    profile that goes out with the model, for drift, holds texts as fingerprints, and of numbers and times
    how they are distributed: up to 512 of them as they are."""

    @property
    def max_age_seconds(self) -> float | None:
        """`max_age` as a number."""
        units = {"h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
        return None if self.max_age is None else int(self.max_age[:-1]) * units[self.max_age[-1]]

    @model_validator(mode="after")
    def _bounds_make_sense(self) -> ColumnRule:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min ({self.min:g}) is greater than max ({self.max:g})")
        return self


class ClassBalance(Section):
    """How rare a class of the label may be."""

    min_share: Share = Field(default=0.0, ge=0, le=1)
    """Smallest share of any class."""


NO_RULE = ColumnRule.model_construct(max_null=1.0)
"""What a column is held to for which no rule is written: nothing.

Made without a validator, which takes two milliseconds to build."""


class RowRule(Section):
    """What must hold in every row."""

    expect: str
    """SQL expression over the columns, e.g. `end >= start` or `start >= date '2020-01-31'`; a row in which it
    is null breaks no rule. NaN counts as null."""
    name: str = ""
    """Name in reports; by default the expression."""
    max_broken: Share = Field(default=0.0, ge=0, le=1)
    """Largest share of rows in which it is false."""


class Reference(Section):
    """A column whose values occur in another file."""

    column: str
    """Column of the table."""
    file: str
    """File or glob below the data folder; `data.path` must not match it."""
    to: str
    """Column of that file."""
    separator: Separator | None = None
    """What stands between its fields, where it is CSV; by default what `data.separator` says."""
    max_broken: Share = Field(default=0.0, ge=0, le=1)
    """Largest share of rows whose value does not occur there (nulls and NaN apart)."""


class SplitConfig(Section):
    """Which rows are held out."""

    method: Literal["key", "group", "time", "stratified", "files"] = "key"
    """`key`: by a hash of the key, stable as data is added; `group`: likewise, but all rows of a group
    together; `time`: the newest; `stratified`: by a hash within each class, in exact shares, so that
    single rows may change sides as data is added; `files`: the rows of `files`."""
    column: str | None = None
    """The column with the group or the time; for `stratified` by default the label."""
    since: Annotated[str, BeforeValidator(_written_out)] | None = None
    """First time that is held out (`time`): a date from its midnight, a time without an offset as UTC where
    the data's have one. By default the newest rows, in the share of `data.holdout`."""
    files: str | None = None
    """File, glob or folder of those among the table's files that are held out (`files`)."""
    group: str | None = None
    """A column no value of which may be on both sides, whatever the method."""
    time: str | None = None
    """A column of times, whatever the method: every row that trains is older than all that are held out."""
    max_shared: Share = Field(default=1.0, ge=0, le=1)
    """Largest share of held-out rows whose features are all equal to those of a row that trains."""
    acknowledged: list[str] = []
    """Columns of which a note on the split is known and left out of reports: keys, groups and clusters that
    are times or fractions, and groups that `evaluation.cluster` does not name."""

    @model_validator(mode="after")
    def _method_has_what_it_needs(self) -> SplitConfig:
        if self.method in {"group", "time"} and self.column is None:
            raise ValueError(f'method = "{self.method}" needs column')
        if (self.method == "files") != (self.files is not None):
            raise ValueError('method = "files" and files go together')
        if self.since is not None and self.method != "time":
            raise ValueError('since goes with method = "time"')
        if self.column is not None and self.method not in {"group", "time", "stratified"}:
            raise ValueError(f'method = "{self.method}" uses no column')
        return self


_HELD_OUT_BY = ("method", "column", "since", "files")


def split_digest(data: Mapping[str, Any], evaluation: Mapping[str, Any]) -> str:
    """Digest of all that decides which rows are held out, from the JSON values of both tables."""
    split = [data["split"][name] for name in _HELD_OUT_BY]
    together = [evaluation["cluster"], evaluation["query"]]
    return digest.of_value([data["key"], data["holdout"], *split, *together])


def is_later(time: str, earlier: str) -> bool:
    """Whether one ISO time is after another; not where only one of them has an offset or is a time at all."""
    try:
        return datetime.fromisoformat(time) > datetime.fromisoformat(earlier)
    except (ValueError, TypeError):
        return False


class DataConfig(Section):
    """The table that the model learns from: one file, or a glob of files with the same columns."""

    path: str
    """File, glob or folder below the data folder: `.csv`, `.tsv`, `.parquet`, `.arrow`, `.feather`, `.jsonl`.
    Files in folders such as `region=north` have `region` as one more column."""
    key: list[str] = []
    """Columns that identify a row; without them a row is identified by all its values."""
    label: str
    """The column to predict."""
    positive: Value | None = None
    """The positive class of a binary label, which then has no third; by default the greater of the two."""
    separator: Separator = ","
    r"""What stands between the fields of CSV: `,`, `;`, `|`, `\t` (a tab) or another mark. The train set has
    it too."""
    null_values: list[str] = []
    """Texts that mean "no value" in CSV, besides the empty field (in quotes or not)."""
    holdout: float = Field(default=0.25, gt=0, lt=1)
    """Share of rows that the training never sees."""
    split: SplitConfig = SplitConfig()
    """Which rows those are."""
    columns: dict[str, ColumnRule] = {}
    """Rules by column name."""
    extra_columns: Literal["allow", "forbid"] = "allow"
    """Whether columns without a rule may occur."""
    min_rows: int = Field(default=100, ge=0)
    """Fewest rows that are worth training on."""
    distributions: bool = True
    """Whether quantiles, deviations and counts of values are computed, for drift and outliers; without them
    the rules alone are checked, in about half the time."""
    max_duplicates: Share = Field(default=0.0, ge=0, le=1)
    """Largest share of rows that repeat an earlier row in every column."""
    rules: list[RowRule] = []
    """Rules over several columns of a row."""
    references: list[Reference] = []
    """Columns whose values occur in other files."""
    max_conflicts: Share = Field(default=1.0, ge=0, le=1)
    """Largest share of rows whose features are all equal to those of a row with another label."""
    max_label_information: Share | None = Field(default=None, ge=0, le=1)
    """Largest share of the label's information that a single feature may hold (1: it tells the label
    alone). By default more than 0.95 is a warning."""
    schema_version: str | None = None
    """Version of its schema that the data must state: in the Parquet files' metadata (`schema_version`), or
    in a file `SCHEMA_VERSION` in the data folder."""
    digest: str | None = None
    """The data's expected digest (`sha256:...`, as the report of data-validate says it)."""
    balance: ClassBalance = ClassBalance()
    """Class balance of the label (classification)."""

    @model_validator(mode="after")
    def _outliers_need_distributions(self) -> DataConfig:
        for name, rule in self.columns.items():
            if rule.max_outliers is not None and not self.distributions:
                raise ValueError(f"distributions = false, but columns.{name}.max_outliers needs them")
        return self

    @model_validator(mode="after")
    def _label_is_no_key(self) -> DataConfig:
        if self.label in self.key:
            raise ValueError(f"the label {self.label!r} cannot be part of the key")
        return self

    def as_of(self, now: datetime) -> dict[str, str]:
        """The time by which ages are judged, to the hour; nothing where no rule asks for one.

        It is a parameter of data-validate, so that a pass that was found in time goes stale with it.
        """
        if all(rule.max_age is None for rule in self.columns.values()):
            return {}
        return {"as_of": now.replace(minute=0, second=0, microsecond=0).isoformat()}

    def rule_of(self, column: str) -> ColumnRule:
        """The column's rule; one that asks for nothing, where none is written."""
        return self.columns.get(column, NO_RULE)

    def is_sensitive(self, column: str) -> bool:
        """Whether values of this column are masked in reports and logs."""
        return self.rule_of(column).sensitive

    def is_feature(self, column: str) -> bool:
        """Whether the predictor sees this column."""
        if column == self.label:
            return False
        chosen = self.rule_of(column).feature
        return column not in self.key if chosen is None else chosen
