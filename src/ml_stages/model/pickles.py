"""Find model files that run code when they are loaded, without loading any of them.

Pickles by their names, by their content (protocol 2 and later by the first bytes; protocol 0 and 1
by following the opcodes, `pickletools`), inside compression, and as members of tar and zip archives, which is
what torch writes (`.pt`, `.pth`, `.pt2`) and what an object array in `.npz` is.
"""

from __future__ import annotations

import bz2
import fnmatch
import gzip
import io
import lzma
import pickletools
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

_SUFFIXES = frozenset({".pkl", ".pickle", ".joblib", ".dill", ".pt", ".pth", ".pt2"})
_MODULES = frozenset({".py", ".pyc", ".so", ".pyd"})
_HEAD = 1 << 16
_NAMES = frozenset({"GLOBAL", "STACK_GLOBAL", "MARK", "EXT1", "EXT2", "EXT4"})
_CALLS = frozenset({"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"})
_NUMPY = b"\x93NUMPY"


def find_pickles(model: Path, allowed: Sequence[str]) -> tuple[list[str], list[str]]:
    """Model files that can run code: those refused, and those that a glob of ``allowed`` names."""
    # MLflow imports the modules that lie in a model's folder.
    imported = _MODULES if any(model.rglob("MLmodel")) else frozenset()
    names = [
        path.relative_to(model).as_posix()
        for path in sorted(model.rglob("*"))
        if path.is_file() and (path.suffix in imported or runs_code(path))
    ]
    permitted = [name for name in names if any(fnmatch.fnmatchcase(name, glob) for glob in allowed)]
    return [name for name in names if name not in permitted], permitted


def runs_code(path: Path) -> bool:
    """Whether loading this file in its usual way can run code that it holds."""
    if _SUFFIXES & {suffix.lower() for suffix in path.suffixes}:
        return True
    if zipfile.is_zipfile(path):
        return _archive_runs_code(path)
    if tarfile.is_tarfile(path):
        return _tar_runs_code(path)
    with path.open("rb") as stream:
        return _is_pickle(_decompressed(stream.read(_HEAD)))


def _archive_runs_code(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if Path(member.filename).suffix.lower() in _SUFFIXES:
                return True
            if not member.flag_bits & 1:  # else encrypted: nobody loads it unasked
                with archive.open(member) as stream:
                    if _is_pickle(stream.read(_HEAD)):
                        return True
    return False


def _tar_runs_code(path: Path) -> bool:
    with tarfile.open(path) as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is not None and (
                Path(member.name).suffix.lower() in _SUFFIXES or _is_pickle(stream.read(_HEAD))
            ):
                return True
    return False


_COMPRESSIONS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", lambda head: gzip.GzipFile(fileobj=io.BytesIO(head)).read1()),
    (b"BZh", lambda head: bz2.BZ2Decompressor().decompress(head)),
    (b"\xfd7zXZ", lambda head: lzma.LZMADecompressor().decompress(head)),
    (b"\x78", lambda head: zlib.decompressobj().decompress(head, _HEAD)),
)


def _decompressed(head: bytes) -> bytes:
    for magic, decompress in _COMPRESSIONS:
        if head.startswith(magic):
            try:
                return decompress(head)
            except (OSError, EOFError, zlib.error, lzma.LZMAError):
                return head
    return head


def _is_pickle(head: bytes) -> bool:
    if head.startswith(_NUMPY):
        # An array of objects: numpy stores it as a pickle after its header.
        return b"'descr': '|O'" in head[:256]
    if len(head) > 2 and head[0] == 0x80 and 2 <= head[1] <= 5:
        return True
    return _follows_to_code(head)


def _follows_to_code(head: bytes) -> bool:
    """Whether the bytes read as a text pickle up to an opcode that calls something.

    A text such as ``colour`` at the start of a CSV reads as the import of a name too; a call needs a
    name or a mark before it, which no text of people has.
    """
    callable_is_there = False
    try:
        for opcode, _, _ in pickletools.genops(head):
            if callable_is_there and opcode.name in _CALLS:
                return True
            callable_is_there = callable_is_there or opcode.name in _NAMES
    except (ValueError, UnicodeDecodeError, IndexError, OverflowError):
        return False
    return False
