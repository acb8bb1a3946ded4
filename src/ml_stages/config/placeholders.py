"""Placeholders such as ``{train}`` in the project's commands.

A command is split into words first and filled in after, so that no value can become a second word,
and no shell is involved. Who wants a shell writes ``sh -c '...'``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")


def check_placeholders(command: str, known: set[str], needed: Collection[str] = ()) -> str:
    """Return the command, or raise :class:`ValueError` naming what it lacks or does not know."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ValueError(f"{command!r} is no command line: {error}") from None
    if not words:
        raise ValueError("the command is empty")
    found = {name for word in words for name in _PLACEHOLDER.findall(word)}
    if unknown := sorted(found - known):
        names = ", ".join(f"{{{name}}}" for name in sorted(known)) or "none"
        raise ValueError(f"unknown placeholder {{{unknown[0]}}}; known here: {names}")
    if missing := sorted(set(needed) - found):
        raise ValueError(f"the command lacks the placeholder {{{missing[0]}}}")
    return command


def fill(command: str, values: Mapping[str, object]) -> list[str]:
    """Split a command into words and put the values in; braces that are no placeholder stay."""

    def value(match: re.Match[str]) -> str:
        return str(values.get(match[1], match[0]))

    return [_PLACEHOLDER.sub(value, word) for word in shlex.split(command)]
