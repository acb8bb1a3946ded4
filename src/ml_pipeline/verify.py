"""Verify a published image: whether what stands in the registry is what a verdict let out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagger
from dagger import dag

from ml_pipeline.oci import Access, Address, Oras
from ml_pipeline.release import VERDICT_TYPE
from ml_stages import digest
from ml_stages.lineage import Lineage
from ml_stages.model.labels import labels


@dataclass(frozen=True)
class Verified:
    """What was looked at, in the order of looking."""

    image: str
    checks: list[tuple[bool, str]]

    @property
    def holds(self) -> bool:
        return all(fine for fine, _ in self.checks)

    def text(self) -> str:
        """A line a check, the answer last."""
        lines = [f"{'✓' if fine else '✗'} {said}" for fine, said in self.checks]
        answer = "is what its verdict let out" if self.holds else "cannot be trusted"
        return "\n".join([*lines, "", f"{self.image} {answer}"])


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
    verdict = json.loads(await oras.read(attached[-1], "verdict.json"))
    image = _pull(where.at(found), access)
    carried = {await label.name(): await label.value() for label in await image.labels()}
    bundle = await _bundle_digest(image)
    return Verified(where.at(found), list(compare(verdict, carried, bundle)))


def compare(
    verdict: Mapping[str, Any], carried: Mapping[str, str], bundle: str
) -> Iterator[tuple[bool, str]]:
    """Hold an image's labels and the digest of its bundle against its verdict."""
    lineage = Lineage.model_validate(verdict["lineage"])
    forced = f", forced: {verdict['forced']}" if verdict.get("forced") else ""
    status = f"the verdict of {verdict['started']} is {verdict['status']}{forced}"
    yield bool(verdict["should_deploy"]), status
    judged = verdict["lineage"]["bundle_digest"]
    same = bundle == judged
    yield same, f"the model in it is {bundle}" + (", as judged" if same else f"; judged was {judged}")
    expected = labels(verdict["name"], lineage)
    for name, value in expected.items():
        has = carried.get(name, "nothing")
        yield has == value, f"label {name} is {has}" + ("" if has == value else f"; the lineage says {value}")


def _pull(reference: str, access: Access) -> dagger.Container:
    container = access.log_in(dag.container(), Address.parse(reference).host)
    if access.service is None:
        return container.from_(reference)
    return container.from_(reference, registry_service=access.service)


async def _bundle_digest(image: dagger.Container) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "bundle")
        await image.directory("/app").export(str(folder))
        return digest.of_tree(folder)
