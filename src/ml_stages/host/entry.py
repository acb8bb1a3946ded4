"""A stage's result as it is kept: report, outputs, log, and what they looked like when they were made."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_stages import digest
from ml_stages.host.artifact import Folder
from ml_stages.host.whole_file import written_whole

REPORT, LOG = "report.json", "log.txt"
_SEAL = "outputs.json"


@dataclass(frozen=True)
class Entry:
    """What a stage left."""

    report: str
    outputs: dict[str, Folder]


def seal(folder: Path, outputs: Iterable[str]) -> None:
    """Note what was made, so that a change of it is noticed."""
    made = {name: Folder.taken(_output(folder, name)) for name in outputs}
    _write_seal(folder, digest.of_file(folder / REPORT), made)


def read_entry(folder: Path) -> Entry | None:
    """The result, or ``None`` where it is no longer what was made.

    A stage may have written into what it was to read, a disk may have lost its last seconds in a power cut.
    Files are read again only where one looks different; after that they are known by their new looks (a cache
    that came back from an archive has other times).
    """
    try:
        noted = json.loads((folder / _SEAL).read_text(encoding="utf-8"))
        outputs = {name: _folder(_output(folder, name), said) for name, said in noted["outputs"].items()}
        report = (folder / REPORT).read_text(encoding="utf-8")
        whole = digest.of_bytes(report.encode()) == noted["report"] and (folder / LOG).is_file()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # also JSON of another shape
        return None
    if not whole or not all(made.is_unchanged for made in outputs.values()):
        return None
    fresh = {name: made.seen_now() for name, made in outputs.items()}
    if fresh != outputs:
        _write_seal(folder, noted["report"], fresh)
    return Entry(report, outputs)


def _output(folder: Path, name: str) -> Path:
    return folder / "out" / name


def _folder(path: Path, said: dict[str, Any]) -> Folder:
    if not path.is_dir():
        raise FileNotFoundError(path)
    return Folder(path, said["digest"], said["stamp"])


def _write_seal(folder: Path, report: str, outputs: dict[str, Folder]) -> None:
    said = {name: {"digest": made.digest, "stamp": made.stamp} for name, made in outputs.items()}
    with written_whole(folder / _SEAL) as partial:
        partial.write_text(json.dumps({"report": report, "outputs": said}), encoding="utf-8")
