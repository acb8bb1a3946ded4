"""``ml-pipeline init``: the configuration for a project, inferred from its source and its data."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from ml_stages.errors import DataError, ExitStatus, UsageError
from ml_stages.standard_output import say
from ml_stages.startup import keep_memory, sort_quickly

if TYPE_CHECKING:
    from ml_stages.adopt.initial import Initial
    from ml_stages.commands.options import Commands

_EPILOG = (
    "The table goes into pyproject.toml where there is one, else into ml-pipeline.toml; a table that is there"
    " is never overwritten. Exit status: 0 when it was written; 2 when nothing was."
)


def add(commands: Commands) -> None:
    init = commands.add_parser(
        "init", help="write the configuration for a project and its data", epilog=_EPILOG
    )
    init.add_argument(
        "project", nargs="?", type=Path, default=Path(), help="the project's folder (default: .)"
    )
    init.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="the table (file, glob, folder of parts), or the folder that holds it (default: PROJECT/data)",
    )
    init.add_argument("--label", metavar="NAME", required=True, help="the column to predict")
    init.set_defaults(call=_init)


def _init(options: argparse.Namespace) -> ExitStatus:
    keep_memory()
    sort_quickly()
    from ml_stages.adopt.initial import write_initial  # noqa: PLC0415 - heavy

    data = options.data or options.project / "data"
    try:
        file, initial = write_initial(options.project, data, options.label)
    except (DataError, OSError) as error:
        raise UsageError(str(error)) from None
    say(_told(file, initial, options.project))
    return ExitStatus.PASSED


def _told(file: Path, initial: Initial, project: Path) -> str:
    faults = [finding.message for finding in initial.findings if finding.severity == "error"]
    odd = [finding.message for finding in initial.findings if finding.severity == "warning"]
    return "\n".join(
        [
            f"{file}: the configuration was written, each line with its reason.",
            *_listed("Look at these lines:", initial.open_points),
            *_listed("The data breaks these rules already:", faults),
            *_listed("Odd, but no rule forbids it:", odd),
            f"Next: {shlex.join(['ml-pipeline', 'run', str(project), '--data', str(initial.folder)])}",
        ]
    )


def _listed(head: str, points: list[str]) -> list[str]:
    return [head, *(f"  - {point}" for point in points)] if points else []
