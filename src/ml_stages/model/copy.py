"""Put files into a bundle so that the same input gives the same bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from ml_stages.errors import StageError

_LEFT_OUT = (
    *("bin", ".lock", "*.dist-info/RECORD", "*.dist-info/REQUESTED", "*.dist-info/INSTALLER"),
    *("**/tests", "**/*.pyi", "**/*.h", "**/*.a", "**/*.pyx", "**/*.pxd"),
    *(f"onnxruntime/{name}" for name in ("datasets", "quantization", "tools", "transformers")),
    "onnxruntime/capi/libonnxruntime.so*",  # for programs in C: the extension module holds its own
)
"""What an installer adds that differs from machine to machine, or that nothing reads when serving: every
file is checked at every start."""


def find_files(folder: Path) -> list[Path]:
    """Every file but bytecode, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def copy_files(root: Path, files: Iterable[Path], target: Path) -> None:
    """Copy the content of files below ``root`` to the same places below ``target``."""
    for path in files:
        place = target / path.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def install(python: Path, site: Path, lock: Path, *, link: str = "copy") -> None:
    """Install what a lock file names, by its hashes, for an interpreter; raises :class:`StageError`.

    ``link`` is uv's link mode: ``hardlink`` is quicker for a folder that nobody keeps.
    """
    from uv import find_uv_bin  # noqa: PLC0415 - found when something is installed, not when planning

    command = [find_uv_bin(), "pip", "install", "--quiet", "--python", str(python), "--target", str(site)]
    options = ["--link-mode", link, "--only-binary", ":all:", "--no-deps", "--require-hashes"]
    ended = subprocess.run([*command, *options, "-r", str(lock)], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        said = "\n".join(ended.stderr.splitlines()[-12:])
        raise StageError(f"the server's dependencies cannot be installed for {python.name}:\n{said}")
    for pattern in _LEFT_OUT:
        for path in list(site.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def compile_files(python: Path, bundle: Path, folders: Iterable[str]) -> None:
    """Write bytecode for an interpreter beside the sources: without it every start compiles them again.

    The bytecode is taken as it is (PEP 552, unchecked) and names files below the bundle, so that neither
    times nor places get into it. What another Python needs it compiles itself.
    """
    command = [str(python), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    paths = ["-s", str(bundle), "-p", "/", *(str(bundle / name) for name in folders)]
    # One process and one seed: the order of sets and the sharing of constants get into the bytes.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    subprocess.run([*command, *paths], check=False, env=environment, capture_output=True)
