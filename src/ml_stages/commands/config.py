"""``ml-pipeline config``: the effective configuration."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ml_stages.commands.options import add_project_options
from ml_stages.errors import ExitStatus

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

    print(config_text(load_config(options.project, options.profile)))  # noqa: T201
    return ExitStatus.PASSED
