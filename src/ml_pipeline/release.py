"""What may go out: the very image that was probed, with its verdict attached."""

from __future__ import annotations

import json
from collections.abc import Sequence

import dagger
from dagger import field, function, object_type

from ml_pipeline.oci import Access, Address, Oras
from ml_stages.errors import PipelineError

VERDICT_TYPE = "application/vnd.ml-pipeline.verdict.v1+json"
LINEAGE_TYPE = "application/vnd.ml-pipeline.lineage.v1+json"


@object_type
class Release:
    """A model that passed every required gate: the very image that was probed."""

    image: dagger.Container = field()
    """The model image, for the engine's own platform."""
    variants: list[dagger.Container] = field(default=list)
    """The same model for further platforms, each probed as well."""
    verdict: dagger.File = field()
    """The verdict that lets it out."""

    @function(cache="never")
    async def publish(
        self,
        address: str,
        tags: list[str] | None = None,
        username: str = "",
        password: dagger.Secret | None = None,
        registry_service: dagger.Service | None = None,
    ) -> str:
        """Push the image, attach verdict and lineage to it; gives its address by digest.

        Parameters
        ----------
        address:
            Where to, with a tag: registry.example.com/team/model:1.2
        tags:
            Further tags for the same digest.
        username:
            Who pushes, where the registry asks.
        password:
            The password or token that goes with it.
        registry_service:
            A registry that runs as a service, for tests.

        """
        access = Access(username, password, registry_service)
        images = [self.image, *self.variants]
        return await publish(images, await self.verdict.contents(), address, tags or [], access)


@object_type
class ForcedRelease:
    """A model that goes out past a failed gate, and says why."""

    image: dagger.Container = field()
    """The model image, for the engine's own platform."""
    variants: list[dagger.Container] = field(default=list)
    """The same model for further platforms, each probed as well."""
    verdict: dagger.File = field()
    """The verdict, failed, with the reason in it."""
    reason: str = field()
    """Why it goes out all the same."""

    @function(cache="never")
    async def publish(
        self,
        address: str,
        tags: list[str] | None = None,
        username: str = "",
        password: dagger.Secret | None = None,
        registry_service: dagger.Service | None = None,
    ) -> str:
        """Push the image, attach verdict, reason and lineage to it; gives its address by digest."""
        access = Access(username, password, registry_service)
        images = [self.image, *self.variants]
        return await publish(images, await self.verdict.contents(), address, tags or [], access)


async def publish(
    images: Sequence[dagger.Container], verdict: str, address: str, tags: Sequence[str], access: Access
) -> str:
    """Push images as they are, one for each platform, then their verdict; credentials reach no layer or log.

    Gives ``HOST/PATH@DIGEST``. Raises :class:`UsageError` for an address that is none and
    :class:`PipelineError` when the image went out and what belongs to it did not.
    """
    where = Address.parse(address)
    first, *others = images
    first = access.log_in(first, where.host)
    pushed = ""
    for reference in [where.tagged(where.tag or "latest"), *map(where.tagged, tags)]:
        pushed = await _push(first, reference, others, access)
    digest = pushed.rpartition("@")[2]
    oras = Oras(where, access)
    lineage = json.dumps(json.loads(verdict)["lineage"], indent=1)
    try:
        await oras.attach(digest, LINEAGE_TYPE, "lineage.json", lineage)
        await oras.attach(digest, VERDICT_TYPE, "verdict.json", verdict)
    except PipelineError as error:
        raise PipelineError(f"{where.at(digest)} was pushed without its verdict: {error}") from None
    return where.at(digest)


async def _push(
    image: dagger.Container, reference: str, variants: Sequence[dagger.Container], access: Access
) -> str:
    if access.service is None:
        return await image.publish(reference, platform_variants=list(variants))
    return await image.publish(reference, platform_variants=list(variants), registry_service=access.service)
