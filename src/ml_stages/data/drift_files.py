"""``ml-pipeline drift REFERENCE CURRENT``: compare stored profiles, or tables themselves."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from ml_stages.config.data import ColumnRule, DataConfig
from ml_stages.data.drift import DriftConfig, DriftReport, Severity, drift
from ml_stages.data.measure import measure
from ml_stages.data.profile import Profile
from ml_stages.data.read import open_table
from ml_stages.errors import UsageError


def drift_of_files(reference: Path, current: Path, config: DriftConfig | None = None) -> DriftReport:
    """Compare what two paths hold: each a ``profile.json`` or its folder, or a table (a file or a folder).

    A table is read with the types of the reference, so that a column of codes that look like numbers stays
    what it was. Raises :class:`UsageError` for a path that is neither, :class:`DataError` for a table that
    cannot be read.
    """
    config = config or DriftConfig()
    before = load_profile(reference, cluster=config.cluster)
    return drift(before, load_profile(current, like=before, cluster=config.cluster), config)


def load_profile(path: Path, like: Profile | None = None, cluster: str | None = None) -> Profile:
    """Read a stored profile, or measure a table; ``cluster`` names the column whose rows belong together."""
    stored = path / "profile.json" if path.is_dir() else path
    if stored.suffix == ".json" and stored.is_file():
        try:
            return Profile.model_validate_json(stored.read_text(encoding="utf-8"))
        except (ValidationError, UnicodeDecodeError) as error:
            first = str(error).splitlines()[0]
            raise UsageError(f"{stored} is no profile of data-validate: {first}") from None
    if not path.exists():
        raise UsageError(f"{path} does not exist; expected a profile.json or a table")
    texts = [column.name for column in like.columns if column.type == "string"] if like else []
    table = DataConfig(path=path.name, label="", columns={name: ColumnRule(type="string") for name in texts})
    return measure(open_table(path.parent, table), table, "regression", cluster=cluster)


def drift_text(report: DriftReport) -> str:
    """The report for people: one line a column that drifted or could not be judged, and a last one."""
    told = [column for column in report.columns if column.severity is not Severity.NONE]
    width = max((len(column.column) for column in told), default=0)
    lines = [f"{column.severity:<12} {column.column:<{width}}  {column.message}" for column in told]
    same = len(report.columns) - len(told)
    rows = f"{report.current_rows:,} rows against {report.reference_rows:,}"
    return "\n".join(
        [*lines, f"{report.severity}: {same} of {len(report.columns)} columns as before; {rows}"]
    )


def drift_json(report: DriftReport) -> str:
    """The report for programs."""
    return json.dumps(report.model_dump(mode="json"), indent=1, ensure_ascii=False)
