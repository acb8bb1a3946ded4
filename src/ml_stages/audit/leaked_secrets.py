"""Leaked secrets: file, line and kind of every password, key and token in the source, never itself."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from detect_secrets.filters.allowlist import is_line_allowlisted
from detect_secrets.util.code_snippet import CodeSnippet

from ml_stages.audit.detectors import Detector, detectors
from ml_stages.audit.finding import Found
from ml_stages.evidence import Finding

_LARGEST = 5_000_000
_PIECE, _OVERLAP = 4000, 500
"""Characters of a long line that are searched at a time; the time that a pattern takes may grow faster."""
NOT_SEARCHED = "not-searched"


@dataclass(frozen=True)
class _Line:
    text: str
    number: int | None
    """``None`` in a notebook, whose file nobody reads by lines."""
    place: str = ""
    before: str = ""


def version() -> str:
    """Who looks."""
    return f"detect-secrets {installed('detect-secrets')}"


def leaked_secrets(source: Path) -> tuple[list[Found], int]:
    """A finding for each line and kind, and how many text files were searched.

    Files that hold binary data are passed over; a text of more than 5 MB is a warning. A line with the
    comment ``pragma: allowlist secret`` is passed over, as detect-secrets has it.
    """
    found: list[Found] = []
    searched = 0
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        name = path.relative_to(source).as_posix()
        if path.stat().st_size > _LARGEST:
            found += [] if _is_binary(path) else [_too_large(name)]
        elif (text := _text(path.read_bytes())) is not None:
            searched += 1
            found += search(name, text)
    return found, searched


def secrets_in(name: str, content: bytes) -> list[Found]:
    """The secrets in one file, none in binary data."""
    text = _text(content)
    return [] if text is None else search(name, text)


def search(name: str, text: str) -> list[Found]:
    """The secrets in one file's text."""
    lines = _lines(name, text)
    whole = "\n".join(line.text for line in lines)
    chosen = [detector for detector in detectors() if detector.may_hold(whole)]
    return [_found(name, line, kind) for line in lines if chosen for kind in _kinds(name, line, chosen)]


def _kinds(name: str, line: _Line, chosen: list[Detector]) -> list[str]:
    """The kinds of secret on a line; a format is more telling than a variable's name, and stands for it."""
    kinds = dict.fromkeys(
        detector.kind
        for piece in _pieces(line.text)
        for detector in chosen
        if any(True for _ in detector.find(name, piece))
    )
    if not kinds or _is_allowed(name, line):
        return []
    return [next(iter(kinds))]


def _is_allowed(name: str, line: _Line) -> bool:
    context = CodeSnippet(snippet=[line.before, line.text], start_line=0, target_index=1)
    return bool(is_line_allowlisted(filename=name, line=line.text, context=context))


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, max(len(text) - _OVERLAP, 1), _PIECE - _OVERLAP):
        yield text[start : start + _PIECE]


def _lines(name: str, text: str) -> list[_Line]:
    if name.endswith(".ipynb"):
        try:
            return list(_notebook_lines(json.loads(text)))
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # no notebook after all: its text is searched as it is
    raw = text.splitlines()
    return [
        _Line(line, number, before=before)
        for number, (before, line) in enumerate(zip(["", *raw], raw, strict=False), start=1)
    ]


def _notebook_lines(notebook: dict[str, Any]) -> Iterator[_Line]:
    """Sources and printed outputs of the cells: in the file they are quoted twice."""
    for index, cell in enumerate(notebook["cells"], start=1):
        yield from _cell_lines(cell["source"], f"cell {index}, line")
        for output in cell.get("outputs", []):
            printed = output.get("text") or output.get("data", {}).get("text/plain", "")
            yield from _cell_lines(printed, f"cell {index}, line of output")


def _cell_lines(source: str | list[str], place: str) -> Iterator[_Line]:
    raw = "".join(source).splitlines()
    for number, (before, line) in enumerate(zip(["", *raw], raw, strict=False), start=1):
        yield _Line(line, None, f"{place} {number}: ", before)


def _text(content: bytes) -> str | None:
    """A file's text; ``None`` for binary data, which has a zero byte early on (as git decides)."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    return None if b"\0" in content[:8000] else content.decode("utf-8-sig", "replace")


def _is_binary(path: Path) -> bool:
    with path.open("rb") as stream:
        return _text(stream.read(8000)) is None


def _too_large(name: str) -> Found:
    message = f"a text of more than {_LARGEST // 1_000_000} MB was not searched for secrets"
    finding = Finding(rule=NOT_SEARCHED, message=message, severity="warning", file=name)
    return Found(finding, frozenset({NOT_SEARCHED}))


def _found(name: str, line: _Line, kind: str) -> Found:
    what = kind.replace("-", " ")
    finding = Finding(
        rule=kind,
        message=f"{line.place}a secret, by its looks ({what}): take it out, and replace it where it is valid",
        file=name,
        line=line.number,
    )
    return Found(finding, frozenset({kind}))
