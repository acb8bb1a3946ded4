"""What a project's ``.gitignore`` files name, exactly as git reads them.

The matching library beside this (pathspec) lets a pattern decide for all that lies below a folder of that
name, so that ``!lib/`` brings back ``lib/build/`` after ``build/``. Git asks of each path alone, from the
root down, and never looks into a folder that it ignores.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TOKEN = re.compile(
    r"(?P<folders>(?<![^/])\*\*/)"
    r"|(?P<below>(?<![^/])\*\*$)"
    r"|(?P<any>\*+)"
    r"|(?P<one>\?)"
    r"|\[(?P<negated>[!^]?)(?P<set>\]?(?:\\.|[^\]\\])*)\]"
    r"|\\(?P<escaped>.)"
    r"|(?P<plain>[^\[\\])",
    re.DOTALL,
)


@dataclass(frozen=True)
class _Rule:
    """One line of a file."""

    path: re.Pattern[str]
    """Matches the whole path below the file's folder."""
    is_negated: bool
    is_for_folders: bool


class GitIgnore:
    """The rules for what lies in one folder: its own file's, then those of the folders above it."""

    def __init__(self, folder: Path, above: GitIgnore | None = None) -> None:
        self._folder = folder
        self._above = above
        self._rules = tuple(_rules(folder / ".gitignore"))

    def inside(self, folder: Path) -> GitIgnore:
        """The rules for what lies in a folder of this one."""
        return GitIgnore(folder, self)

    def names(self, path: Path, *, is_folder: bool) -> bool:
        """Whether a path below the folder is ignored; nobody asks below a folder that is."""
        name = path.relative_to(self._folder).as_posix()
        for rule in reversed(self._rules):
            if (is_folder or not rule.is_for_folders) and rule.path.fullmatch(name):
                return not rule.is_negated
        return self._above is not None and self._above.names(path, is_folder=is_folder)


def _rules(file: Path) -> Iterator[_Rule]:
    if not file.is_file():
        return
    for line in file.read_text(encoding="utf-8-sig", errors="surrogateescape").split("\n"):
        pattern = re.sub(r"(?<!\\) +$", "", line.removesuffix("\r"))
        if pattern.startswith("#"):
            continue
        is_negated = pattern.startswith("!")
        body = pattern.removeprefix("!")
        name = body.removesuffix("/")
        path = _translate(name if "/" in name else f"**/{name}") if name else None
        if path is not None:
            yield _Rule(path, is_negated, body.endswith("/"))


def _translate(pattern: str) -> re.Pattern[str] | None:
    """Git's pattern as an expression; nothing where it can match nothing: ``[`` without an end, ``[z-a]``.

    Classes such as ``[[:digit:]]`` are not known.
    """
    pattern = pattern.removeprefix("/")
    parts, end = [], 0
    for token in _TOKEN.finditer(pattern):
        if token.start() != end or "[:" in (token["set"] or ""):
            return None
        end = token.end()
        parts.append(_expression(token))
    try:
        return re.compile("".join(parts), re.DOTALL) if end == len(pattern) else None
    except re.error:
        return None


def _expression(token: re.Match[str]) -> str:
    match token.lastgroup:
        case "folders":
            return "(?:.+/)?"
        case "below":
            return ".+"
        case "any":
            return "[^/]*"
        case "one":
            return "[^/]"
        case "set":
            inside = re.sub(r"([\[&~|])", r"\\\1", token["set"])
            inside = f"\\{inside}" if inside.startswith(("]", "^")) else inside
            return f"(?!/)[{'^' if token['negated'] else ''}{inside}]"
        case _:
            return re.escape(token["escaped"] or token["plain"])
