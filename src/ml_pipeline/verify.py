"""Verify a published image: whether what stands in the registry is what a verdict let out."""

from __future__ import annotations

import dagger
from dagger import dag
from pydantic import ValidationError

from ml_pipeline.containers import tree_digest
from ml_pipeline.oci import Access, Address, Oras
from ml_pipeline.release import VERDICT_TYPE
from ml_stages.verify import Attested, Verified, compare


async def verify_image(address: str, access: Access) -> Verified:
    """Compare a published image with the verdict attached to it.

    Raises :class:`UsageError` for an address that is none and :class:`PipelineError` when the registry
    does not answer.
    """
    where = Address.parse(address)
    oras = Oras(where, access)
    found = await oras.resolve()
    attached = await oras.find(found, VERDICT_TYPE)
    if not attached:
        return Verified(where.at(found), [(False, "no verdict is attached to it")])
    try:
        verdict = Attested.model_validate_json(await oras.read(attached[-1], "verdict.json"))
    except ValidationError as error:
        return Verified(where.at(found), [(False, f"the verdict attached to it cannot be read: {error}")])
    image = _pull(where.at(found), access)
    carried = {await label.name(): await label.value() for label in await image.labels()}
    bundle = await tree_digest(image.directory("/app"))
    return Verified(where.at(found), list(compare(verdict, carried, bundle)))


def _pull(reference: str, access: Access) -> dagger.Container:
    container = access.log_in(dag.container(), Address.parse(reference).host)
    if access.service is None:
        return container.from_(reference)
    return container.from_(reference, registry_service=access.service)
