"""Files that nobody ever reads half of."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """A path beside the file to write to, which takes its place at the end.

    Two runs that write the same file do not take each other's; where writing fails, nothing stays behind.
    """
    partial = file.with_name(f".{file.name}-{uuid.uuid4().hex[:8]}")
    try:
        yield partial
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
