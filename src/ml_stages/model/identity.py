"""What makes two bundles the same model: equal weights, code, pins and features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_stages import digest

_ANSWERING = ("requirements.lock", "schema.json")


def identity(manifest: Mapping[str, Any]) -> str:
    """Digest of a bundle's model, source, lock, schema and Python, out of its ``bundle.json``.

    The schema says as which types the predictor is given its features: a code that was a text is none of
    those that it knows when it comes as a number. Labels and our server are no part of it: they change from
    commit to commit without any change of what the model answers.
    """
    files = {
        name: value
        for name, value in manifest["files"].items()
        if name.startswith("source/") or name in _ANSWERING
    }
    made = [manifest[name] for name in ("model_digest", "predictor", "format", "python")]
    return digest.of_value([*made, files])
