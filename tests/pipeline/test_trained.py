"""Models that were trained before: found by what made them, and never instead of a training that changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import anyio
import dagger
import gql
import pytest
from dagger import dag
from dagger._exceptions import QueryErrorValue

from ml_pipeline.containers import Lock
from ml_pipeline.oci import Address
from ml_pipeline.runner import DaggerRunner
from ml_pipeline.trained import RegistryError, Trained, TrainedModels, TrainsOnce
from ml_stages.config.load import load_config
from ml_stages.errors import UsageError
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.runner import StageRun
from ml_stages.stages import BY_NAME, Stage
from tests.pipeline.recorded import of
from tests.projects import TinyProject

WHERE = Address.parse("registry.example.com/team/trained")
REPORT = '{"run": {"exit_status": 0}}'


class Folder:
    """A directory of the engine, by its content."""

    def __init__(self, content: str) -> None:
        self.content = content

    async def digest(self) -> str:
        return self.content


class Registry(TrainedModels):
    """A registry in memory, which may be down."""

    def __init__(self, *, down: bool = False) -> None:
        super().__init__(WHERE)
        self.__dict__.update(images={}, down=down)

    async def find(self, key: str) -> Trained | None:
        if self.__dict__["down"]:
            raise RegistryError("not asked")
        return cast("Trained | None", self.__dict__["images"].get(key))

    async def keep(self, key: str, model: dagger.Directory, report: str) -> Trained:
        if self.__dict__["down"]:
            raise RegistryError("not kept")
        self.__dict__["images"][key] = Trained(WHERE.tagged(key), model, report)
        return cast("Trained", self.__dict__["images"][key])


class Trains(DaggerRunner):
    """Counts what it trains."""

    ending = StageStatus.PASSED
    trained = 0

    async def run(self, stage: Stage, inputs: Mapping[str, dagger.Directory]) -> StageRun[dagger.Directory]:
        self.trained += 1
        outputs = {"model": dag.directory()} if self.ending is StageStatus.PASSED else {}
        return StageRun(StageOutcome(name=stage.name, status=self.ending), REPORT, outputs)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> None:
    async def default_platform(_: object) -> str:
        return "linux/amd64"

    monkeypatch.setattr(dagger.Client, "default_platform", default_platform)


@pytest.fixture
def runner(project: TinyProject) -> Trains:
    config = load_config(project.root).config
    return Trains(config=config, lock=Lock("requirements.lock", "pandas==3.0.0\n", "3.12"), gpu=False)


def _run(
    runner: Trains, registry: TrainedModels, code: str = "1", name: str = "train"
) -> StageRun[dagger.Directory]:
    inputs = cast("Any", {"code": Folder(code), "train-set": Folder("2")})
    return anyio.run(TrainsOnce(runner, registry).run, BY_NAME[name], inputs)


@pytest.mark.usefixtures("platform")
def test_what_was_trained_is_found_and_says_where(runner: Trains) -> None:
    """If this fails, a CI host that starts empty trains the same model every time."""
    registry = Registry()
    first, second = _run(runner, registry), _run(runner, registry)
    assert runner.trained == 1
    assert first.outcome.cached is None
    assert second.outcome.cached is not None
    assert second.outcome.cached.hit
    assert second.outcome.cached.reason.startswith("trained before: registry.example.com/team/trained:")
    assert (second.report, second.outputs) == (first.report, first.outputs)


@pytest.mark.usefixtures("platform")
@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("lock", Lock("requirements.lock", "pandas==3.0.1\n", "3.12")),
        ("lock", Lock("requirements.lock", "pandas==3.0.0\n", "3.13")),
        ("gpu", True),
        ("variables", {"REGION": "north"}),
        ("seed", 8),
        ("image", "python:3.12"),
        ("command", "python train.py {train} {model} --more"),
    ],
)
def test_a_training_that_changed_is_no_earlier_one(runner: Trains, what: str, value: Any) -> None:
    """If this fails, a model of other pins, settings or another device is shipped as today's."""
    registry = Registry()
    _run(runner, registry)
    config = runner.config
    changes = {
        "seed": {"seed": value},
        "image": {"environment": config.environment.model_copy(update={"image": value})},
        "command": {"train": config.train.model_copy(update={"command": value})},
    }
    if what in changes:
        runner.config = config.model_copy(update=changes[what])
    else:
        setattr(runner, what, value)
    _run(runner, registry)
    assert runner.trained == 2
    _run(runner, registry, code="other")
    assert runner.trained == 3


