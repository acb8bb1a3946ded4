"""Texts of a project made harmless: no character that a terminal or a reader would take for a command."""

from __future__ import annotations


def one_line(text: str) -> str:
    """The text on one line; a character that cannot be shown is written as its escape."""
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return " " if char.isspace() else char.encode("unicode_escape").decode("ascii")
