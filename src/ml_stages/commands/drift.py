"""``ml-pipeline drift``: whether current data is distributed like the reference. Works without a project."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ml_stages.errors import DataError, ExitStatus, UsageError
from ml_stages.standard_output import say
from ml_stages.startup import keep_memory, sort_quickly

if TYPE_CHECKING:
    from ml_stages.commands.options import Commands
    from ml_stages.config.drift import DriftConfig
    from ml_stages.drift.report import DriftReport

_EPILOG = (
    "exit status: 3 when a column drifted at least as much as --fail-on says (a removed column and another"
    " type are major), or could not be judged for want of rows, unless --allow-inconclusive; 2 when an option"
    " is wrong or a side cannot be read; else 0. A column drifts when the difference is both proven"
    " (significance, corrected for the number of tests) and large enough to matter (effect size)."
)


def add(commands: Commands) -> None:
    drift = commands.add_parser("drift", help="compare two tables or stored profiles", epilog=_EPILOG)
    what = "a table (file, glob or folder), a profile.json, or a bundle or folder that holds one"
    drift.add_argument("reference", metavar="REFERENCE", type=Path, help=f"what is expected: {what}")
    drift.add_argument("current", metavar="CURRENT", type=Path, help="what is compared with it: likewise")
    drift.add_argument(
        "--json", metavar="FILE", help='write the whole report as JSON ("-": print it instead)'
    )
    drift.add_argument(
        "--fail-on",
        choices=("minor", "major"),
        default="major",
        help="least drift of any column that ends with status 3 (default: major)",
    )
    drift.add_argument(
        "--allow-inconclusive", action="store_true", help="columns with too few rows do not end with status 3"
    )
    drift.add_argument("--label", metavar="NAME", help="the column to predict, marked as such in the report")
    drift.add_argument("--ignore", metavar="NAME", action="append", default=[], help="leave a column out")
    drift.add_argument(
        "--sensitive",
        metavar="NAME",
        action="append",
        default=[],
        help="show no value of this column (again for others); of a stored profile its own are known",
    )
    drift.add_argument("--cluster", metavar="NAME", help="column whose rows belong together (a patient)")
    drift.add_argument(
        "--null", metavar="TEXT", action="append", default=[], help='a text that means "no value" in CSV'
    )
    drift.add_argument(
        "--separator",
        metavar="MARK",
        type=_mark,
        help="what stands between the fields of CSV (default: what its first lines show)",
    )
    drift.add_argument(
        "--alpha", type=float, default=0.05, metavar="P", help="chance of any false alarm (default: 0.05)"
    )
    drift.add_argument(
        "--min-rows",
        type=int,
        default=100,
        help="rows of a column below which nothing is said (default: 100)",
    )
    drift.set_defaults(call=_drift)


def _drift(options: argparse.Namespace) -> ExitStatus:
    keep_memory()
    sort_quickly()
    from ml_stages.data.csv_lines import SeparatorError  # noqa: PLC0415 - heavy
    from ml_stages.drift.files import Reading, drift_json, drift_of_files, drift_text  # noqa: PLC0415

    reading = Reading(
        tuple(options.null), options.cluster, options.label, options.separator, tuple(options.sensitive)
    )
    try:
        report = drift_of_files(options.reference, options.current, _config(options), reading)
    except SeparatorError as error:
        raise UsageError(f"{error.seen}. Leave out --separator") from None
    except DataError as error:
        raise UsageError(str(error)) from None
    if options.json not in (None, "-"):
        _write(Path(options.json), drift_json(report))
    say(drift_json(report) if options.json == "-" else drift_text(report))
    return _status(report, options)


def _mark(text: str) -> str:
    from ml_stages.config.data import one_mark  # noqa: PLC0415 - heavy

    try:
        return one_mark(text.replace(r"\t", "\t"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _config(options: argparse.Namespace) -> DriftConfig:
    from pydantic import ValidationError  # noqa: PLC0415 - heavy

    from ml_stages.config.drift import DriftConfig  # noqa: PLC0415

    try:
        return DriftConfig(alpha=options.alpha, min_rows=options.min_rows, ignore=options.ignore)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", "-")
        raise UsageError(f"--{name} {first['input']}: {first['msg'].lower()}") from None


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--json {file}: {error.strerror}") from None


def _status(report: DriftReport, options: argparse.Namespace) -> ExitStatus:
    from ml_stages.config.drift import Severity  # noqa: PLC0415

    found = {column.severity for column in report.columns}
    unjudged = Severity.INCONCLUSIVE in found and not options.allow_inconclusive
    limit = Severity(options.fail_on)
    drifted = any(severity.rank >= limit.rank for severity in found)
    return ExitStatus.FAILED if drifted or unjudged else ExitStatus.PASSED
