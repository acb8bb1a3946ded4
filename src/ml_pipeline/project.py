"""What the module reads of a project itself: configuration, lock, and which of its files are source."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagger

from ml_pipeline.containers import PIPELINE_PYTHON, Lock
from ml_stages import digest
from ml_stages.audit.parameters import LockText
from ml_stages.config.config import Config
from ml_stages.config.load import load_config
from ml_stages.config.sections import EnvironmentConfig
from ml_stages.errors import UsageError
from ml_stages.lock import find_lock, python_version
from ml_stages.requires_python import need_allowed
from ml_stages.source_patterns import told_of_folder_links, told_of_stray_links
from ml_stages.stale_lock import told_of_lock


@dataclass(frozen=True)
class Project:
    """What a run knows of the project before it begins."""

    config: Config
    source: dagger.Directory
    """The files that count as source."""
    lock: Lock
    told: tuple[str, ...]
    """What people should know of it: what its lock leaves open, which links are no source."""
    source_digest: str
    profile: str | None


async def read_project(
    source: dagger.Directory, data: dagger.Directory | None, profile: str | None
) -> Project:
    """Read the project's folder; raises :class:`UsageError` for a wrong configuration or lock file."""
    with tempfile.TemporaryDirectory() as scratch, _named_as_in_project(scratch):
        tables, root = Path(scratch, "tables"), Path(scratch, "project")
        await source.filter(include=["pyproject.toml", "ml-pipeline.toml"]).export(str(tables))
        loaded = load_config(tables, profile)
        counted = source.filter(
            exclude=await _apart(source, data, loaded.config), gitignore=loaded.config.source.gitignore
        )
        await counted.export(str(root))
        links = _remove_links(root)
        if left_out := [*links.folders, *links.stray]:
            counted = counted.filter(exclude=[_literally(name) for name in left_out])
        lock = _read_lock(root, loaded.config.environment)
        of_lock = told_of_lock(root, LockText(name=lock.name, text=lock.text), loaded.config.environment)
        told = (*of_lock, told_of_folder_links(links.folders), told_of_stray_links(links.stray))
        return Project(
            loaded.config, counted, lock, tuple(filter(None, told)), digest.of_tree(root), loaded.profile
        )


def engine_patterns(patterns: Iterable[str]) -> list[str]:
    """Our patterns as the engine writes them: what stands at the root has no slash before it."""
    return [pattern.removeprefix("/") for pattern in patterns]


@dataclass(frozen=True)
class _Links:
    """Links that are no source, by their names in the project."""

    folders: list[str]
    """To folders of the source: not followed, as on the host."""
    stray: list[str]
    """To what is not in the source, where the host would find it and no container does."""


def _remove_links(root: Path) -> _Links:
    """Take the links out of our copy of the source that are none of it; those to its files stay."""
    removed = _Links([], [])
    for path in sorted(path for path in root.rglob("*") if path.is_symlink()):
        inside = Path(os.path.realpath(path)).is_relative_to(root.resolve())  # also of one that ends nowhere
        if inside and path.is_file():
            continue
        into = removed.folders if inside and path.is_dir() else removed.stray
        into.append(path.relative_to(root).as_posix())
    for name in (*removed.folders, *removed.stray):
        (root / name).unlink()
    return removed


def _literally(name: str) -> str:
    """A name as a pattern that matches nothing else."""
    return re.sub(r"([\\*?\[!])", r"\\\1", name)


@contextmanager
def _named_as_in_project(scratch: str) -> Iterator[None]:
    """Let messages name files as the project does, and not our copies of them."""
    try:
        yield
    except UsageError as error:
        copy = re.compile(rf"{re.escape(scratch)}/\w+(/?)")
        raise UsageError(copy.sub(lambda it: "" if it[1] else "the source", str(error))) from None


async def _apart(source: dagger.Directory, data: dagger.Directory | None, config: Config) -> list[str]:
    """What lies in the project's folder and is no source: as on the host, data and registry."""
    registry = [config.publish.registry] if config.publish else []
    ledger = [config.sealed.ledger] if config.sealed else []
    folder = ["data"] if config.fetch is None and await _holds_data(source, data) else []
    return engine_patterns((*config.source.exclude, *registry, *ledger, *folder))


async def _holds_data(source: dagger.Directory, data: dagger.Directory | None) -> bool:
    """Whether the folder `data` of the source is the data of this run."""
    if data is None:
        return True
    if not await source.exists("data"):
        return False
    return await source.directory("data").digest() == await data.digest()


def _read_lock(root: Path, environment: EnvironmentConfig) -> Lock:
    if environment.interpreter == "current":
        raise UsageError(
            "environment.interpreter = 'current' is for the host alone: a container needs a lock file"
        )
    file = find_lock(root, environment)
    assert file is not None  # noqa: S101 - only 'current' goes without
    python = python_version(root, environment) or PIPELINE_PYTHON
    need_allowed(root, python)
    return Lock(file.name, file.read_text(encoding="utf-8"), python)
