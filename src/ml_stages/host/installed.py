"""What is installed in the Python that runs the pipeline, for projects that run there without a lock."""

from __future__ import annotations

import json
from importlib.metadata import Distribution, distributions
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ml_stages import digest
from ml_stages.host.source import find_code, find_source

_OURS = "ml-pipeline"  # whose code counts by the files that a stage runs


def versions() -> list[str]:
    """Every package with its version, sorted."""
    return sorted(f"{item.metadata['Name']}=={item.version}" for item in distributions())


def from_folders(project: Path) -> dict[str, str]:
    """Packages that were installed out of a folder of this machine, each with the digest of its code.

    Their versions stay when their code changes. The project itself is left out: it counts as source.
    """
    return {
        item.metadata["Name"]: code
        for item in distributions()
        if item.metadata["Name"] != _OURS and (code := _code(item, project)) is not None
    }


def _code(item: Distribution, project: Path) -> str | None:
    """Digest of a package's code, where it comes out of a folder (PEP 610).

    What is linked (editable) counts as it is there now, what was copied by the list of the copies.
    """
    said = json.loads(item.read_text("direct_url.json") or "{}")
    if "dir_info" not in said:
        return None
    folder = Path(unquote(urlsplit(said["url"]).path))
    if not said["dir_info"].get("editable"):
        return digest.of_value(item.read_text("RECORD"))
    if not folder.is_dir() or folder.resolve() == project.resolve():
        return None
    return find_code(find_source(folder), ["**"]).digest
