"""Find what is wrong in a file of JSON lines, and in which line: what a fast reader does not say."""

from __future__ import annotations

import json
from pathlib import Path

from ml_stages.data.foreign import foreign


def json_fault(file: Path) -> str | None:
    """What is wrong with the first faulty line of the file, with its number; ``None`` when nothing is."""
    if fault := foreign(file):
        return fault
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip() and (what := _fault_of(line)):
                return f"{file.name}, line {number}: {what}"
    return None


def _fault_of(line: bytes) -> str | None:
    if line.startswith(b"\xef\xbb\xbf"):
        return "the file begins with a byte order mark; save it as UTF-8 without one"
    try:
        found = json.loads(line.decode())
    except UnicodeDecodeError as error:
        return f"byte 0x{line[error.start]:02x} at position {error.start + 1} is not UTF-8; save it as UTF-8"
    except json.JSONDecodeError as error:
        return f"no JSON at position {error.colno}: {error.msg}"
    except RecursionError:
        return "JSON that is nested too deep"
    return None if isinstance(found, dict) else "expected one JSON object a line"
