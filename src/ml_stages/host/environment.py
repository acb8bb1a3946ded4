"""A ``uv`` environment for each lock, made once and kept until nobody used it for a month."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import anyio
import anyio.to_thread

from ml_stages import digest
from ml_stages.config.sections import EnvironmentConfig
from ml_stages.ending import ending
from ml_stages.errors import StageError
from ml_stages.host.process import run_logged
from ml_stages.host.store import KEPT_SECONDS
from ml_stages.report.numbers import duration

OWN_VERSION = ".".join(map(str, sys.version_info[:2]))
"""Of the Python that runs the pipeline, which a project gets that names none."""
_PASSED_ON = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TERM"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "no_proxy"),
    *("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "LD_LIBRARY_PATH"),
)

_CODE = (".py", ".pth", ".so", ".pyd", "METADATA")
"""How names of files end that are imported, or tell what is installed; caches may come and go."""

_AS_IN_CONTAINERS = {"TZ": "UTC", "LANG": "C.UTF-8"}
"""Where a laptop stands and which language it speaks has no part in a model."""


@dataclass(frozen=True)
class Interpreter:
    """A Python that stages run in, and the digest of all that was installed into it."""

    python: Path
    digest: str
    lock: Path | None

    def variables(self, passed: Iterable[str] = ()) -> dict[str, str]:
        """The environment variables of its processes: few, so that two machines give the same."""
        names = {*_PASSED_ON, *passed}
        kept = {name: value for name, value in os.environ.items() if name in names}
        # The interpreter's folder first: `python` and the project's tools are the environment's own.
        return {
            **_AS_IN_CONTAINERS,
            **kept,
            "PATH": os.pathsep.join([str(self.python.parent), kept.get("PATH", os.defpath)]),
            "VIRTUAL_ENV": str(self.python.parent.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONHASHSEED": "0",
        }


@cache
def own_interpreter() -> Interpreter:
    """The Python that runs the pipeline."""
    from ml_stages.host.installed import versions  # noqa: PLC0415 - slow, and needed by runs alone

    return Interpreter(Path(sys.executable), digest.of_value(["current", sys.version, versions()]), None)


@cache
def current_interpreter(project: Path) -> Interpreter:
    """The same for a project that runs in it without a lock: code out of folders of this machine counts."""
    from ml_stages.host.installed import from_folders  # noqa: PLC0415 - as above

    own, linked = own_interpreter(), from_folders(project)
    return replace(own, digest=digest.of_value([own.digest, linked])) if linked else own


class Environments:
    """The folder where environments live; safe for many runs at a time."""

    def __init__(self, root: Path, log: Path, note: Callable[[str], None]) -> None:
        self._root = root / "environments"
        self._root.mkdir(parents=True, exist_ok=True)
        self._log = log
        self._note = note
        self._turn = anyio.Lock()
        self._looked_at: set[Path] = set()
        """Once a run is often enough: a stage that changes one is told."""
        self._failed: set[Path] = set()
        """What cannot be installed is tried once a run, and told once."""

    async def locked(self, lock: Path, python: str | None, config: EnvironmentConfig) -> Interpreter:
        """The environment of a lock file, installed now if it never was.

        ``python`` is a version such as ``3.12``; by default the one that runs the pipeline. Raises
        :class:`StageError` with uv's last words when it cannot be installed.
        """
        version = python or OWN_VERSION
        options = _install_options(config)
        identity = digest.of_value([digest.of_file(lock), version, options, sys.platform])
        folder = self._root / identity.removeprefix("sha256:")[:32]
        interpreter = Interpreter(folder / "bin" / "python", identity, lock)
        async with self._turn, _file_lock(folder.with_suffix(".lock")):
            if folder in self._failed:
                place = f"{self._log.parent.name}/{self._log.name}"
                raise StageError(f"{lock.name} could not be installed: the reason is in {place}")
            # Its Python is a link to the one that it was made with, which an upgrade may have removed.
            whole = (folder / "complete").is_file() and interpreter.python.exists()
            changed = (
                whole and folder not in self._looked_at and await anyio.to_thread.run_sync(is_changed, folder)
            )
            if not whole or changed:
                why = ", whose environment is not what was installed" if changed else ""
                self._note(f"installing {lock.name} for Python {version}{why}")
                started = time.monotonic()
                try:
                    await self._install(folder, version, [*options, "-r", str(lock)])
                except StageError as error:
                    self._failed.add(folder)
                    raise StageError(
                        f"{lock.name} could not be installed for Python {version}: {error}"
                    ) from None
                (folder / "complete").touch()
                self._note(f"installed {lock.name} in {duration(time.monotonic() - started)}")
            if not (folder / "complete").stat().st_size:  # of releases that did not note it, too
                note = await anyio.to_thread.run_sync(_code_of, folder)
                (folder / "complete").write_text(note, encoding="utf-8")
            (folder / "complete").touch()  # and marked as used now
            self._looked_at.add(folder)
        return interpreter

    def drop_unused(self) -> None:
        """Delete environments that nobody used for a month, and what is left of broken installations."""
        oldest = time.time() - KEPT_SECONDS
        for folder in self._root.iterdir():
            if not folder.is_dir() or _last_used(folder) >= oldest:
                continue
            with folder.with_suffix(".lock").open("w") as stream, suppress(BlockingIOError):
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # else another run has it
                if _last_used(folder) < oldest:
                    # First the mark: half an environment must not look whole.
                    (folder / "complete").unlink(missing_ok=True)
                    shutil.rmtree(folder, ignore_errors=True)

    async def _install(self, folder: Path, version: str, arguments: list[str]) -> None:
        await self._uv("venv", "--quiet", "--clear", "--python", _find_python(version), str(folder))
        # Stages do not write bytecode (many of them share this folder), so it is made here.
        target = ["--python", str(folder / "bin" / "python"), "--compile-bytecode"]
        await self._uv("pip", "install", *target, *arguments)

    async def _uv(self, *arguments: str) -> None:
        from uv import find_uv_bin  # noqa: PLC0415 - not needed to print help

        # A machine that is held up for a minute would end the installation; 0 is no limit.
        environment = {"UV_COMPILE_BYTECODE_TIMEOUT": "0", **os.environ}
        ended = await run_logged([find_uv_bin(), *arguments], self._log, environment=environment)
        if ended.exit_status != 0:
            fatal = next((place for place, line in enumerate(ended.tail) if line.startswith("error:")), -12)
            shown = "\n".join(ended.tail[fatal:][:12])
            raise StageError(f"uv {arguments[0]} {ending(ended.exit_status)}:\n{shown}")


def is_changed(folder: Path) -> bool:
    """Whether an environment has other code than was installed: by names and sizes, which archives keep.

    What a training installs would be there for every later run with this lock, and nowhere else.
    """
    noted = (folder / "complete").read_text(encoding="utf-8")
    return bool(noted) and noted != _code_of(folder)


def _code_of(folder: Path) -> str:
    files = (
        os.path.join(place, name)  # noqa: PTH118 - tens of thousands of them
        for place, _, names in os.walk(folder / "lib")
        for name in names
        if name.endswith(_CODE)
    )
    return digest.of_value(sorted([file.removeprefix(str(folder)), os.lstat(file).st_size] for file in files))


def _last_used(folder: Path) -> float:
    """When an environment was used last, or its installation given up; now, where it has just gone."""
    for path in (folder / "complete", folder):
        with suppress(FileNotFoundError):
            return path.stat().st_mtime
    return time.time()


def _find_python(version: str) -> str:
    """This interpreter where it is of the version, else the version for uv to find."""
    own = ".".join(map(str, sys.version_info[: version.count(".") + 1]))
    return sys.executable if own == version else version


def _install_options(config: EnvironmentConfig) -> list[str]:
    backend = ["--torch-backend", config.torch_backend] if config.torch_backend else []
    return backend + [part for index in config.extra_indexes for part in ("--index", index)]


@asynccontextmanager
async def _file_lock(path: Path) -> AsyncIterator[None]:
    """Hold a lock that other processes respect; the kernel drops it with the process."""
    with path.open("w") as stream:
        await anyio.to_thread.run_sync(fcntl.flock, stream, fcntl.LOCK_EX, abandon_on_cancel=True)
        yield
