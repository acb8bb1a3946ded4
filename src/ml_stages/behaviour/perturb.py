"""The stage ``perturb``: rows changed as the gates ask, for the predictor to answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ml_stages.behaviour.part import Part
from ml_stages.config.data import DataConfig, Value
from ml_stages.data.csv_names import read_texts
from ml_stages.data.files import Format
from ml_stages.data.read import read_verbatim
from ml_stages.data.schema import FeatureSchema, Schema
from ml_stages.data.split import write_features
from ml_stages.evidence import PerturbReport
from ml_stages.gates.behaviour import behaviour_gates
from ml_stages.gates.gate import GateConfig
from ml_stages.gates.registry import Gate
from ml_stages.job import Job

SEED = 20190331
_UNSEEN = "a value that was never seen"
_NUMERIC = ("int", "float")
_LARGEST = 2.0**63 - 1024
"""The largest whole number of 64 bits that is also a float."""
_IDLE = {
    "set": "every row holds this already",
    "add": "no number is moved: the column is empty, or the step is lost in rounding whole numbers",
    "multiply": "no number is moved: the column is empty or 0, or whole numbers are rounded back",
    "noise": "no number is moved: there is none, or whole numbers are rounded back",
    "missing": "no column may be null (data.columns.*.max_null), and the server refuses a row with one",
    "outside": "there is neither number nor text",
}
"""Why a change may leave every row as it is."""


class _UnfitError(Exception):
    """What a gate asks for does not fit the data."""


def run(job: Job) -> None:
    """Write a folder for each part: its rows, their keys, and what is expected of them."""
    configured: Sequence[GateConfig] = TypeAdapter(list[Gate]).validate_python(job.config["gates"])
    schema = Schema.model_validate_json((job.inputs["schema"] / "schema.json").read_text(encoding="utf-8"))
    data = DataConfig.model_validate(job.config["data"])
    evaluation = job.config.get("evaluation", {})
    apart = {"label": data.label, "cluster": evaluation.get("cluster"), "query": evaluation.get("query")}
    parts = [part for gate in behaviour_gates(configured) for part in gate.parts()]
    for number, part in enumerate(parts):
        folder = job.outputs["perturbed-rows"] / f"{number:04d}"
        folder.mkdir()
        if part.operation == "train":
            _write_train(_read_train(job.inputs["train-set"], data), schema, apart, part, folder)
            made = part
        else:
            made = _write_changed(job.inputs["holdout-features"], schema, part, folder)
        (folder / "part.json").write_text(made.model_dump_json(indent=1), encoding="utf-8")
    job.write_report(PerturbReport(parts=len(parts)))


Rows = tuple[Format, pl.DataFrame]
"""A table as it stands in the file: CSV as text, so that nothing is read otherwise than by others."""


def _read_features(folder: Path) -> Rows:
    (file,) = folder.glob("features.*")
    if file.suffix == ".csv":
        return "csv", read_texts(file).fill_null("")
    return "parquet", pl.read_parquet(file)


def _read_train(folder: Path, config: DataConfig) -> Rows:
    (file,) = folder.iterdir()
    rows, table = read_verbatim(folder, config.model_copy(update={"path": file.name}))
    return table.format, rows.fill_null("") if table.format == "csv" else rows


def _sample(places: NDArray[np.intp], most: int) -> pl.Series:
    """At most so many of the places: the same ones in every run."""
    chosen = np.random.default_rng(SEED).permutation(places)[:most]
    return pl.Series(np.sort(chosen))


def _whole_queries(query: pl.Series, most: int) -> pl.Series:
    """The rows of some queries, at most so many but of one whole query: fewer rows are easier to rank."""
    codes = query.rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
    order = np.random.default_rng(SEED).permutation(np.unique(codes))
    sizes = np.bincount(codes)[order]
    count = max(int(np.searchsorted(np.cumsum(sizes), most, side="right")), 1)
    return pl.Series(np.flatnonzero(np.isin(codes, order[:count])))


def _write_changed(features: Path, schema: Schema, part: Part, folder: Path) -> Part:
    """Write the rows that the change makes other ones; a row that stays as it is would prove nothing."""
    form, table = _read_features(features)
    known = {feature.name: feature for feature in schema.features}
    try:
        changed = change(table, known, part)
    except _UnfitError as unfit:
        return part.model_copy(update={"fault": str(unfit)})
    differing = np.flatnonzero(different(table, changed, schema).to_numpy())
    if not differing.size:
        return part.model_copy(update={"idle": _IDLE[part.operation]})
    places = _sample(differing, part.rows)
    keys = read_texts(features / "keys.csv")
    _write(changed[places], keys[places], folder, form)
    return part


def different(before: pl.DataFrame, after: pl.DataFrame, schema: Schema) -> pl.Series:
    """Which rows differ in what they mean: `1` and `1.0` are one number, each text for null is null."""
    found = pl.repeat(value=False, n=before.height, dtype=pl.Boolean, eager=True)
    nulls = ["", *schema.null_values]
    for feature in schema.features:
        if feature.name in before.columns:
            old, new = (_meaning(table[feature.name], feature, nulls) for table in (before, after))
            found |= old.ne_missing(new)
    return found


def _meaning(values: pl.Series, feature: FeatureSchema, nulls: list[str]) -> pl.Series:
    if feature.type in _NUMERIC:
        return values.cast(pl.Int64 if feature.type == "int" else pl.Float64, strict=False)
    if values.dtype != pl.String:
        return values
    text = values.str.to_lowercase() if feature.type == "bool" else values
    return text.set(text.is_in(nulls).fill_null(value=False), None)


def _write_train(train: Rows, schema: Schema, apart: dict[str, str | None], part: Part, folder: Path) -> None:
    """The rows with their labels and, where rows belong together, what to; the predictor sees neither."""
    form, table = train
    query = apart["query"]
    places = (
        _sample(np.arange(table.height), part.rows)
        if query is None
        else _whole_queries(table[query], part.rows)
    )
    rows = table[places]
    keys = pl.DataFrame({"key": places.cast(pl.String)})
    labels = keys.with_columns(
        rows[column].alias(name) if name == "label" else rows[column].replace("", None).alias(name)
        for name, column in apart.items()
        if column is not None
    )
    labels.write_parquet(folder / "labels.parquet")
    _write(rows.select(feature.name for feature in schema.features), keys, folder, form)


def _write(rows: pl.DataFrame, keys: pl.DataFrame, folder: Path, form: Format) -> None:
    keys.write_csv(folder / "keys.csv")
    write_features(rows, folder, form)


def change(rows: pl.DataFrame, schema: dict[str, FeatureSchema], part: Part) -> pl.DataFrame:
    """The rows with the part's change, in the types that they came in."""
    if part.column is not None and part.column not in schema:
        raise _UnfitError(f"{part.column!r} is no feature; there are: {', '.join(schema)}")
    columns = list(schema) if part.column is None else [part.column]
    rng = np.random.default_rng(SEED)
    changed = [_changed(rows[name], schema[name], part, rng) for name in columns if name in rows.columns]
    return rows.with_columns(changed)


