"""What makes two bundles the same model: equal weights, equal code, equal pins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_stages import digest


def identity(manifest: Mapping[str, Any]) -> str:
    """Digest of a bundle's model, source and lock, out of its ``bundle.json``.

    Labels and our server are no part of it: they change from commit to commit without any change of
    what the model answers.
    """
    files = {
        name: value
        for name, value in manifest["files"].items()
        if name.startswith("source/") or name == "requirements.lock"
    }
    return digest.of_value([manifest["model_digest"], manifest["predictor"], files])
