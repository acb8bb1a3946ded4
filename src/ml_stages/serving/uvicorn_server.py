"""uvicorn's server without its command line, which takes as long to import as all else of it.

`uvicorn/__init__.py` imports its command line with click. Its parts are imported here as if that file were
empty; should a version need more of it, it is imported as it is.
"""

from __future__ import annotations

import importlib.util
import sys


def _import_parts() -> None:
    specification = importlib.util.find_spec("uvicorn")
    if specification is None or "uvicorn" in sys.modules:
        return
    package = sys.modules["uvicorn"] = importlib.util.module_from_spec(specification)
    try:
        import uvicorn.protocols.http.httptools_impl  # noqa: PLC0415
        import uvicorn.server  # noqa: PLC0415

        # What other modules of it ask the package for.
        package.Config, package.Server = uvicorn.config.Config, uvicorn.server.Server  # type: ignore[attr-defined]
    except (ImportError, AttributeError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "uvicorn"]:
            del sys.modules[name]


_import_parts()

from uvicorn.config import Config  # noqa: E402
from uvicorn.protocols.http.httptools_impl import (  # noqa: E402
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import Server  # noqa: E402

__all__ = ["STATUS_LINE", "Config", "HttpToolsProtocol", "RequestResponseCycle", "Server"]
