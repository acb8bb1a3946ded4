"""What travels between stages on the host: folders, and copies of the source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ml_stages import digest
from ml_stages.config.data import DataConfig
from ml_stages.data.files import data_files
from ml_stages.errors import DataError, UsageError
from ml_stages.host.source import Source


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
        return {path.relative_to(root).as_posix(): digest.of_file(path) for path in self.source.files}

    def place(self, scratch: Path) -> Path:
        self.source.copy_to(scratch)
        return scratch


def data_folder(folder: Path, config: DataConfig) -> Folder:
    """The data folder, by the content of the files in it that the configuration names.

    Raises :class:`UsageError` for a pattern that names no place below it.
    """
    try:
        files = data_files(folder, config)
    except DataError as error:
        raise UsageError(str(error)) from None
    return Folder(folder, digest.of_files(folder, files))
