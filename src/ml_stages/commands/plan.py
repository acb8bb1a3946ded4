"""``ml-pipeline plan``: what a run would do."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ml_stages.commands.options import add_project_options
from ml_stages.errors import ExitStatus
from ml_stages.standard_output import say

if TYPE_CHECKING:
    from ml_stages.commands.options import Commands


def add(commands: Commands) -> None:
    plan = commands.add_parser("plan", help="show what would run, in which order, where, with which command")
    add_project_options(plan)
    plan.set_defaults(call=_plan)


def _plan(options: argparse.Namespace) -> ExitStatus:
    from ml_stages.config.load import load_config  # noqa: PLC0415 - heavy
    from ml_stages.plan import plan_text  # noqa: PLC0415

    say(plan_text(load_config(options.project, options.profile).config))
    return ExitStatus.PASSED