def _changed(values: pl.Series, feature: FeatureSchema, part: Part, rng: np.random.Generator) -> pl.Series:
    if part.operation == "set":
        return _set(values, feature, part.value)
    if part.operation == "missing":
        if not feature.nullable:  # the server refuses such a row, and the model never sees it
            return values
        gone = pl.Series(rng.random(len(values)) < float(part.value or 0.0))
        return _where(gone, _all(values, "" if values.dtype == pl.String else None), values)
    if feature.type not in _NUMERIC:
        if part.operation in ("add", "multiply"):
            raise _UnfitError(f"{feature.name!r} is no number, but {feature.type}: it cannot be moved")
        outside = part.operation == "outside" and feature.type == "string"
        return _all(values, _UNSEEN) if outside else values
    return _moved(values, feature, part, rng)


def _moved(values: pl.Series, feature: FeatureSchema, part: Part, rng: np.random.Generator) -> pl.Series:
    numbers = values.cast(pl.Float64, strict=False)
    amount = float(part.value or 0.0)
    if part.operation == "add":
        moved = numbers + amount
    elif part.operation == "multiply":
        moved = numbers * amount
    elif part.operation == "noise":
        noise = rng.normal(0.0, amount * float(numbers.drop_nans().std() or 0.0), len(numbers))  # type: ignore[arg-type]
        moved = (numbers + pl.Series(noise)).clip(feature.min, feature.max)
    else:
        low, high = _range(numbers)
        moved = pl.Series(np.full(len(numbers), high + amount * max(high - low, 1.0)))
    if feature.type == "int":
        moved = moved.round().clip(-_LARGEST, _LARGEST).cast(pl.Int64, strict=False)
    return _where(numbers.is_not_null(), _as(moved, values.dtype), values)


def _range(numbers: pl.Series) -> tuple[float, float]:
    low, high = numbers.min(), numbers.max()
    return float(low or 0.0), float(high or 0.0)  # type: ignore[arg-type]


def _set(values: pl.Series, feature: FeatureSchema, value: Value | None) -> pl.Series:
    whole = isinstance(value, float) and feature.type == "int" and value.is_integer()
    try:
        if values.dtype.is_temporal():
            same = _time(str(value), values.dtype).new_from_index(0, len(values)).alias(values.name)
        else:
            same = _all(values, int(value) if whole else value)  # type: ignore[arg-type]
    except (ValueError, pl.exceptions.PolarsError):
        same = values.clear(len(values))
    if same.null_count():
        raise _UnfitError(f"{value!r} is no {feature.type}, as {feature.name!r} is")
    return same


def _time(text: str, kind: pl.DataType) -> pl.Series:
    """A date or time by ISO 8601; in a column with a zone, one without is UTC."""
    time = datetime.fromisoformat(text)
    if getattr(kind, "time_zone", None) is None:
        return pl.Series([time.replace(tzinfo=None)]).cast(kind)
    aware = time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)
    return pl.Series([aware.replace(tzinfo=None)]).dt.replace_time_zone("UTC").cast(kind)


def _all(values: pl.Series, value: Value | None) -> pl.Series:
    """The value for every row, in the type of the column."""
    if values.dtype == pl.String and value is not None:
        value = str(value).lower() if isinstance(value, bool) else str(value)
    same = pl.Series(values.name, [value]).new_from_index(0, len(values))
    return _as(same, values.dtype)


def _as(values: pl.Series, kind: pl.DataType) -> pl.Series:
    return values.cast(kind, strict=False)


def _where(chosen: pl.Series, changed: pl.Series, values: pl.Series) -> pl.Series:
    return changed.zip_with(chosen, values).alias(values.name)
