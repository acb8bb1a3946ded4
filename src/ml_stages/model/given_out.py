"""What of the project's source goes out with a bundle unmeant, perhaps: secrets, and very large files.

Nothing is left out for it. What a predictor reads cannot be told from its code, so the report says what is
there, and somebody who knows takes it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ml_stages.audit.leaked_secrets import secrets_in
from ml_stages.report.numbers import listed

_LARGE = 50_000_000
"""Bytes from which on a file is named: GitHub warns of such files, too."""
_SEARCHED = 1_000_000
"""Bytes up to which a file is searched: settings and code are small, and vocabularies take seconds."""
_NAMED = 3


def told_of_source(code: Path, files: Iterable[Path]) -> list[str]:
    """What the report should say of files below ``code`` that a bundle holds."""
    names = {path.relative_to(code).as_posix(): path for path in files}
    secret = [place for name, path in names.items() for place in _secrets(name, path)]
    sizes = ((name, path.stat().st_size) for name, path in names.items())
    large = [f"{name} ({size / 1e6:,.0f} MB)" for name, size in sizes if size >= _LARGE]
    told = []
    if secret:
        told.append(
            f"secrets, by their looks, go out with the model: {listed(secret, _NAMED)}; name such files in"
            " source.exclude or .gitignore, and replace what was given out before"
        )
    if large:
        told.append(
            f"large files of the source go out with the model: {listed(large, _NAMED)}; name in"
            " source.exclude or .gitignore what neither training nor predictor reads"
        )
    return told


def _secrets(name: str, path: Path) -> Iterator[str]:
    """Place and kind of each secret, never itself."""
    if path.stat().st_size > _SEARCHED:
        return
    for found in secrets_in(name, path.read_bytes()):
        line = "" if found.finding.line is None else f", line {found.finding.line}"
        yield f"{name}{line} ({found.finding.rule.replace('-', ' ')})"
