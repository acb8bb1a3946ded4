"""``ml-pipeline holdout-size``: how many rows and labels a sealed holdout needs, before anyone labels."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ml_stages.commands.options import from_text
from ml_stages.errors import ExitStatus, UsageError
from ml_stages.standard_output import say

if TYPE_CHECKING:
    from ml_stages.commands.options import Commands
    from ml_stages.sealed.holdout_plan import HoldoutPlan

_DESCRIPTION = (
    "Rows and labels with which a holdout that answers one bit a candidate keeps its promise: with the "
    "reliability asked for, none of its passes is given to a candidate that does not meet the condition. "
    "Several conditions that must all hold need no more rows than the hardest of them."
)


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "holdout-size", help="rows and labels that a sealed holdout needs", description=_DESCRIPTION
    )
    parser.add_argument(
        "--reliability",
        type=_share,
        default=0.99,
        metavar="P",
        help="chance that all answers are right (default: 0.99)",
    )
    parser.add_argument(
        "--tolerance",
        type=_share,
        default=0.05,
        metavar="T",
        help="by how much an estimate must exceed its bound to pass (default: 0.05)",
    )
    parser.add_argument(
        "--runs", type=int, default=32, metavar="N", help="candidates that it judges (default: 32)"
    )
    parser.add_argument(
        "--adaptivity",
        choices=("first-change", "full"),
        default="full",
        help="whether it is retired at its first pass, or goes on though every answer is read (default)",
    )
    parser.add_argument(
        "--most-passes", type=int, metavar="K", help="most candidates that can pass, where each must gain"
    )
    _add_conditions(parser)
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="take everything from the section `sealed` of this TOML file instead",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(call=_holdout_size)


def _add_conditions(parser: argparse.ArgumentParser) -> None:
    conditions = parser.add_argument_group("conditions (default: --accuracy)")
    conditions.add_argument(
        "--accuracy", action="store_true", help="an accuracy, whatever it is, is above any bound"
    )
    conditions.add_argument(
        "--bound",
        type=_share,
        action="append",
        default=[],
        metavar="A",
        help="an accuracy is above A, a bound known before",
    )
    conditions.add_argument(
        "--difference",
        type=_share,
        action="append",
        nargs="?",
        const=1.0,
        default=[],
        metavar="D",
        help="a candidate is not worse than the baseline, of which it differs in at most a share D of the "
        "rows (default: 1); only those rows need labels",
    )


def _share(text: str) -> float:
    number = from_text(float, text)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"expected a number above 0 and at most 1, got {text}")
    return number


def _holdout_size(options: argparse.Namespace) -> ExitStatus:
    from ml_stages.sealed.budget import Adaptivity, Budget  # noqa: PLC0415 - heavy
    from ml_stages.sealed.holdout_plan import plan_for  # noqa: PLC0415

    if options.config is not None:
        return _print(_configured(options.config), as_json=options.json)
    if options.runs < 1 or options.reliability == 1 or options.tolerance == 1:
        raise UsageError("--runs starts at 1, and --reliability and --tolerance are below 1")
    budget = Budget(
        1 - options.reliability, options.runs, Adaptivity(options.adaptivity), options.most_passes
    )
    anything = options.accuracy or not (options.bound or options.difference)
    plan = plan_for(
        budget,
        options.tolerance,
        accuracy=anything,
        bounds=options.bound,
        discordances=options.difference,
    )
    return _print(plan, as_json=options.json)


def _configured(file: Path) -> HoldoutPlan:
    from ml_stages.config.load import load_judging_config  # noqa: PLC0415 - heavy
    from ml_stages.sealed.question import plan_of  # noqa: PLC0415

    sealed = load_judging_config(file).sealed
    if sealed is None:
        raise UsageError(f"{file} has no section `sealed`; expected one, or the options of this command")
    return plan_of(sealed)


def _print(plan: HoldoutPlan, *, as_json: bool) -> ExitStatus:
    from ml_stages.sealed.holdout_plan import plan_text  # noqa: PLC0415 - heavy

    say(json.dumps(plan.as_json(), indent=1) if as_json else plan_text(plan))
    return ExitStatus.PASSED
