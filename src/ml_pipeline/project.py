"""What the module reads of a project itself: configuration, lock, and which of its files are source."""

from __future__ import annotations

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
from ml_stages.lock import find_lock, python_version, what_is_open
from ml_stages.requires_python import need_allowed


@dataclass(frozen=True)
class Project:
    """What a run knows of the project before it begins."""

    config: Config
    source: dagger.Directory
    """The files that count as source."""
    lock: Lock
    open_lock: str
    """What the lock leaves open, and how to write one that does not; empty where nothing."""
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
        lock = _read_lock(root, loaded.config.environment)
        found = what_is_open(LockText(name=lock.name, text=lock.text), loaded.config.environment)
        return Project(loaded.config, counted, lock, found, digest.of_tree(root), loaded.profile)


def engine_patterns(patterns: Iterable[str]) -> list[str]:
    """Our patterns as the engine writes them: what stands at the root has no slash before it."""
    return [pattern.removeprefix("/") for pattern in patterns]


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
