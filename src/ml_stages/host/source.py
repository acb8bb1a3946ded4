"""The project's source: which files count, and clean copies of them for stages to run in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ml_stages import digest
from ml_stages.source_patterns import NEVER_CODE, NEVER_SOURCE

if TYPE_CHECKING:
    import pathspec


@dataclass(frozen=True)
class Source:
    """Some files of a project."""

    root: Path
    files: tuple[Path, ...]
    """Absolute paths, sorted."""

    @property
    def digest(self) -> str:
        return digest.of_files(self.root, self.files)

    def select(self, include: Iterable[str], exclude: Iterable[str]) -> Source:
        """The files that match a pattern of ``include`` and none of ``exclude``."""
        wanted, unwanted = _spec(include), _spec(exclude)
        names = {path: path.relative_to(self.root).as_posix() for path in self.files}
        chosen = [
            path for path, name in names.items() if wanted.match_file(name) and not unwanted.match_file(name)
        ]
        return Source(self.root, tuple(chosen))

    def copy_to(self, folder: Path) -> None:
        """Copy the files; a stage works in its copy, so that it can neither read more nor change them."""
        for path in self.files:
            target = folder / path.relative_to(self.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)


def find_source(project: Path, exclude: Iterable[str]) -> Source:
    """Every file of the project but version control, environments, caches and ``exclude``."""
    unwanted = _spec([*NEVER_SOURCE, *exclude])
    found: list[Path] = []
    for folder, names, files in os.walk(project):
        here = Path(folder)
        # Folders are matched with their slash, as the patterns name them, and not walked into.
        names[:] = [name for name in names if not unwanted.match_file(f"{_below(here / name, project)}/")]
        paths = (here / file for file in files)
        found += [path for path in paths if path.is_file() and not unwanted.match_file(_below(path, project))]
    return Source(project, tuple(sorted(found)))


def find_code(source: Source, inputs: Iterable[str]) -> Source:
    """The part of the source that training and predictor read."""
    return source.select(inputs, NEVER_CODE)


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _spec(patterns: Iterable[str]) -> pathspec.PathSpec[pathspec.Pattern]:
    import pathspec  # noqa: PLC0415 - judging files imports this module, and searches no source

    return pathspec.PathSpec.from_lines("gitignore", patterns)
