"""What a serving bundle says about itself: `bundle.json`.

Part of the server: needs the standard library alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE = "bundle.json"
SCHEMA_VERSION = 1


class BundleError(Exception):
    """There is no bundle here that this version can read."""


@dataclass(frozen=True)
class Manifest:
    """The content of ``bundle.json``."""

    name: str
    task: str
    format: str
    """How the model is loaded: ``predictor`` (the project's own) or ``onnx``."""
    predictor: Mapping[str, Any]
    """``load``: the entry point."""
    model_digest: str
    python: str
    """Version of the interpreter that it was packed for, e.g. ``3.11``."""
    files: Mapping[str, str]
    """Every other file of the bundle, by its path, with its digest."""
    labels: Mapping[str, str] = field(default_factory=dict)
    tolerance: float = 0.0
    """How much a converted model's numbers may differ from the tested one's."""
    split: str = ""
    """Digest of how the holdout was chosen: rows that it trained on may be in another one."""
    since: str = ""
    """The first time that was held out, where the configuration says one: none of later ones trained it."""
    schema_version: int = SCHEMA_VERSION

    def write(self, bundle: Path) -> None:
        """Write the file, the same bytes for the same content."""
        text = json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False)
        (bundle / FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, bundle: Path) -> Manifest:
        """Read the file; raises :class:`BundleError` when there is none that this version can read."""
        try:
            fields = json.loads((bundle / FILE).read_text(encoding="utf-8"))
            manifest = cls(**fields)
        except (OSError, ValueError, TypeError) as error:
            raise BundleError(f"{FILE} cannot be read: {error}") from error
        if manifest.schema_version != SCHEMA_VERSION:
            raise BundleError(
                f"{FILE} has schema version {manifest.schema_version}; expected {SCHEMA_VERSION}"
            )
        return manifest
