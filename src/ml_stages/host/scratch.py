"""Where a run works: a folder of its own, which a later run removes where this one was killed."""

from __future__ import annotations

import fcntl
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

_RUN, _LOCK = "run-", "lock"


class Scratch:
    """Fresh folders for work in progress, a rename away from where results are kept.

    As long as the run lives it holds a lock on its folder, which the kernel drops with the process.
    """

    def __init__(self, root: Path) -> None:
        self._root, name = root, uuid.uuid4().hex[:12]
        self._own = root / name
        self._own.mkdir()
        self._lock = (self._own / _LOCK).open("w")
        with suppress(OSError):  # a file system without locks: it is left for a month then, as any other
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Only now by its name: before, another run could take it for one of the dead.
            self._own = self._own.rename(root / f"{_RUN}{name}")

    def folder(self, name: str) -> Path:
        """A fresh, empty folder."""
        folder = self._own / f"{name}-{uuid.uuid4().hex[:12]}"
        folder.mkdir()
        return folder

    def close(self) -> None:
        """Remove all that is left of this run."""
        shutil.rmtree(self._own, ignore_errors=True)
        self._lock.close()

    def drop_left(self) -> None:
        """Remove what runs that were killed have left."""
        for folder in self._root.glob(f"{_RUN}*"):
            with suppress(OSError), (folder / _LOCK).open("r+") as lock:  # alive, or just gone
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
