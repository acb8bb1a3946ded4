"""Hold what was published against the verdict that let it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ml_stages import digest
from ml_stages.errors import UsageError
from ml_stages.lineage import Lineage
from ml_stages.model.labels import DATA, MODEL, labels
from ml_stages.model.manifest import BundleError, Manifest

Check = tuple[bool, str]
"""Whether something is as it should be, and what was found."""
_SHOWN = 3
_FEWEST_DIGITS = 8


class Attested(BaseModel):
    """What counts of a ``verdict.json`` here: little, so that those of other versions can be read too."""

    model_config = ConfigDict(frozen=True)

    name: str
    status: str
    started: str
    should_deploy: bool
    forced: str | None = None
    lineage: Lineage


@dataclass(frozen=True)
class Verified:
    """What was looked at, in the order of looking."""

    what: str
    checks: list[Check]

    @property
    def holds(self) -> bool:
        return all(fine for fine, _ in self.checks)

    def text(self) -> str:
        """A line a check, the answer last."""
        lines = [f"{'✓' if fine else '✗'} {said}" for fine, said in self.checks]
        answer = "is what its verdict let out" if self.holds else "cannot be trusted"
        return "\n".join([*lines, "", f"{self.what} {answer}"])


def compare(verdict: Attested, carried: Mapping[str, str], bundle: str) -> Iterator[Check]:
    """Hold an image's labels and the digest of its bundle against its verdict."""
    yield from compare_bundle(verdict, bundle)
    for name, value in labels(verdict.name, verdict.lineage).items():
        has = carried.get(name, "nothing")
        yield has == value, f"label {name} is {has}" + ("" if has == value else f"; the lineage says {value}")


def compare_bundle(verdict: Attested, bundle: str) -> Iterator[Check]:
    """Whether the verdict lets a model out, and whether this is the digest of that model's bundle."""
    forced = f", forced: {verdict.forced}" if verdict.forced else ""
    let_out = verdict.should_deploy and (verdict.status == "passed" or bool(verdict.forced))
    yield let_out, f"the verdict of {verdict.started} is {verdict.status}{forced}"
    judged = verdict.lineage.bundle_digest
    same = bundle == judged
    yield same, f"the model in it is {bundle}" + (", as judged" if same else f"; judged was {judged}")


def verify_version(folder: Path) -> Verified:
    """Hold a version in a registry folder, or what an alias of it points at, against its verdict.

    Raises :class:`UsageError` where the folder holds no bundle with a verdict that can be read.
    """
    bundle, file = folder / "bundle", folder / "verdict.json"
    try:
        verdict = Attested.model_validate_json(file.read_bytes())
        manifest = Manifest.read(bundle)
    except (OSError, ValidationError, BundleError) as error:
        expected = "expected a published version: REGISTRY/NAME/versions/VERSION or .../aliases/ALIAS"
        raise UsageError(f"{_reason(error, folder)}; {expected}") from None
    checks = [
        *compare_bundle(verdict, digest.of_tree(bundle)),
        *_version(folder, verdict),
        *_lineage(verdict, manifest),
        *_files(bundle, manifest),
    ]
    return Verified(str(folder), checks)


def _version(folder: Path, verdict: Attested) -> Iterator[Check]:
    """In a registry a version is named after the bundle that was let out; a copy elsewhere has any name."""
    place, judged = folder.resolve(), verdict.lineage.bundle_digest or "nothing"
    if place.parent.name == "versions":
        same = len(place.name) >= _FEWEST_DIGITS and judged.startswith(f"sha256:{place.name}")
        yield same, f"its version is {place.name}" + ("" if same else f"; the judged model is {judged}")


def _lineage(verdict: Attested, manifest: Manifest) -> Iterator[Check]:
    """No digest names the verdict, but that of the bundle vouches for what the bundle says of itself."""
    told, carried = labels(verdict.name, verdict.lineage), {**manifest.labels, MODEL: manifest.model_digest}
    if DATA not in carried:  # it was still to be fetched
        told.pop(DATA, None)
    wrong = [
        f"{name} is {carried.get(name, 'nothing')} in the bundle, {told.get(name, 'nothing')} in the verdict"
        for name in sorted(carried.keys() | told.keys())
        if carried.get(name) != told.get(name)
    ]
    yield not wrong, "; ".join(wrong) or "its lineage is the one that the bundle was packed with"


def _files(bundle: Path, manifest: Manifest) -> Iterator[Check]:
    """Which files are not those that were packed: a digest alone does not say where to look."""
    found = {path.relative_to(bundle).as_posix() for path in digest.tree(bundle)}
    found.discard("bundle.json")
    wrong = [f"{name} is missing" for name in sorted(manifest.files.keys() - found)]
    wrong += [f"{name} was added" for name in sorted(found - manifest.files.keys())]
    wrong += [
        f"{name} was changed"
        for name in sorted(found & manifest.files.keys())
        if digest.of_file(bundle / name) != manifest.files[name]
    ]
    more = f" (and {len(wrong) - _SHOWN} more)" if len(wrong) > _SHOWN else ""
    said = "; ".join(wrong[:_SHOWN]) + more
    yield not wrong, said or f"all {len(found)} files in it are those that were packed"


def _reason(error: Exception, folder: Path) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return f"{folder}: {str(error).splitlines()[0]}"
