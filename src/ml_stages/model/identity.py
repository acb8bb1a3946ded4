"""What a bundle is known by: equal weights, code, pins and features are the same model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_stages import digest

_MADE = ("model_digest", "predictor", "format", "python")
_TYPED = ("name", "type", "nullable", "utc")


def identity(manifest: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Digest of model, source, lock, Python and features, out of ``bundle.json`` and ``schema.json``.

    The features count with the types that the predictor is given them as: a code that was a text is none of
    those that it knows when it comes as a number. Limits of columns, labels, our server and the package's
    version are no part of it: they change from commit to commit without any change of what the model answers.
    """
    files = {name: value for name, value in manifest["files"].items() if _answers(name)}
    features = [[one.get(name) for name in _TYPED] for one in schema["features"]]
    made = [manifest.get(name) for name in _MADE]
    return digest.of_value([*made, files, features, schema.get("null_values")])


def _answers(name: str) -> bool:
    folder, _, rest = name.partition("/")
    is_metadata = rest.partition("/")[0].endswith(".dist-info")
    return name == "requirements.lock" or (folder == "source" and not is_metadata)


def packed_python(manifest: str) -> str | None:
    """The Python that a ``bundle.json`` names, ``None`` where it cannot be read."""
    try:
        python = json.loads(manifest)["python"]
    except (ValueError, LookupError, TypeError):
        return None
    return python if isinstance(python, str) else None


@dataclass(frozen=True)
class Published:
    """What a run knows of its baseline before it asks it."""

    identity: str
    split: str | None
    """Digest of how its holdout was chosen; ``None`` of releases that did not say."""
    since: str = ""
    """The first time of its holdout, where its configuration named one."""
    task: str | None = None
    label: str | None = None
    """The column that it predicts."""
    forced: str | None = None
    """The reason that was given to publish it past its gates, where one was and that is known."""

    @classmethod
    def of(cls, manifest: str, schema: str) -> Published:
        """Out of the texts of ``bundle.json`` and ``schema.json``; of damaged ones nothing is known.

        What is damaged is said by the stage `baseline`, which compares every file with what was packed.
        """
        try:
            packed, described = json.loads(manifest), json.loads(schema)
            return cls(
                identity(packed, described),
                packed.get("split") or None,
                since=packed.get("since", ""),
                task=packed.get("task"),
                label=described.get("label", {}).get("name"),
            )
        except (ValueError, LookupError, TypeError, AttributeError):
            return cls(identity="", split=None)
