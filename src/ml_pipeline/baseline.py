"""What a run reads of the published image that its model is compared with, before it asks it anything."""

from __future__ import annotations

from dataclasses import dataclass, replace

import dagger

from ml_pipeline.containers import Lock, tree_digest
from ml_stages.errors import UsageError
from ml_stages.model.identity import Published, packed_python
from ml_stages.model.labels import FORCE


@dataclass(frozen=True)
class Baseline:
    """A published model image."""

    digest: str
    """Of its bundle."""
    published: Published
    lock: Lock | None
    """What it was released with; ``None`` where that cannot be read."""


async def read_baseline(image: dagger.Container) -> Baseline:
    """Read bundle and labels; raises :class:`UsageError` for an image without a bundle.

    What is damaged is as good as absent here: the stage `baseline` says of which file, as on the host.
    """
    bundle = image.directory("/app")
    there = set(await bundle.glob("*"))
    if "bundle.json" not in there:
        raise UsageError("--baseline is no model image: /app/bundle.json is missing in it")

    async def text(name: str) -> str:
        return await bundle.file(name).contents() if name in there else ""

    manifest = await text("bundle.json")
    python = packed_python(manifest)
    lock = await text("requirements.lock") if python else ""
    published = Published.of(manifest, await text("schema.json"))
    return Baseline(
        await tree_digest(bundle),
        replace(published, forced=await image.label(FORCE) or None),
        Lock("requirements.lock", lock, python) if python and lock else None,
    )
