"""Lineage: what a model was made from, as digests that anybody can compute again."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Lineage(BaseModel):
    """Where a model comes from; a field is ``None`` where the run did not get that far."""

    model_config = ConfigDict(frozen=True)

    pipeline_version: str
    commit: str | None = None
    """Commit of the source, where it is under version control."""
    dirty: bool | None = None
    """Whether the working tree differed from that commit."""
    source_digest: str | None = None
    data_digest: str | None = None
    lock_digest: str | None = None
    """Digest of the project's lock file; ``None`` for an unlocked interpreter."""
    config_digest: str | None = None
    holdout_digest: str | None = None
    model_digest: str | None = None
    bundle_digest: str | None = None
    baseline: str | None = None
    """The baseline that the model was compared with: its bundle's digest."""
    seed: int
    device: str | None = None
    profile: str | None = None
    """Profile that overlaid the configuration."""
