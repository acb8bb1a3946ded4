"""What travels between stages on the host: folders, and copies of the source."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ml_stages import digest
from ml_stages.config.data import DataConfig
from ml_stages.data.files import data_files
from ml_stages.errors import DataError, UsageError
from ml_stages.host.source import Source
from ml_stages.report.plain import encodable


class HostArtifact(Protocol):
    """Something that a stage reads as a folder."""

    def parts(self, name: str) -> dict[str, str]:
        """What a cached result depends on: a name that a person understands, and a digest."""
        ...

    def place(self, scratch: Path) -> Path:
        """The folder to read; ``scratch`` is free to be filled for it."""
        ...


@dataclass(frozen=True)
class Folder:
    """A folder that is read where it is."""

    path: Path
    digest: str
    stamp: str = ""
    """What its files looked like when the digest was taken (:func:`ml_stages.digest.stamp`)."""
    find: Callable[[], Sequence[Path]] | None = None
    """Its files; by default all."""

    @classmethod
    def taken(cls, path: Path, find: Callable[[], Sequence[Path]] | None = None) -> Folder:
        """The folder as it is now."""
        files = find() if find else digest.tree(path)
        stamp = digest.stamp(path, files)  # first: what is written while it is read shall be noticed
        return cls(path, digest.of_files(path, files), stamp, find)

    @property
    def is_unchanged(self) -> bool:
        """Whether it holds what its digest says; it is read only where a file looks different."""
        try:
            files = self.find() if self.find else digest.tree(self.path)
            same = self.stamp == digest.stamp(self.path, files)
            return same or self.digest == digest.of_files(self.path, files)
        except (OSError, DataError):
            return False

    def seen_now(self) -> Folder:
        """The same content, known by how its files look now."""
        files = self.find() if self.find else digest.tree(self.path)
        return replace(self, stamp=digest.stamp(self.path, files))

    def parts(self, name: str) -> dict[str, str]:
        return {name.replace("-", " "): self.digest}

    def place(self, scratch: Path) -> Path:  # noqa: ARG002 - nothing needs to be made
        return self.path


@dataclass(frozen=True)
class Checkout:
    """Source files, of which every stage gets a copy of its own to work in."""

    source: Source

    def parts(self, name: str) -> dict[str, str]:  # noqa: ARG002 - the files name themselves
        root = self.source.root
        names = {path: encodable(path.relative_to(root).as_posix()) for path in self.source.files}
        return {name: digest.of_file(path) for path, name in names.items()}

    def place(self, scratch: Path) -> Path:
        self.source.copy_to(scratch)
        return scratch


def data_folder(folder: Path, config: DataConfig) -> Folder:
    """The data folder, by the content of the files in it that the configuration names.

    Raises :class:`UsageError` for a pattern that names no place below it.
    """
    try:
        return Folder.taken(folder, functools.partial(data_files, folder, config))
    except DataError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from None
