"""What a file is by its first bytes, where it is not the text that its name promises."""

from __future__ import annotations

from pathlib import Path

_MARKS = (
    (b"\x1f\x8b", "compressed (gzip)", "unpack it"),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd)", "unpack it"),
    (b"BZh", "compressed (bzip2)", "unpack it"),
    (b"\xfd7zXZ", "compressed (xz)", "unpack it"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook", "unpack it, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "save it as CSV"),
    (b"PAR1", "Parquet", "call it .parquet"),
    (b"ARROW1", "Arrow", "call it .arrow"),
    (b"\xff\xfe\x00\x00", "UTF-32", "save it as UTF-8"),
    (b"\x00\x00\xfe\xff", "UTF-32", "save it as UTF-8"),
    (b"\xff\xfe", "UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "UTF-16", "save it as UTF-8"),
)
_LOOKED_AT = 64
_POINTER = b"version https://git-lfs.github.com/spec/"
"""What Git LFS leaves in place of a file that a checkout did not fetch."""


def foreign(file: Path) -> str | None:
    """`loans.csv is UTF-16; expected UTF-8 text: save it as UTF-8`; nothing where it may be a text."""
    with file.open("rb") as stream:
        start = stream.read(_LOOKED_AT)
    if start.startswith(_POINTER):
        return _unfetched(file)
    for mark, what, remedy in _MARKS:
        if start.startswith(mark):
            return f"{file.name} is {what}; expected UTF-8 text: {remedy}"
    # Latin letters in UTF-16 have a null byte each.
    if start.count(0) >= max(2, len(start) // 3) and (any(start[::2]) != any(start[1::2])):
        return f"{file.name} looks like UTF-16; expected UTF-8 text: save it as UTF-8"
    return None


def other_format(file: Path, name: str) -> str | None:
    """What a file is that was taken for Parquet or Arrow; nothing where it begins like one."""
    with file.open("rb") as stream:
        start = stream.read(_LOOKED_AT)
    if start.startswith(_POINTER):
        return _unfetched(file)
    own = {"parquet": b"PAR1", "arrow": b"ARROW1"}[name]
    if start.startswith(own):
        return None
    if name == "arrow" and start.startswith(b"\xff\xff\xff\xff"):
        return f"{file.name} is an Arrow stream; expected an Arrow file (Feather): write it as one"
    what = next((what for mark, what, _ in _MARKS if start.startswith(mark)), None)
    if what is None and start.isascii() and b"\0" not in start:
        what = "a text"
    return f"{file.name} is {what}; expected {name.capitalize()}" if what else None


def _unfetched(file: Path) -> str:
    return f"{file.name} is a pointer of Git LFS; expected the file itself: `git lfs pull` fetches it"
