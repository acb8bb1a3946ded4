"""The command ``ml-pipeline``. Everything heavy is imported by the subcommand that needs it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from ml_stages.commands import COMMANDS, evaluate_gate
from ml_stages.commands.options import add_project_options, from_text, refuse
from ml_stages.commands.probe import project_or_address
from ml_stages.errors import ExitStatus, PipelineError
from ml_stages.stages import STAGES
from ml_stages.standard_output import take_all_characters

_EXIT_STATUS_HELP = (
    "exit status: 0 passed; 1 the machine or the pipeline broke; 2 wrong usage or configuration; "
    "3 the verdict is failed; 130 interrupted"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status. An expected error is one message, never a traceback."""
    take_all_characters()
    options, unknown = parser().parse_known_args(arguments)
    if unknown:
        refuse(options.parser, unknown)
    try:
        return int(options.call(options))
    except PipelineError as error:
        print(f"ml-pipeline: {error}", file=sys.stderr)  # noqa: T201 - this is the command line
        return int(error.status)


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    whole = argparse.ArgumentParser(
        prog="ml-pipeline",
        description="A CI/CD pipeline for machine-learning projects whose verdict can be believed.",
        epilog=_EXIT_STATUS_HELP,
    )
    whole.add_argument("--version", action="version", version=f"%(prog)s {version('ml-pipeline')}")
    commands = whole.add_subparsers(
        title="commands (one of a stage runs that stage and what it needs)",
        dest="command",
        required=True,
        metavar="COMMAND",
    )
    run = commands.add_parser("run", help="run the pipeline and print the verdict", epilog=_EXIT_STATUS_HELP)
    _add_run_options(run, publishes=True)
    run.add_argument(
        "--until", metavar="STAGE", help="run only this stage and what it needs; never publishes"
    )
    run.set_defaults(call=_run)
    for stage in STAGES:
        command = commands.add_parser(stage.name, help=stage.does, epilog=_EXIT_STATUS_HELP)
        kind = project_or_address if stage.name == "probe" else Path
        _add_run_options(command, kind, publishes=stage.name == "publish")
        command.set_defaults(call=_run, until=stage.name)
        if stage.name == evaluate_gate.NAME:
            evaluate_gate.add_files(command)
            command.set_defaults(call=_evaluate_gate)
    for beside in COMMANDS:
        beside.add(commands)
    for command in commands.choices.values():
        command.set_defaults(parser=command)
    return whole


def _add_run_options(
    parser: argparse.ArgumentParser, kind: Callable[[str], object] = Path, *, publishes: bool
) -> None:
    add_project_options(parser, kind)
    parser.add_argument("--data", type=Path, metavar="DIR", help="the data folder (default: PROJECT/data)")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="where reports and logs go (default: PROJECT/.ml-pipeline)"
    )
    parser.add_argument(
        "--baseline",
        metavar="PATH|none",
        help="bundle or version to compare with (default: what the registry's alias points at)",
    )
    force = "publish past a failed gate; the reason is recorded"
    # What publishes nothing takes the option too, to say so.
    parser.add_argument("--force", metavar="REASON", help=force if publishes else argparse.SUPPRESS)
    parser.add_argument(
        "--jobs", type=_positive, metavar="N", help="most stages at a time (default: one a core)"
    )


def _positive(text: str) -> int:
    number = from_text(int, text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text}")
    return number


def _evaluate_gate(options: argparse.Namespace) -> ExitStatus:
    return evaluate_gate.judge(options) if evaluate_gate.judges_files(options) else _run(options)


def _run(options: argparse.Namespace) -> ExitStatus:
    from ml_stages.host.run import Request, run  # noqa: PLC0415 - heavy
    from ml_stages.report.text import verdict_text  # noqa: PLC0415
    from ml_stages.terminal import display  # noqa: PLC0415

    request = Request(
        project=options.project,
        data=options.data,
        output=options.output,
        profile=options.profile,
        until=options.until,
        baseline=options.baseline,
        force=options.force,
        jobs=options.jobs,
    )
    shown = display()
    with shown:
        finished = run(request, shown)
    shown.show("\n" + verdict_text(finished.verdict, finished.results))
    shown.show(f"\nreports: {request.output_folder}")
    for problem in finished.unwritten:
        shown.show(f"! not written: {problem}")
    status = finished.verdict.exit_status
    return ExitStatus.ERROR if finished.unwritten and status is not ExitStatus.INTERRUPTED else status


if __name__ == "__main__":
    sys.exit(main())
