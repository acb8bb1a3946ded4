"""``ml-pipeline probe URL``: the stage's command, given the address of a server instead of a project."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ml_stages.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from ml_stages.commands.options import Commands

_SCHEMES = ("http://", "https://")
_OF_PROJECTS = ("profile", "data", "output", "baseline", "force", "jobs")
_OF_SERVERS = ("rows", "model", "report")


class Address(str):  # noqa: SLOT000 - a mark on a text
    """The URL of a server."""


def project_or_address(text: str) -> Path | Address:
    """What stands where a project's folder is expected: a text that begins with a scheme is a URL."""
    return Address(text) if text.lower().startswith(_SCHEMES) else Path(text)


def add(commands: Commands) -> None:
    """Let the stage's command take a URL too, and what belongs to it."""
    probe = commands.choices["probe"]
    probe.usage = "ml-pipeline probe [project] [options]\n       ml-pipeline probe URL [options]"
    server = probe.add_argument_group(
        "a server that runs already",
        "`ml-pipeline probe http://HOST:PORT` holds any server of /invocations or of the open inference"
        " protocol to its own answers: alone as among others, in a crowd as alone, bad input refused, under"
        " load.",
    )
    server.add_argument("--rows", type=Path, metavar="FILE", help="rows to ask for: CSV, or a JSON list")
    server.add_argument(
        "--model", metavar="NAME", help="the model's name: asks with the open inference protocol"
    )
    server.add_argument("--report", type=Path, metavar="FILE", help="write the whole report there as JSON")
    probe.set_defaults(call=partial(_probe, probe.get_default("call")))


def _probe(run: Callable[[argparse.Namespace], ExitStatus], options: argparse.Namespace) -> ExitStatus:
    is_server = isinstance(options.project, Address)
    strange = [name for name in (_OF_PROJECTS if is_server else _OF_SERVERS) if getattr(options, name)]
    if strange and is_server:
        raise UsageError(f"--{strange[0]} is for a project; {options.project} is probed as it runs")
    if strange:
        raise UsageError(f"--{strange[0]} is for a server; expected its URL in place of the project")
    return _probe_server(options) if is_server else run(options)


def _probe_server(options: argparse.Namespace) -> ExitStatus:
    from ml_stages.report.probe import probe_text  # noqa: PLC0415 - heavy
    from ml_stages.serving.probe_url import probe_url  # noqa: PLC0415

    report = probe_url(str(options.project), options.rows, options.model)
    print(probe_text(report))  # noqa: T201
    if options.report is not None:
        try:
            options.report.write_text(report.model_dump_json(indent=1), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"the report cannot be written: {error}") from None
    has_passed = all(check.status == "passed" for check in report.checks)
    return ExitStatus.PASSED if has_passed else ExitStatus.FAILED
