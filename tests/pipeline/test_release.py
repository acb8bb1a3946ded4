"""Publishing and verifying, without a registry: what is pushed, what is attached, what is compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anyio
import dagger
import pytest
from dagger import dag

from ml_pipeline.oci import Access, Address, Oras
from ml_pipeline.release import LINEAGE_TYPE, VERDICT_TYPE, publish
from ml_stages.errors import PipelineError, UsageError
from ml_stages.lineage import Lineage
from ml_stages.model.labels import labels
from ml_stages.verify import Attested, compare
from tests.pipeline.recorded import of, texts

DIGEST = "sha256:" + "1" * 64
VERDICT = json.dumps({"status": "passed", "lineage": {"pipeline_version": "1", "seed": 0}})


class Pushes:
    """Stands for the engine's push and for `oras`; remembers what it was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.images: list[tuple[dagger.Container, str, dict[str, Any]]] = []
        self.attached: list[tuple[str, str, str]] = []
        pushes = self

        async def push(self: dagger.Container, address: str, **rest: Any) -> str:
            pushes.images.append((self, address, rest))
            return f"{address}@{DIGEST}"

        async def attach(self: Oras, digest: str, artifact_type: str, name: str, text: str) -> None:
            assert name.endswith(".json")
            pushes.attached.append((digest, artifact_type, text))

        monkeypatch.setattr(dagger.Container, "publish", push)
        monkeypatch.setattr(Oras, "attach", attach)


@pytest.fixture
def pushes(monkeypatch: pytest.MonkeyPatch) -> Pushes:
    return Pushes(monkeypatch)


def _publish(access: Access, tags: tuple[str, ...] = ()) -> str:
    images = [dag.container(), dag.container(platform=dagger.Platform("linux/arm64"))]
    return anyio.run(publish, images, VERDICT, "registry.example.com/team/model:1.2", tags, access)


def test_image_verdict_and_lineage_go_out_together(pushes: Pushes) -> None:
    """If this fails, an image is in the registry and nobody can say why it is allowed there."""
    assert _publish(Access()) == f"registry.example.com/team/model@{DIGEST}"
    ((_, address, rest),) = pushes.images
    assert address == "registry.example.com/team/model:1.2"
    assert len(rest["platform_variants"]) == 1
    assert [(digest, kind) for digest, kind, _ in pushes.attached] == [
        (DIGEST, LINEAGE_TYPE),
        (DIGEST, VERDICT_TYPE),
    ]
    assert pushes.attached[-1][2] == VERDICT


def test_every_tag_names_the_same_image(pushes: Pushes) -> None:
    """If this fails, `latest` is another image than the version that was tested."""
    _publish(Access(), ("latest", "stable"))
    assert [address.rpartition(":")[2] for _, address, _ in pushes.images] == ["1.2", "latest", "stable"]
    assert len({id(image) for image, _, _ in pushes.images}) == 1


def test_password_reaches_the_registry_and_no_layer(pushes: Pushes) -> None:
    """If this fails, a registry password is in the image, its history or a log."""
    _publish(Access("me", dag.set_secret("password", "hunter2")))
    image = pushes.images[0][0]
    (auth,) = of(image, "withRegistryAuth")
    assert auth["address"] == "registry.example.com"
    assert isinstance(auth["secret"], dagger.Secret)
    assert not any("hunter2" in text for text in texts(image))


def test_oras_reads_the_password_from_a_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, the password is an argument, which the engine's trace shows to everybody."""
    ran: list[dagger.Container] = []

    async def exit_code(self: dagger.Container) -> int:
        ran.append(self)
        return 0

    monkeypatch.setattr(dagger.Container, "exit_code", exit_code)
    oras = Oras(Address.parse("registry.example.com/model:1"), Access("me", dag.set_secret("p", "hunter2")))
    anyio.run(oras.attach, DIGEST, VERDICT_TYPE, "verdict.json", "{}")
    (mount,) = of(ran[0], "withMountedSecret")
    assert isinstance(mount["source"], dagger.Secret)
    assert not any("hunter2" in text for text in texts(ran[0]))
    assert f"registry.example.com/model@{DIGEST}" in of(ran[0], "withExec")[-1]["args"]


def test_a_push_without_its_verdict_is_an_error(pushes: Pushes, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, an image goes out whose verdict was never attached, and the run is green."""

    async def refuse(*_: object) -> None:
        raise PipelineError("no")

    monkeypatch.setattr(Oras, "attach", refuse)
    with pytest.raises(PipelineError, match="was pushed without its verdict: no"):
        _publish(Access())
    assert pushes.images


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("localhost:5000/model", "localhost:5000/model:latest"),
        ("localhost/model:1", "localhost/model:1"),
        ("registry.example.com/team/model:1.2", "registry.example.com/team/model:1.2"),
        (f"registry.example.com/model:1@{DIGEST}", f"registry.example.com/model@{DIGEST}"),
    ],
)
def test_addresses_are_read(text: str, reference: str) -> None:
    """If this fails, an image goes to another repository than the one that was named."""
    assert Address.parse(text).reference == reference


@pytest.mark.parametrize("text", ["", "model", "model:1", "team/model:1", "registry.example.com/"])
def test_an_address_without_a_registry_is_refused(text: str) -> None:
    """If this fails, a forgotten host pushes a model to a public registry."""
    with pytest.raises(UsageError, match="is no image address"):
        Address.parse(text)


@pytest.fixture
def verdict() -> dict[str, Any]:
    lineage = Lineage(
        pipeline_version="1", seed=0, commit="abc", data_digest="sha256:2", bundle_digest="sha256:3"
    )
    return {
        "name": "apples",
        "status": "passed",
        "should_deploy": True,
        "started": "2026-01-01T00:00:00+00:00",
        "lineage": lineage.model_dump(),
    }


def _wrong(verdict: dict[str, Any], carried: dict[str, str], bundle: str = "sha256:3") -> list[str]:
    return [said for fine, said in compare(Attested.model_validate(verdict), carried, bundle) if not fine]


def test_an_image_as_judged_is_verified(verdict: dict[str, Any]) -> None:
    """If this fails, nothing is ever verified."""
    assert _wrong(verdict, labels("apples", Lineage(**verdict["lineage"]))) == []


def _another_model(verdict: dict[str, Any]) -> None:
    verdict["lineage"]["bundle_digest"] = "sha256:4"


def _another_commit(verdict: dict[str, Any]) -> None:
    verdict["lineage"]["commit"] = "def"


def _not_let_out(verdict: dict[str, Any]) -> None:
    verdict.update(status="failed", should_deploy=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_another_model, "judged was sha256:4"),
        (_another_commit, "label org.opencontainers.image.revision is abc; the lineage says def"),
        (_not_let_out, "is failed"),
    ],
)
def test_what_the_verdict_does_not_say_is_found(
    verdict: dict[str, Any], change: Callable[[dict[str, Any]], None], said: str
) -> None:
    """If this fails, a swapped model or a failed one is called verified."""
    carried = labels("apples", Lineage(**verdict["lineage"]))
    change(verdict)
    (wrong,) = _wrong(verdict, carried)
    assert said in wrong
