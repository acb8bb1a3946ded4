"""The project's source: which files count, and clean copies of them for stages to run in."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ml_stages import digest
from ml_stages.errors import PipelineError, UsageError
from ml_stages.host.gitignore import GitIgnore
from ml_stages.room import lacks_room
from ml_stages.source_patterns import NEVER_CODE, NEVER_SOURCE

if TYPE_CHECKING:
    import pathspec


@dataclass(frozen=True)
class Source:
    """Some files of a project."""

    root: Path
    files: tuple[Path, ...]
    """Absolute paths, sorted."""
    linked: tuple[str, ...] = ()
    """Links to folders, by their names below the root: they are not followed."""
    dangling: tuple[str, ...] = ()
    """Links with nothing behind them."""

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
            _copy(path, folder / path.relative_to(self.root))

    def as_it_is(self, folder: Path) -> Source:
        """A copy that stays as it is while people go on with their work; without files that have just gone.

        Raises :class:`UsageError` for a file that cannot be read, :class:`PipelineError` for a full disk.
        """
        copied = []
        for path in self.files:
            target = folder / path.relative_to(self.root)
            try:
                _copy(path, target)
            except FileNotFoundError:
                continue
            except OSError as error:
                if lacks_room(error):
                    raise PipelineError(
                        f"the source cannot be copied to {folder}: {error.strerror}"
                    ) from None
                raise UsageError(
                    f"{path} cannot be read: {error.strerror}; name it in source.exclude if it is no source"
                ) from None
            copied.append(target)
        return replace(self, root=folder, files=tuple(copied))


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, target)


def find_source(project: Path, exclude: Iterable[str] = (), *, gitignore: bool = True) -> Source:
    """Every file of the project but version control, environments, caches and ``exclude``.

    With ``gitignore`` also without what its ``.gitignore`` files name: no fresh checkout has that.
    """
    unwanted = _spec([*NEVER_SOURCE, *exclude])
    top = GitIgnore(project) if gitignore else None
    found = sorted(_walk(project, project, unwanted, top))
    files = tuple(path for path in found if path.is_file())
    links = sorted({*found} - {*files})
    return Source(
        project,
        files,
        _names(project, (path for path in links if path.is_dir())),
        _names(project, (path for path in links if not path.is_dir())),
    )


def _names(project: Path, paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(path.relative_to(project).as_posix() for path in paths)


def _walk(
    folder: Path, project: Path, unwanted: pathspec.PathSpec[pathspec.Pattern], ignored: GitIgnore | None
) -> Iterator[Path]:
    """The files that count, and links; neither those to folders nor what is left out is walked into."""
    for path in folder.iterdir():
        is_folder = path.is_dir()
        # Patterns name folders with a slash behind.
        name = path.relative_to(project).as_posix() + "/" * is_folder
        if unwanted.match_file(name) or (ignored and ignored.names(path, is_folder=is_folder)):
            continue
        if is_folder and not path.is_symlink():
            yield from _walk(path, project, unwanted, ignored and ignored.inside(path))
        elif is_folder or path.is_file() or path.is_symlink():
            yield path


def find_code(source: Source, inputs: Iterable[str]) -> Source:
    """The part of the source that training and predictor read."""
    return source.select(inputs, NEVER_CODE)


def _spec(patterns: Iterable[str]) -> pathspec.PathSpec[pathspec.Pattern]:
    import pathspec  # noqa: PLC0415 - judging files imports this module, and searches no source

    return pathspec.PathSpec.from_lines("gitignore", patterns)