@pytest.mark.usefixtures("platform")
def test_how_long_it_may_take_is_no_change(runner: Trains) -> None:
    """If this fails, a longer time-out trains everything again."""
    registry = Registry()
    _run(runner, registry)
    runner.config = runner.config.model_copy(update={"timeouts": runner.config.timeouts.model_copy()})
    runner.config.timeouts.__dict__["train"] = 7.0
    _run(runner, registry)
    assert runner.trained == 1


@pytest.mark.usefixtures("platform")
def test_a_registry_that_does_not_answer_is_told_and_the_model_trained(runner: Trains) -> None:
    """If this fails, an outage of the registry stops every run, or nobody learns why all is trained anew."""
    result = _run(runner, Registry(down=True))
    assert result.outcome.status is StageStatus.PASSED
    assert result.outputs
    assert result.outcome.notes == ["not asked", "not kept"]


@pytest.mark.usefixtures("platform")
def test_a_failed_training_is_not_kept(runner: Trains) -> None:
    """If this fails, a training that failed once is found as a model."""
    registry = Registry()
    runner.ending = StageStatus.FAILED
    assert _run(runner, registry).outcome.status is StageStatus.FAILED
    assert not registry.__dict__["images"]


def test_other_stages_are_run_as_ever(runner: Trains) -> None:
    """If this fails, predictions of an earlier holdout are taken for today's."""
    registry = Registry()
    _run(runner, registry, name="predict")
    _run(runner, registry, name="predict")
    assert runner.trained == 2
    assert not registry.__dict__["images"]


@pytest.mark.parametrize(
    "text", ["registry.example.com/team/trained:v1", f"a.b/c@sha256:{'0' * 64}", "trained"]
)
def test_what_is_no_repository_is_refused(text: str) -> None:
    """If this fails, every model is pushed over the one image that was named."""
    with pytest.raises(UsageError, match="expected"):
        TrainedModels.at(text)


def test_a_model_is_kept_and_used_by_its_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, all that follows a training runs again where its model was found."""
    digest = "sha256:" + "1" * 64
    pushed: list[tuple[dagger.Container, str]] = []

    async def push(self: dagger.Container, address: str) -> str:
        pushed.append((self, address))
        return f"{address}@{digest}"

    async def image_ref(_: object) -> str:
        return f"{WHERE.tagged('key')}@{digest}"

    async def contents(_: object) -> str:
        return REPORT

    monkeypatch.setattr(dagger.Container, "publish", push)
    monkeypatch.setattr(dagger.Container, "image_ref", image_ref)
    monkeypatch.setattr(dagger.File, "contents", contents)
    models = TrainedModels.at("registry.example.com/team/trained")
    kept, found = anyio.run(models.keep, "key", dag.directory(), REPORT), anyio.run(models.find, "key")
    ((image, address),) = pushed
    assert address == "registry.example.com/team/trained:key"
    assert [step["path"] for step in of(image, "withDirectory")] == ["/model"]
    assert found is not None
    for one in (kept, found):
        assert one.address == f"registry.example.com/team/trained@{digest}"
        assert [step["address"] for step in of(one.model, "from")] == [one.address]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('failed to resolve image "a.b/c:k" (platform: "linux/amd64"): a.b/c:k: not found', "nothing"),
        (
            'failed to resolve image "a.b/c:k": failed to do request: Head "b": dial tcp: refused',
            "dial tcp: refused",
        ),
        ('failed to resolve image "a.b/c:k": pull access denied', "pull access denied"),
    ],
)
def test_absent_is_not_the_same_as_not_known(monkeypatch: pytest.MonkeyPatch, said: str, found: str) -> None:
    """If this fails, a registry without access looks empty, and everything is trained again in silence."""

    async def image_ref(_: object) -> str:
        raise dagger.QueryError([QueryErrorValue(said)], gql.gql("{ container { id } }"))

    monkeypatch.setattr(dagger.Container, "image_ref", image_ref)
    models = TrainedModels.at("registry.example.com/team/trained")
    if found == "nothing":
        assert anyio.run(models.find, "key") is None
    else:
        with pytest.raises(RegistryError, match=f"could not be looked for: {found}$"):
            anyio.run(models.find, "key")
