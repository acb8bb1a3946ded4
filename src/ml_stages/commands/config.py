"""``ml-pipeline config``: the effective configuration."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ml_stages.commands.options import add_project_options
from ml_stages.errors import ExitStatus
from ml_stages.standard_output import say

if TYPE_CHECKING:
    from ml_stages.commands.options import Commands


def add(commands: Commands) -> None:
    config = commands.add_parser(
        "config", help="show the effective configuration and where each value came from"
    )
    add_project_options(config)
    config.set_defaults(call=_config)


def _config(options: argparse.Namespace) -> ExitStatus:
    from ml_stages.config.load import load_config  # noqa: PLC0415 - heavy
    from ml_stages.config.show import config_text  # noqa: PLC0415

    say(config_text(load_config(options.project, options.profile)))
    return ExitStatus.PASSED
