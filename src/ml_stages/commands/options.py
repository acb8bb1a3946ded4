"""Options that several commands take."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no other name


def add_project_options(parser: argparse.ArgumentParser, kind: Callable[[str], object] = Path) -> None:
    """Which project, and which profile of its configuration; ``kind`` makes the project of its text."""
    parser.add_argument(
        "project", nargs="?", type=kind, default=Path(), help="the project's folder (default: .)"
    )
    parser.add_argument("--profile", metavar="NAME", help="overlay this profile of the configuration")
