"""Texts of a project made harmless: no character that a terminal or a reader would take for a command."""

from __future__ import annotations

from typing import Any


def one_line(text: str) -> str:
    """The text on one line; a character that cannot be shown is written as its escape."""
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def encodable(value: Any) -> Any:
    """The same value in texts that UTF-8 can hold: what is no text, as in some names of files, is escaped."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {encodable(name): encodable(held) for name, held in value.items()}
    return [encodable(held) for held in value] if isinstance(value, list | tuple) else value


def _escaped(char: str) -> str:
    return " " if char.isspace() else char.encode("unicode_escape").decode("ascii")
