"""``ml-pipeline drift REFERENCE CURRENT``: compare stored profiles, or tables themselves."""

from __future__ import annotations

import glob
import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ml_stages.config.data import ColumnRule, DataConfig
from ml_stages.config.drift import DriftConfig, Severity
from ml_stages.data.measure import measure
from ml_stages.data.profile import PROFILE, ColumnProfile, Profile
from ml_stages.data.read import open_table, with_likely_separator
from ml_stages.data.wanted import Scope
from ml_stages.drift.measure import Roles, drift
from ml_stages.drift.report import DriftReport
from ml_stages.drift.sensitive import masked
from ml_stages.errors import UsageError


def drift_of_files(
    reference: Path,
    current: Path,
    config: DriftConfig | None = None,
    reading: Reading | None = None,
) -> DriftReport:
    """Compare what two paths hold: each a stored profile, or a table (a file, a glob or a folder).

    A profile is a ``profile.json``, or a folder that holds one: an artifact of data-validate, a serving
    bundle, a published version. A table is read with the types of the reference, so that a column of codes
    that look like numbers stays what it was. Raises :class:`UsageError` for a path that is neither, and for
    options that fit neither side, :class:`DataError` for a table that cannot be read.
    """
    config, reading = config or DriftConfig(), reading or Reading()
    before = load_profile(reference, reading)
    after = load_profile(current, reading, like=before)
    there = {column.name for profile in (before, after) for column in profile.columns}
    for path, profile in ((reference, before), (current, after)):
        if not profile.columns:
            raise UsageError(f"{path} has no columns; there is nothing to compare")
    for name in [*config.ignore, *reading.sensitive, *([reading.label] if reading.label else [])]:
        if name not in there:
            raise UsageError(f"there is no column {name!r}; there are {', '.join(sorted(there))}")
    sides = masked(before, reading.sensitive), masked(after, reading.sensitive)
    return drift(*sides, config, Roles(reading.label))


_APART = "not compared"
"""In the place of a severity."""


@dataclass(frozen=True)
class Reading:
    """How tables are read."""

    null_values: tuple[str, ...] = ()
    """Texts that mean "no value" in CSV, besides the empty field (in quotes or not)."""
    cluster: str | None = None
    """Column whose rows belong together."""
    label: str | None = None
    """Column to predict."""
    separator: str | None = None
    """Between the fields of CSV; by default what the first lines show."""
    sensitive: tuple[str, ...] = ()
    """Columns whose values are not shown, besides those of which a stored profile says so."""


def load_profile(path: Path, reading: Reading | None = None, like: Profile | None = None) -> Profile:
    """Read a stored profile, or measure a table."""
    stored = next((file for file in _places_of_profile(path) if file.is_file()), None)
    return _measured(path, reading or Reading(), like) if stored is None else read_profile(stored)


def _places_of_profile(path: Path) -> list[Path]:
    """A table may be a folder too, so only these names count."""
    return [path / PROFILE, path / "bundle" / PROFILE, *([path] if path.suffix == ".json" else [])]


def read_profile(file: Path) -> Profile:
    """A stored profile; raises :class:`UsageError` for another file."""
    try:
        return Profile.model_validate_json(file.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file} is no {PROFILE} of data-validate, and no table: {_first_fault(error)}"
        ) from None


def _first_fault(error: ValidationError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return str(error)
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg'].lower()}" if place else str(first["msg"]).lower()


def _measured(path: Path, reading: Reading, like: Profile | None) -> Profile:
    if not path.exists() and not any(path.parent.glob(path.name)):
        raise UsageError(f"{path} does not exist; expected a {PROFILE} or a table")
    place = path.absolute()
    table = DataConfig(
        path=glob.escape(place.name) if path.exists() else place.name,
        label=reading.label or "",
        separator=reading.separator or ",",
        null_values=list(reading.null_values),
    )
    if reading.separator is None:
        table = with_likely_separator(place.parent, table)
    opened = open_table(place.parent, table)
    if reading.cluster and reading.cluster not in opened.scan().collect_schema():
        raise UsageError(f"{path} has no column {reading.cluster!r} to cluster by")
    before = [column for column in like.columns if not column.unsupported] if like else []
    # JSON has no times: they are texts, which may be meant for those of the reference.
    times = {column.name for column in before if _is_time(column) and opened.format == "jsonl"}
    scope = Scope(cluster=reading.cluster, rows=False, for_drift=like is not None)
    profile = measure(opened, _read_as(table, before, times), "regression", scope)
    if other := {column.name for column in profile.columns if column.name in times and column.broken_type}:
        return measure(opened, _read_as(table, before, times - other), "regression", scope)
    return profile


def _is_time(column: ColumnProfile) -> bool:
    return column.type in {"date", "datetime"}


def _read_as(table: DataConfig, before: list[ColumnProfile], times: set[str]) -> DataConfig:
    """With what the reference says of its columns: texts stay texts, masked values masked."""
    rules = {
        column.name: ColumnRule(
            type="datetime" if column.name in times else "string" if column.type == "string" else None,
            sensitive=column.sensitive,
        )
        for column in before
        if column.name in times or column.type == "string" or column.sensitive
    }
    return table.model_copy(update={"columns": rules})


def drift_text(report: DriftReport) -> str:
    """The report for people: a line for each column with something to say, and a last one."""
    told = sorted(
        (column for column in report.columns if column.severity is not Severity.NONE),
        key=lambda column: -column.severity.rank,
    )
    lines = [(column.severity.value, column.column, column.message) for column in told]
    lines += [(_APART, name, why) for name, why in report.uncompared]
    width = max((len(name) for _, name, _ in lines), default=0)
    columns = len(report.columns) + len(report.unasked)
    same = f"{columns - len(lines)} of {columns} columns as before"
    beside = f", {len(report.uncompared)} not compared" if report.uncompared else ""
    rows = f"{report.current_rows:,} rows against {report.reference_rows:,}"
    return "\n".join(
        [
            *(f"{what:<{len(_APART)}} {name:<{width}}  {message}" for what, name, message in lines),
            f"{report.severity}: {same}{beside}; {rows}",
        ]
    )


def drift_json(report: DriftReport) -> str:
    """The report for programs."""
    return json.dumps(report.model_dump(mode="json"), indent=1, ensure_ascii=False)
