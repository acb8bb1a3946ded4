"""Results of stages, kept under the content of what made them.

A key is the digest of its parts (code, command, inputs, environment, ...). An entry appears whole or
not at all: it is made in a scratch folder and renamed. Entries not used for a month are dropped.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ml_stages import digest
from ml_stages.errors import PipelineError, UsageError
from ml_stages.host.scratch import Scratch
from ml_stages.host.whole_file import written_whole
from ml_stages.report.numbers import listed

KEPT_SECONDS = 30 * 24 * 3600
"""How long what nobody uses stays in the cache."""


def default_cache() -> Path:
    """``$ML_PIPELINE_CACHE``, else ``ml-pipeline`` in the user's cache folder.

    Raises :class:`UsageError` where the user has none.
    """
    if chosen := os.environ.get("ML_PIPELINE_CACHE"):
        return Path(chosen).resolve()  # stages run in folders of their own
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").resolve() / "ml-pipeline"
    except RuntimeError:  # this user stands in no list of users
        raise UsageError(f"this user has no home folder for the cache: {_CHOOSE}") from None


_CHOOSE = "name a folder that can be written in ML_PIPELINE_CACHE"
_NAMED = 5
"""How many changed parts are named: a first look, not a list of a thousand files."""


@dataclass(frozen=True)
class Key:
    """What a result depends on, part by part."""

    parts: Mapping[str, str]

    @property
    def digest(self) -> str:
        return digest.of_value(dict(self.parts))

    def changed_since(self, earlier: Mapping[str, str] | None) -> str:
        """`data changed`, naming the first parts in which it differs from an earlier key's."""
        if earlier is None:
            return "first run"
        names = [name for name in {**earlier, **self.parts} if earlier.get(name) != self.parts.get(name)]
        if not names:
            return "the earlier result is gone or did not pass"
        return f"{listed(names, _NAMED)} changed"


class Store:
    """A folder with one entry a key, and for each project the parts of every stage's last key.

    Raises :class:`PipelineError` where it cannot be written.
    """

    def __init__(self, root: Path, project: Path) -> None:
        self.root = root
        self._entries = root / "stages"
        self._scratch = root / "scratch"
        self._shared = root / "shared"
        self._failures = root / "failures"
        self._last = root / "last" / digest.of_value(str(project.resolve())).removeprefix("sha256:")[:16]
        try:
            for folder in (self._entries, self._scratch, self._shared, self._failures, self._last):
                folder.mkdir(parents=True, exist_ok=True)
            self._own = Scratch(self._scratch)  # the folders may be another user's
        except OSError as error:
            raise PipelineError(f"the cache {root} cannot be written: {error.strerror}; {_CHOOSE}") from None

    def find(self, key: Key) -> Path | None:
        """The entry's folder, marked as used now; ``None`` when there is none."""
        entry = self._entry(key)
        if not entry.is_dir():
            return None
        os.utime(entry)
        return entry

    def scratch(self, stage: str) -> Path:
        """A fresh, empty folder beside the entries (a rename away from being one)."""
        return self._own.folder(stage)

    def close(self) -> None:
        """Remove the folders of this run that became no entries."""
        self._own.close()

    def keep(self, key: Key, scratch: Path) -> Path:
        """Make a scratch folder the entry of a key; an entry that another run made first stands."""
        return _move(scratch, self._entry(key))

    def drop(self, entry: Path) -> None:
        """Remove an entry, from one moment to the next."""
        gone = self.scratch("dropped")
        with suppress(FileNotFoundError):  # another run dropped it
            entry.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def shared(self, name: str, fill: Callable[[Path], None], is_whole: Callable[[Path], bool]) -> Path:
        """A folder that is filled once and then used by every run, for as long as it is what it was."""
        folder = self._shared / name
        if folder.is_dir() and not is_whole(folder):
            self.drop(folder)
        if not folder.is_dir():
            scratch = self.scratch(name)
            try:
                fill(scratch)
                _move(scratch, folder)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)  # on a full disk, every run would leave a part
        return folder

    def last_parts(self, stage: str) -> dict[str, str] | None:
        """The parts of the key that this project's stage had when it last ran or was found.

        ``None`` where that is not known: it is for the wording alone, and a power cut may have emptied it.
        """
        try:
            parts = json.loads((self._last / f"{stage}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return parts if isinstance(parts, dict) else None

    def remember(self, stage: str, key: Key) -> None:
        """Note the parts of a stage's key for the next run's wording."""
        with written_whole(self._last / f"{stage}.json") as partial:
            partial.write_text(json.dumps(dict(key.parts)), encoding="utf-8")

    def note_failure(self, key: Key) -> None:
        """Note that what has this key failed just now."""
        with self._failed(key).open("a", encoding="utf-8") as stream:
            stream.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n")

    def failures(self, key: Key) -> list[str]:
        """When what has this key failed, the latest first."""
        file = self._failed(key)
        return file.read_text(encoding="utf-8").splitlines()[::-1] if file.is_file() else []

    def drop_unused(self) -> None:
        """Delete what killed runs left, and entries and failures that nobody used for a month."""
        self._own.drop_left()
        oldest = time.time() - KEPT_SECONDS
        for folder in [*self._entries.iterdir(), *self._scratch.iterdir()]:
            with suppress(FileNotFoundError):  # another run has just moved it
                if folder.stat().st_mtime < oldest:
                    shutil.rmtree(folder, ignore_errors=True)
        for file in self._failures.iterdir():
            with suppress(FileNotFoundError):
                if file.stat().st_mtime < oldest:
                    file.unlink(missing_ok=True)

    def _failed(self, key: Key) -> Path:
        return self._failures / f"{key.digest.removeprefix('sha256:')}.txt"

    def _entry(self, key: Key) -> Path:
        return self._entries / key.digest.removeprefix("sha256:")


def _move(scratch: Path, target: Path) -> Path:
    """Rename a scratch folder to what it is for; where another run was first, its folder stands."""
    try:
        scratch.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(scratch)
    return target
