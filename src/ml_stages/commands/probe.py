"""``ml-pipeline probe URL``: the stage's command, given the address of a server instead of a project."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ml_stages.errors import ExitStatus, UsageError
from ml_stages.standard_output import say

if TYPE_CHECKING:
    from ml_stages.commands.options import Commands
    from ml_stages.config.sections import ProbeConfig

_SCHEMES = ("http://", "https://")
_OF_PROJECTS = ("profile", "data", "output", "baseline", "force", "jobs")
_OF_SERVERS = ("rows", "model", "report", "contract_examples")


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
    server.add_argument(
        "--contract-examples",
        type=int,
        metavar="N",
        help="most requests with right, and most with wrong data, of each operation in the server's OpenAPI"
        " document (default 10); 0 does not hold it to the document",
    )
    server.add_argument("--report", type=Path, metavar="FILE", help="write the whole report there as JSON")
    probe.set_defaults(call=partial(_probe, probe.get_default("call")))


def _probe(run: Callable[[argparse.Namespace], ExitStatus], options: argparse.Namespace) -> ExitStatus:
    is_server = isinstance(options.project, Address)
    strange = [name for name in (_OF_PROJECTS if is_server else _OF_SERVERS) if getattr(options, name)]
    option = f"--{strange[0].replace('_', '-')}" if strange else ""
    if strange and is_server:
        raise UsageError(f"{option} is for a project; {options.project} is probed as it runs")
    if strange:
        raise UsageError(f"{option} is for a server; expected its URL in place of the project")
    return _probe_server(options) if is_server else run(options)


def _config(options: argparse.Namespace) -> ProbeConfig:
    """The defaults, but for what is an option."""
    from ml_stages.config.sections import ProbeConfig  # noqa: PLC0415

    if options.contract_examples is None:
        return ProbeConfig()
    if options.contract_examples < 0:
        raise UsageError(f"--contract-examples {options.contract_examples}: expected 0 or more")
    return ProbeConfig(contract_examples=options.contract_examples)


def _probe_server(options: argparse.Namespace) -> ExitStatus:
    from ml_stages.report.probe import probe_text  # noqa: PLC0415 - heavy
    from ml_stages.serving.probe_url import probe_url  # noqa: PLC0415

    report = probe_url(str(options.project), options.rows, options.model, _config(options))
    say(probe_text(report))
    if options.report is not None:
        try:
            options.report.write_text(report.model_dump_json(indent=1), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"the report cannot be written: {error}") from None
    has_failed = any(check.status == "failed" for check in report.checks)
    return ExitStatus.FAILED if has_failed else ExitStatus.PASSED
