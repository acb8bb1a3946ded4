"""``ml-pipeline verify``: whether a published version is what its verdict let out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ml_stages.errors import ExitStatus, UsageError
from ml_stages.standard_output import say

if TYPE_CHECKING:
    from ml_stages.commands.options import Commands

_EPILOG = (
    "exit status: 0 when it is what its verdict let out, 3 when it is not, 2 when there is no version. Images"
    " in a registry are verified through an engine: dagger call verify --address=IMAGE"
)


def add(commands: Commands) -> None:
    verify = commands.add_parser(
        "verify", help="compare a published version with its verdict", epilog=_EPILOG
    )
    verify.add_argument(
        "version", metavar="FOLDER", help="REGISTRY/NAME/aliases/ALIAS or REGISTRY/NAME/versions/VERSION"
    )
    verify.set_defaults(call=_verify)


def _verify(options: argparse.Namespace) -> ExitStatus:
    from ml_stages.verify import verify_version  # noqa: PLC0415 - heavy

    folder = Path(options.version)
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is no folder; expected a published version. An image in a registry is verified by"
            f" `dagger call verify --address={options.version}`"
        )
    verified = verify_version(folder)
    say(verified.text())
    return ExitStatus.PASSED if verified.holds else ExitStatus.FAILED
