"""Content digests: the same bytes under the same names give the same digest, whatever their times."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def of_bytes(content: bytes) -> str:
    """`sha256:` and 64 hex digits."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def of_value(value: Any) -> str:
    """Digest of a JSON value, whatever the order of its keys."""
    return of_bytes(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def of_file(path: Path) -> str:
    """Digest of a file's content, read in pieces."""
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def of_files(root: Path, files: Iterable[Path]) -> str:
    """Digest of files by their names below ``root``, their contents, and whether they are executable.

    A link to a folder counts by where it points.
    """
    entries = [
        [path.relative_to(root).as_posix(), _content(path), bool(path.stat().st_mode & 0o100)]
        for path in files
    ]
    return of_value(sorted(entries))


def _content(path: Path) -> str:
    return of_bytes(b"link to " + os.fsencode(path.readlink())) if path.is_dir() else of_file(path)


def stamp(root: Path, files: Iterable[Path]) -> str:
    """Digest of files by names, sizes, times, inodes and whether they are executable, without reading them.

    Equal stamps mean equal contents, unless somebody sets the machine's clock back: of the time of the last
    change (``st_ctime``, on Windows that of the creation) the system lets nobody else say when it was, as
    it does of the content's own. Different ones mean nothing.
    """
    looks = ((path.relative_to(root).as_posix(), path.stat()) for path in files)
    return of_value(
        sorted(
            [name, at.st_size, at.st_mtime_ns, at.st_ctime_ns, at.st_ino, bool(at.st_mode & 0o100)]
            for name, at in looks
        )
    )


def of_tree(root: Path) -> str:
    """Digest of every file, and every link to a folder, below a folder."""
    return of_files(root, tree(root))


def tree(root: Path) -> list[Path]:
    """Every file below a folder, and every link to a folder: what is behind that is below it, too."""
    return [path for path in root.rglob("*") if path.is_file() or (path.is_symlink() and path.is_dir())]
