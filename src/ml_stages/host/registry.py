"""Publish on the host: a folder of versions, and aliases that move in one step.

``REGISTRY/NAME/versions/VERSION/`` holds the bundle, which never changes, and the last verdict that let it
out; ``REGISTRY/NAME/aliases/ALIAS`` is a symbolic link to one of them. A version appears whole (it is
made beside its place and renamed) and an alias is replaced whole, so that a publish that is killed
leaves the old alias on the old version. One run publishes a model at a time (a lock on ``.lock``).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ml_stages import digest
from ml_stages.errors import StageError, UsageError
from ml_stages.evidence import PublishReport
from ml_stages.host.artifact import Folder
from ml_stages.host.whole_file import written_whole
from ml_stages.report.numbers import counted, listed
from ml_stages.verdict import Verdict

_LOST = (
    "and there is no alias at all (some copies leave links out, and a first publishing may have been killed)"
)
_MEND = "restore it, or say with --baseline which version counts (`--baseline none` for none)"
_NAME_ONE = "--baseline PATH names what to compare with"
_NAMED = 5
_LEFT_SECONDS = 24 * 3600
"""After how long nobody is still making what is not whole."""


class Registry:
    """The published versions of one model."""

    def __init__(self, root: Path, name: str) -> None:
        self._name = name
        self._beside = root
        self._root = root / name
        self._versions = root / name / "versions"
        self._aliases = root / name / "aliases"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no other run publish this model between a look at the alias and the publishing.

        Waits for a run that is publishing. Raises :class:`OSError` when the folder cannot be written.
        """
        self._make_root()
        with (self._root / ".lock").open("w") as stream:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _make_root(self) -> None:
        """Make the folders; a new registry is none of git's, whatever repository it lies in.

        A commit would lack the files that the repository ignores (`__pycache__`, `data`), and no checkout of
        it would have the versions that were published.
        """
        is_new = not self._beside.exists()
        self._root.mkdir(parents=True, exist_ok=True)
        if is_new:
            (self._beside / ".gitignore").write_text("*\n", encoding="utf-8")

    def publish(self, bundle: Folder, verdict: Verdict, alias: str) -> PublishReport:
        """Add the bundle as a version, and point the alias at it.

        The version is named after the bundle's content: publishing the same bundle again moves the alias,
        and leaves the verdict of this time, which may have been forced. Raises :class:`StageError` when the
        verdict does not allow it or the files, here or in the version of that name, are not those that were
        probed, :class:`OSError` when the folder cannot be written.
        """
        if not verdict.should_deploy:
            raise StageError(f"a model whose verdict is {verdict.status} is not published")
        version = _version_of(bundle)
        target = self._versions / version
        self._drop_leftovers()
        if not target.is_dir():
            self._add(bundle, verdict, target)
        elif not self._holds(target, bundle):
            raise StageError(
                f"{target} was published before and is damaged: its files are not those that were probed; "
                "remove that folder and run again"
            )
        else:
            _write_verdict(verdict, target)
        self._point(alias, version)
        told = f"version {version} is {alias} now: {self._aliases / alias}"
        return PublishReport(address=str(target), version=version, aliases=[alias], notes=[told])

    def resolve(self, alias: str) -> Path | None:
        """The version that an alias points at, ``None`` where nothing was published under it yet.

        Raises :class:`UsageError` where something was and cannot be found: a lost baseline is no first run.
        """
        link = self._aliases / alias
        if (link / "bundle" / "bundle.json").is_file():
            return link.resolve()
        if os.path.lexists(link):
            raise UsageError(f"{link} points at no published version; {_MEND}")
        if versions := self._published():
            raise UsageError(f"{self._versions} holds {counted(len(versions), 'versions')}, {_LOST}; {_MEND}")
        return None

    def check(self, bundle: Folder) -> None:
        """Raise :class:`UsageError` where a version holds another bundle than the one that it is named after.

        Every file of that may be what was packed: another version's, a worse one, would be compared with.
        """
        version = bundle.path.parent
        if version.parent == self._versions.resolve() and version.name != _version_of(bundle):
            raise UsageError(
                f"{version} does not hold the model that was published there, but one with the digest "
                f"{bundle.digest}; `ml-pipeline verify {version}` says what differs; {_MEND}"
            )

    def has(self, alias: str) -> bool:
        """Whether anything was published under the alias, be it found or lost."""
        return os.path.lexists(self._aliases / alias) or bool(self._published())

    def instead_of(self, alias: str) -> str:
        """What was published, where nothing was under the alias: another alias, or another name.

        Empty where the alias is there or the registry is new. A project or an alias that is called otherwise
        since yesterday has no baseline, which is no first run to whoever renamed it.
        """
        if self.has(alias):
            return ""
        if aliases := _names(self._aliases.glob("[!.]*")):
            before, there = alias, listed(aliases, _NAMED)
        elif models := _names(path.parent for path in self._beside.glob("*/versions")):
            before, there = f"the model {self._name}", listed(models, _NAMED)
        else:
            return ""
        return f"nothing was published as {before} before, but as {there}; {_NAME_ONE}"

    def check_still(self, alias: str, compared: Path | None, bundle: Folder) -> None:
        """Raise :class:`StageError` where the alias no longer points at what the bundle was compared with.

        Another run published meanwhile: this bundle may be worse than that one. The same bundle may come
        again.
        """
        now = self.resolve(alias)
        if now not in {compared, self._versions.resolve() / _version_of(bundle)}:
            before = "nothing" if compared is None else f"version {compared.name}"
            raise StageError(
                f"{alias} pointed at {before} when this run began, which the model was compared with, and "
                f"points at {'nothing' if now is None else f'version {now.name}'} now; run again"
            )

    def _published(self) -> list[str]:
        """The versions, where no alias is left to find any of them by."""
        if any(self._aliases.glob("[!.]*")) or not self._versions.is_dir():
            return []
        return sorted(path.name for path in self._versions.glob("[!.]*"))

    def _holds(self, version: Path, bundle: Folder) -> bool:
        return version.is_dir() and digest.of_tree(version / "bundle") == bundle.digest

    def _add(self, bundle: Folder, verdict: Verdict, target: Path) -> None:
        partial = self._versions / f".{target.name}-{uuid.uuid4().hex[:8]}"
        try:
            _copy(bundle.path, partial / "bundle")
            if digest.of_tree(partial / "bundle") != bundle.digest:
                raise StageError("the bundle changed after it was probed; nothing was published")
            _write_verdict(verdict, partial)
            _flush(partial)
            try:
                partial.rename(target)
            except OSError:  # another run was first, with the same bundle
                if not self._holds(target, bundle):
                    raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _drop_leftovers(self) -> None:
        """Remove what a publishing that was killed left, which may be large."""
        oldest = time.time() - _LEFT_SECONDS
        for place in [*self._versions.glob(".*"), *self._aliases.glob(".*")]:
            with suppress(OSError):  # another run removed it
                if place.lstat().st_mtime >= oldest:
                    continue
                if place.is_symlink():
                    place.unlink()
                else:
                    shutil.rmtree(place)

    def _point(self, alias: str, version: str) -> None:
        self._aliases.mkdir(parents=True, exist_ok=True)
        partial = self._aliases / f".{alias}-{uuid.uuid4().hex[:8]}"
        partial.symlink_to(Path("..", "versions", version))
        partial.replace(self._aliases / alias)


def _names(paths: Iterable[Path]) -> list[str]:
    return sorted(path.name for path in paths)


def _version_of(bundle: Folder) -> str:
    return bundle.digest.removeprefix("sha256:")[:12]


def _copy(bundle: Path, target: Path) -> None:
    try:
        shutil.copytree(bundle, target)
    except shutil.Error as error:  # a list of what could not be copied, with both paths of each
        _, copy, why = error.args[0][0]
        said = str(why).partition("] ")[2].partition(": '")[0] or why  # without a number, and the paths again
        raise StageError(f"the bundle cannot be copied to the registry: {said}: {copy}") from None


def _write_verdict(verdict: Verdict, version: Path) -> None:
    with written_whole(version / "verdict.json") as partial:
        partial.write_text(verdict.model_dump_json(indent=1), encoding="utf-8")


def _flush(folder: Path) -> None:
    """Have the content on the disk before the name: a power cut must not leave an empty version."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
