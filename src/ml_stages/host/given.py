"""What a host run starts from: source, data, baseline, and what version control says of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ml_stages.config.config import Config
from ml_stages.config.sections import PublishConfig
from ml_stages.errors import UsageError
from ml_stages.host.artifact import Checkout, Folder, HostArtifact, data_folder
from ml_stages.host.registry import Registry
from ml_stages.host.source import Source, find_code, find_source
from ml_stages.lock import find_lock
from ml_stages.model.identity import Published
from ml_stages.report.numbers import listed

_SUBMODULE = "160000 "  # the mode of a link to a commit
_NAMED = 5


@dataclass(frozen=True)
class Given:
    """The artifacts that no stage makes."""

    artifacts: dict[str, HostArtifact]
    lock: Path | None
    """The project's lock file; ``None`` where it runs in the pipeline's own interpreter."""
    source_digest: str
    data_digest: str | None
    """``None`` for data that is still to be fetched."""
    baseline_digest: str | None
    baseline: Published | None
    is_declined: bool
    """Whether there is a published version that the run was told not to compare with."""
    published_instead: str
    """What the registry holds where nothing was published under this name and alias; else empty."""


def find_given(  # noqa: PLR0913 - what a run is given
    project: Path,
    data: Path | None,
    output: Path,
    baseline: str | None,
    config: Config,
    *,
    cache: Path,
    copy: Path,
    needs_data: bool = True,
) -> Given:
    """Collect source, lock, data and baseline; the source as it is now, in the folder ``copy``.

    Without ``data`` it is the project's folder of that name, unless the configuration says how the data is
    fetched, or nothing in this run ``needs_data``: then it may be no artifact yet. ``baseline`` is a bundle
    or published version, ``none``, or ``None`` for what the registry's alias points at. Raises
    :class:`UsageError` when something that was named is not there.
    """
    lock = find_lock(project, config.environment)
    if data is None and config.fetch is None and (needs_data or (project / "data").is_dir()):
        data = project / "data"
    if data is not None and not data.is_dir():
        raise UsageError(f"the data folder {data} does not exist; name it with --data")
    registry = [project / config.publish.registry] if config.publish else []
    ledger = project / config.sealed.ledger if config.sealed else None
    beside = [cache, *registry, *([ledger] if ledger else [])]
    source = _find_source(project, config, [data or project / "data", output, *beside]).as_it_is(copy)
    artifacts: dict[str, HostArtifact] = {
        "source": Checkout(source),
        "code": Checkout(find_code(source, config.train.inputs)),
    }
    table = None if data is None else data_folder(data, config.data)
    if table is not None:
        artifacts["data"] = table
    if ledger is not None and ledger.is_dir():
        artifacts["ledger"] = Folder.taken(ledger)
    model = _find_baseline(project, baseline, config)
    if model is not None:
        artifacts["baseline-model"] = model
    return Given(
        artifacts,
        lock,
        source.digest,
        table.digest if table else None,
        model.digest if model else None,
        _published(model.path) if model else None,
        is_declined=baseline == "none" and _is_published(project, config),
        published_instead="" if baseline else _published_instead(project, config),
    )


def _find_source(project: Path, config: Config, apart: Iterable[Path]) -> Source:
    """The source without folders that are none, where they lie inside the project."""
    inside = [pattern for folder in apart if (pattern := _pattern(folder, project))]
    return find_source(project, [*config.source.exclude, *inside], gitignore=config.source.gitignore)


def _published(bundle: Path) -> Published:
    files = (bundle / name for name in ("bundle.json", "schema.json"))
    texts = (file.read_text(encoding="utf-8", errors="replace") if file.is_file() else "" for file in files)
    return replace(Published.of(*texts), forced=_forced(bundle.parent / "verdict.json"))


def _forced(verdict: Path) -> str | None:
    """Why a version was published past its gates; ``None`` also where only the bundle is there."""
    try:
        reason = json.loads(verdict.read_text(encoding="utf-8"))["forced"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return reason if isinstance(reason, str) else None


def _pattern(folder: Path, project: Path) -> str | None:
    """A folder inside the project that is no source, as a pattern."""
    folder, project = folder.resolve(), project.resolve()
    inside = folder.is_relative_to(project) and folder != project
    return f"/{folder.relative_to(project).as_posix()}" if inside else None


def _is_published(project: Path, config: Config) -> bool:
    if config.publish is None:
        return False
    return _registry(project, config.publish, config.name).has(config.publish.alias)


def _published_instead(project: Path, config: Config) -> str:
    if config.publish is None:
        return ""
    return _registry(project, config.publish, config.name).instead_of(config.publish.alias)


def _registry(project: Path, publish: PublishConfig, name: str) -> Registry:
    return Registry(project / publish.registry, name)


def _find_baseline(project: Path, baseline: str | None, config: Config) -> Folder | None:
    if baseline == "none" or (baseline is None and config.publish is None):
        return None
    if baseline is None:
        assert config.publish is not None  # noqa: S101 - the line above returned
        registry = _registry(project, config.publish, config.name)
        version = registry.resolve(config.publish.alias)
        if version is None:
            return None
        bundle = Folder.taken(version / "bundle")
        registry.check(bundle)
        return bundle
    for folder in (Path(baseline), Path(baseline) / "bundle"):
        if (folder / "bundle.json").is_file():
            return Folder.taken(folder.resolve())
    raise UsageError(f"{baseline} is no baseline: expected a serving bundle, or a version of a registry")


def commit_of(project: Path, source: Source | None = None) -> tuple[str | None, bool | None]:
    """The commit that is checked out, and whether the source differs from it; ``None`` without git.

    Tracked files may differ from it, and ``source`` may have files that it does not hold.
    """
    git = shutil.which("git")
    if git is None:
        return None, None
    head = subprocess.run(
        [git, "-C", str(project), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    if head.returncode != 0:
        return None, None
    status = subprocess.run(
        [git, "-C", str(project), "status", "--porcelain", "--untracked-files=no", "--", "."],
        capture_output=True,
        text=True,
        check=False,
    )
    return head.stdout.strip(), bool(status.stdout.strip()) or _has_untracked(git, project, source)


def told_of_empty_submodules(project: Path) -> str:
    """Which submodules in the project were never checked out; empty where all were, and without git."""
    git = shutil.which("git")
    if git is None:
        return ""
    shown = subprocess.run(
        [git, "-C", str(project), "ls-files", "-z", "--stage"], capture_output=True, check=False
    )
    entries = (os.fsdecode(entry).partition("\t") for entry in shown.stdout.split(b"\0"))
    modules = [name for kind, _, name in entries if kind.startswith(_SUBMODULE)]
    if not (names := [name for name in modules if not any((project / name).glob("*"))]):
        return ""
    advice = "`git submodule update --init` fetches what is in them"
    return f"no source, since these submodules were not checked out: {listed(names, _NAMED)}; {advice}"


def _has_untracked(git: str, project: Path, source: Source | None) -> bool:
    if source is None:
        return False
    tracked = subprocess.run(
        [git, "-C", str(project), "ls-files", "-z", "--recurse-submodules"], capture_output=True, check=False
    )
    names = {os.fsdecode(name) for name in tracked.stdout.split(b"\0")}
    return any(path.relative_to(source.root).as_posix() not in names for path in source.files)
