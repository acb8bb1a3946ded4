"""Find what is wrong in a file of JSON lines, and in which line: what a fast reader does not say."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ml_stages.data.foreign import foreign
from ml_stages.data.json_fields import doubtful_lines

_NAMES = {bool: "a boolean", str: "a text", dict: "an object", list: "a list", float: "a number"}


class _FaultError(ValueError):
    """What JSON does not have, or a table cannot."""


def json_fault(file: Path) -> str | None:
    """What is wrong with the first faulty line of the file, with its number; ``None`` when nothing is."""
    if fault := foreign(file):
        return fault
    known: dict[str, tuple[type, int]] = {}
    for number, line in json_records(file):
        what = _fault_of(line, number, known)
        if what:
            return f"{file.name}, line {number}: {what}"
    return None


def passed_over(file: Path) -> str | None:
    """What Polars reads as something else than it says, in the first such line; ``None`` for nothing.

    Of a field that stands twice in an object it takes the first, and half of a character becomes none.
    """
    for number, line in doubtful_lines(file):
        if line.strip() and (what := _fault_of(line, number, {})):
            return f"{file.name}, line {number}: {what}"
    return None


def json_records(file: Path) -> Iterator[tuple[int, bytes]]:
    """Each line that is not blank, with its number."""
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield number, line


def _fault_of(line: bytes, number: int, known: dict[str, tuple[type, int]]) -> str | None:
    if line.startswith(b"\xef\xbb\xbf"):
        return "the file begins with a byte order mark; save it as UTF-8 without one"
    try:
        text = line.decode()
        found = json.loads(text, parse_constant=_no_number, parse_float=_number, object_pairs_hook=_object)
        return _other_type(found, number, known) or _half_of_a_character(text, found)
    except UnicodeDecodeError as error:
        return f"byte 0x{line[error.start]:02x} at position {error.start + 1} is not UTF-8; save it as UTF-8"
    except json.JSONDecodeError as error:
        return f"no JSON at position {error.colno}: {error.msg}"
    except _FaultError as error:
        return str(error)
    except RecursionError:
        return "JSON that is nested too deep"


def _no_number(word: str) -> float:
    raise _FaultError(f"{word} is no JSON; write null for a number that is missing")


def _number(text: str) -> float:
    if math.isinf(number := float(text)):
        raise _FaultError(f"the number {text[:40]} is too large")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise _FaultError(f"the field {name!r} stands twice in one object")
    return found


def _half_of_a_character(text: str, row: Mapping[str, Any]) -> str | None:
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        place = text.lower().find(half) + 1
        return f"{half} at position {place} is half of a character; write texts as UTF-8"
    return None


def _other_type(row: Any, number: int, known: dict[str, tuple[type, int]]) -> str | None:
    """A value of another type than that of a line before, apart from texts beside numbers."""
    if not isinstance(row, dict):
        return "expected one JSON object a line"
    for name, value in row.items():
        if value is None:
            continue
        kind = float if isinstance(value, int) and not isinstance(value, bool) else type(value)
        before, line = known.setdefault(name, (kind, number))
        if before is not kind and {before, kind} != {float, str}:
            return f"{name!r} is {_NAMES[kind]}, in line {line} {_NAMES[before]}; a column has one type"
    return None
