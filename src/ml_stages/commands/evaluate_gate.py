"""``ml-pipeline evaluate-gate --predictions FILE``: the gates alone, on files of predictions.

Without ``--predictions`` the command is the stage of a run, as any other stage's.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ml_stages.errors import ExitStatus, UsageError
from ml_stages.standard_output import say
from ml_stages.startup import importing, sort_quickly

NAME = "evaluate-gate"
_RUN_ONLY = ("data", "baseline", "force", "jobs")


def add_files(parser: argparse.ArgumentParser) -> None:
    """The options with which the stage's command works on files and needs no project."""
    files = parser.add_argument_group("judging files", "needs no project: nothing is trained or run")
    files.add_argument(
        "--predictions",
        type=Path,
        metavar="FILE",
        help="CSV or Parquet with the columns key, label, prediction, and probability or "
        "probability_<class>; any other column can be a slice or a cluster",
    )
    files.add_argument(
        "--baseline-predictions",
        type=Path,
        metavar="FILE",
        help="the same rows as another model predicts them; its labels may be left out",
    )
    files.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="TOML file with the same table as a project's (default: the project's); only `task` is needed",
    )


def judges_files(options: argparse.Namespace) -> bool:
    """Whether the command was asked to judge files."""
    given = [name for name in ("predictions", "baseline_predictions", "config") if getattr(options, name)]
    if given and "predictions" not in given:
        raise UsageError(f"--{given[0].replace('_', '-')} goes with --predictions")
    if given and (also := [name for name in _RUN_ONLY if getattr(options, name) is not None]):
        raise UsageError(f"--{also[0]} is for a run; with --predictions nothing is run")
    return bool(given)


def judge(options: argparse.Namespace) -> ExitStatus:
    """Judge the files, print the verdict, and say where the reports are."""
    sort_quickly()
    with importing():
        from ml_stages.judge_files import FilesRequest, judge_files  # noqa: PLC0415 - heavy
        from ml_stages.report.text import verdict_text  # noqa: PLC0415

    output = options.output or options.project / ".ml-pipeline"
    finished = judge_files(
        FilesRequest(
            predictions=options.predictions,
            baseline_predictions=options.baseline_predictions,
            config=options.config or _project_config(options.project),
            output=output,
            profile=options.profile,
        )
    )
    lines = [verdict_text(finished.verdict, finished.results)]
    if finished.left_out:
        lines.append(f"not judged, since there are predictions alone: {', '.join(finished.left_out)}")
    lines += [f"reports: {output}", *(f"! not written: {problem}" for problem in finished.unwritten)]
    say("\n\n".join(lines))
    return ExitStatus.ERROR if finished.unwritten else finished.verdict.exit_status


def _project_config(project: Path) -> Path:
    own = project / "ml-pipeline.toml"
    return own if own.is_file() else project / "pyproject.toml"
