"""Serve this bundle: `python serve [--host 127.0.0.1] [--port 8080] [--workers 1]`.

Copied into every bundle as `serve`. Run it with the Python that the project's dependencies are
installed in. Nothing of the bundle is loaded before all of its files have the digests that
`bundle.json` holds.
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


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="serve", description="Serve the model of this bundle over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="0 picks a free one (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes that answer (default: %(default)s)")
    return parser.parse_args()


def verify(bundle: Path) -> None:
    """Compare every file with its digest; raises ``SystemExit`` for the first that differs.

    A file that was added counts too: it could take the place of a module.
    """
    try:
        files = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError) as error:
        raise SystemExit(f"serve: refused: bundle.json cannot be read: {error}") from None
    found = _files(bundle)
    for name, expected in files.items():
        if name not in found:
            raise SystemExit(f"serve: refused: {name} is missing")
        digest = _digest(f"{bundle}/{name}")
        if digest != expected:
            raise SystemExit(
                f"serve: refused: {name} was changed after it was packed: expected {expected}, found {digest}"
            )
    if added := found - {"bundle.json", *files}:
        raise SystemExit(f"serve: refused: {min(added)} was added after the bundle was packed")


def _files(bundle: Path) -> set[str]:
    """Every file by its path inside the bundle; plain strings, since this is done at every start."""
    start = len(str(bundle)) + 1
    return {f"{folder}/{name}"[start:] for folder, _, names in os.walk(bundle) for name in names}


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


def main() -> int:
    """Check the bundle and serve it; returns the exit status."""
    arguments = _parse()
    verify(_BUNDLE)
    _set_paths()
    from ml_stages.model.manifest import BundleError, Manifest  # noqa: PLC0415 - verified just now
    from ml_stages.serving.settings import Settings  # noqa: PLC0415
    from ml_stages.serving.supervise import Plan, Supervisor  # noqa: PLC0415

    try:
        manifest, settings = Manifest.read(_BUNDLE), Settings.from_environment()
        plan = Plan(_BUNDLE, manifest, arguments.host, arguments.port, arguments.workers, settings)
        return Supervisor(plan, lambda: verify(_BUNDLE)).run()
    except (BundleError, OSError, ValueError) as error:
        raise SystemExit(f"serve: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
