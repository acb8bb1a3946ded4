"""Serve this bundle: `python serve [--host 127.0.0.1] [--port 8080] [--workers 1]`.

Copied into every bundle as `serve`. Run it with the Python that the project's dependencies are
installed in. No file of the bundle is loaded before it has the digest that `bundle.json` holds, and the
model not before all of them have.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True

_BUNDLE = Path(__file__).resolve().parent
_OF_MODEL = ("model/", "onnx/", "site/numpy/", "site/numpy.libs/", "site/onnxruntime/")
"""What the model alone needs, and is most of the bytes: verified while the server itself is imported."""


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="serve", description="Serve the model of this bundle over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="0 picks a free one (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes that answer (default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.workers < 1:
        parser.error(f"argument --workers: expected 1 or more, got {arguments.workers}")
    return arguments


def verify(bundle: Path) -> None:
    """Compare every file with its digest; raises ``SystemExit`` for the first that differs.

    A file that was added counts too: it could take the place of a module.
    """
    _check(bundle, expected_files(bundle))


def expected_files(bundle: Path) -> dict[str, str]:
    """Every file with its digest; raises ``SystemExit`` when one is missing, or was added."""
    try:
        files: dict[str, str] = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError) as error:
        raise SystemExit(f"serve: refused: bundle.json cannot be read: {error}") from None
    found = _files(bundle)
    if missing := files.keys() - found:
        raise SystemExit(f"serve: refused: {min(missing)} is missing")
    if added := found - {"bundle.json", *files}:
        raise SystemExit(f"serve: refused: {min(added)} was added after the bundle was packed")
    return files


def _check(bundle: Path, files: dict[str, str]) -> None:
    for name, expected in files.items():
        digest = _digest(f"{bundle}/{name}")
        if digest != expected:
            raise SystemExit(
                f"serve: refused: {name} was changed after it was packed: expected {expected}, found {digest}"
            )


def _files(bundle: Path) -> set[str]:
    """Every file by its path inside the bundle; plain strings, since this is done at every start.

    A link to a folder counts as one: modules are found behind it.
    """
    start = len(str(bundle)) + 1
    found: set[str] = set()
    for folder, folders, names in os.walk(bundle):
        links = (name for name in folders if os.path.islink(f"{folder}/{name}"))  # noqa: PTH114 - as above
        found.update(f"{folder}/{name}"[start:] for name in (*names, *links))
    return found


def _digest(path: str) -> str:
    with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - thousands of times at every start
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def _set_paths() -> None:
    """The server and the source first; the server's dependencies last, so that the project's pins win."""
    roots = [
        path for path in (_BUNDLE / "server", _BUNDLE / "source" / "src", _BUNDLE / "source") if path.is_dir()
    ]
    sys.path[:1] = [str(path) for path in roots]
    sys.path.append(str(_BUNDLE / "site"))


def _check_python(packed: str, hint: str) -> None:
    """Compiled modules load in one version of Python; another fails in words that nobody understands."""
    own = "{}.{}".format(*sys.version_info)
    if own != packed:
        raise ValueError(f"packed for Python {packed}, and this is {own}; {hint}")


def main() -> int:
    """Check the bundle and serve it; returns the exit status."""
    arguments = _parse()
    files = expected_files(_BUNDLE)
    rest = {name: digest for name, digest in files.items() if name.startswith(_OF_MODEL)}
    _check(_BUNDLE, {name: digest for name, digest in files.items() if name not in rest})
    _set_paths()
    from ml_stages.model.manifest import BundleError, Manifest  # noqa: PLC0415 - verified just now
    from ml_stages.serving.settings import Settings  # noqa: PLC0415
    from ml_stages.serving.supervise import PINS, Plan, Supervisor  # noqa: PLC0415

    try:
        manifest, settings = Manifest.read(_BUNDLE), Settings.from_environment()
        _check_python(manifest.python, PINS)
        plan = Plan(_BUNDLE, manifest, arguments.host, arguments.port, arguments.workers, settings)
        return Supervisor(plan, lambda: verify(_BUNDLE), lambda: _check(_BUNDLE, rest)).run()
    except (BundleError, OSError, ValueError) as error:
        raise SystemExit(f"serve: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
