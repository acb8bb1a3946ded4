"""Options that several commands take."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no other name

Number = TypeVar("Number", int, float)
_OPTION = re.compile(r"^ +(?:-\w, )?(--[a-z-]+)", re.MULTILINE)


def refuse(command: argparse.ArgumentParser, unknown: Sequence[str]) -> NoReturn:
    """End with status 2 for what the command does not take, with its usage and the nearest options."""
    from difflib import get_close_matches  # noqa: PLC0415 - for those who misspelt something

    known = _OPTION.findall(command.format_help())
    given = [word.partition("=")[0] for word in unknown if word.startswith("-")]
    near = dict.fromkeys(match for word in given for match in get_close_matches(word, known, n=1))
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    command.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")


def from_text(kind: type[Number], text: str) -> Number:
    """A number; raises :class:`argparse.ArgumentTypeError` for a text that is none."""
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None


def add_project_options(parser: argparse.ArgumentParser, kind: Callable[[str], object] = Path) -> None:
    """Which project, and which profile of its configuration; ``kind`` makes the project of its text."""
    parser.add_argument(
        "project", nargs="?", type=kind, default=Path(), help="the project's folder (default: .)"
    )
    parser.add_argument("--profile", metavar="NAME", help="overlay this profile of the configuration")
