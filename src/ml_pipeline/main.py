"""The Dagger module: one function a stage, and `full-pipeline`.

An engine imports this file to learn the functions' types, before any of them runs: what only a run needs
is imported by the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import dagger
from dagger import DefaultPath, Doc, Ignore, check, dag, function, object_type

from ml_pipeline.objects import (
    Evaluation,
    StageResult,
    clear_ending,
    end_with,
    evaluation,
    stage_result,
)
from ml_pipeline.oci import Access
from ml_pipeline.release import ForcedRelease, Release, publish
from ml_stages.errors import ExitStatus, PipelineError
from ml_stages.source_patterns import NEVER_SOURCE

if TYPE_CHECKING:
    from ml_pipeline.pipeline import Finished

IGNORED = [pattern.removeprefix("/") for pattern in NEVER_SOURCE]

Source = Annotated[
    dagger.Directory,
    DefaultPath("/"),
    Ignore(IGNORED),
    Doc("The project: source, configuration and lock file"),
]
GivenSource = Annotated[
    dagger.Directory,
    DefaultPath("/"),
    Ignore(IGNORED),
    Doc("The project, instead of the one given before the function's name"),
]
Root = Annotated[dagger.Directory, DefaultPath("/"), Ignore(IGNORED), Doc("Not for you: leave it out")]
"""An optional argument cannot have ignore patterns: environments of gigabytes would be sent along. One with
a default path can, but is always given; this one, given to nobody, says what it is where nobody gave it."""
Data = Annotated[dagger.Directory | None, Doc("The data folder (default: `data` in the source)")]


@object_type
class MlPipeline:
    """A CI/CD pipeline for machine-learning projects whose verdict can be believed."""

    source: dagger.Directory
    data: dagger.Directory | None
    baseline: dagger.Container | None
    profile: str
    commit: str
    force: str
    retry: str
    secrets: list[dagger.Secret]
    variables: list[str]
    platforms: list[str]
    trained: str

    @classmethod
    async def create(  # noqa: PLR0913, PLR0917 - what a run can be asked
        cls,
        source: Source,
        data: Data = None,
        baseline: Annotated[
            dagger.Container | None, Doc("The model image to compare with; without it this is a first run")
        ] = None,
        # Not `profile`: that is an option of the command itself in Dagger 1.0.
        config_profile: Annotated[str, Doc("Overlay this profile of the configuration")] = "",
        commit: Annotated[str, Doc("The commit of the source, for lineage and labels")] = "",
        force: Annotated[str, Doc("Release past a failed gate; the reason is recorded")] = "",
        retry: Annotated[str, Doc("A new word here runs once more what failed under the old one")] = "",
        secrets: Annotated[
            list[dagger.Secret] | None,
            Doc("Credentials that fetch the data, in the order of fetch.secrets"),
        ] = None,
        variables: Annotated[
            list[str] | None, Doc("NAME=VALUE for every stage to see, of environment.pass_variables")
        ] = None,
        platforms: Annotated[
            list[str] | None, Doc("Build, probe and publish for these too, e.g. linux/arm64")
        ] = None,
        trained: Annotated[
            str, Doc("Keep trained models there, and train none again: registry.example.com/team/trained")
        ] = "",
    ) -> Self:
        """Take a project and its data."""
        return cls(
            source=source,
            data=data,
            baseline=baseline,
            profile=config_profile,
            commit=commit,
            force=force,
            retry=retry,
            secrets=secrets or [],
            variables=variables or [],
            platforms=platforms or [],
            trained=trained,
        )

    @function
    async def lint(self) -> StageResult:
        """Run ruff over the source, and mypy where the project configures it."""
        return await self._stage("lint")

    @function
    async def test(self) -> StageResult:
        """Run the project's own tests."""
        return await self._stage("test")

    @function(cache="never")
    async def audit(self) -> StageResult:
        """Search for known vulnerabilities of the lock's pins, insecure code and leaked secrets."""
        return await self._stage("audit")

    @function
    async def data_validate(self) -> StageResult:
        """Profile the data and check it against the configuration."""
        return await self._stage("data-validate")

    @function
    async def train(self) -> dagger.Directory:
        """Train the model, on a GPU where there is one; gives the model folder."""
        return await self._artifact("train", "model")

    @function
    async def predict(self) -> dagger.Directory:
        """Predict the holdout; gives a folder with predictions.csv."""
        return await self._artifact("predict", "predictions")

    @function(cache="never")
    async def evaluate_gate(self) -> Evaluation:
        """Evaluate the model on the holdout and judge every gate that needs no running model."""
        finished = await self._run("evaluate-gate")
        evaluated = finished.results.get("evaluate")
        return evaluation(finished.verdict, finished.text, evaluated.report if evaluated else None)

    @function
    async def build_image(self) -> dagger.Container:
        """Build the model image, whatever the gates say of it; only a release can be published."""
        # As far as the gates before the probe: metrics are labels, and the image is that of a whole run.
        finished = await self._run("evaluate-gate")
        if not finished.has_image:
            end_with(finished.verdict.exit_status, finished.text)
        return finished.image()

    @function
    async def probe(self) -> StageResult:
        """Run the model image and test it: contract, answers, bad input, latency."""
        return await self._stage("probe")

    @function(cache="never")
    async def release(self) -> Release:
        """The tested image of a model that passed; ends with the verdict's exit status when it did not."""
        finished = await self._run()
        end_with(finished.verdict.exit_status, finished.text)
        return Release(
            image=finished.image(),
            variants=finished.variants(),
            verdict=finished.reports().file("verdict.json"),
        )

    @function(cache="never")
    async def forced_release(self) -> ForcedRelease:
        """The image of a model that failed a gate and goes out for the reason given with `force`."""
        if not self.force:
            end_with(ExitStatus.USAGE, "ml-pipeline: a forced release needs a reason: name one with --force")
        finished = await self._run()
        verdict = finished.verdict
        if not (verdict.forced and verdict.should_deploy):
            end_with(PipelineError.status, f"nothing to force: {finished.text}")
        return ForcedRelease(
            image=finished.image(),
            variants=finished.variants(),
            verdict=finished.reports().file("verdict.json"),
            reason=verdict.forced or "",
        )

    @function(cache="never")
    async def reports(self, source: GivenSource, root: Root, data: Data = None) -> dagger.Directory:
        """Every report of the run, also of one that failed; runs nothing that `full-pipeline` ran."""
        return (await self._run(source=await self._chosen(source, root), data=data)).reports()

    @function(cache="never")
    async def full_pipeline(  # noqa: PLR0913, PLR0917 - what a run can be asked
        self,
        source: GivenSource,
        root: Root,
        data: Data = None,
        address: Annotated[str, Doc("Publish a passing model there; without it nothing is published")] = "",
        tags: Annotated[list[str] | None, Doc("Further tags for what is published")] = None,
        username: Annotated[str, Doc("Who pushes, where the registry asks")] = "",
        password: Annotated[dagger.Secret | None, Doc("The password or token that goes with it")] = None,
        registry_service: Annotated[
            dagger.Service | None, Doc("A registry that runs as a service, for tests")
        ] = None,
    ) -> str:
        """Run every stage and print the verdict; ends with 3 when it is `failed`, with 1 for an error."""
        finished = await self._run(source=await self._chosen(source, root), data=data)
        text = finished.text
        if address and finished.verdict.should_deploy:
            verdict = await finished.reports().file("verdict.json").contents()
            images = [finished.image(), *finished.variants()]
            access = Access(username, password, registry_service)
            with clear_ending(text):
                text += f"\npublished: {await publish(images, verdict, address, tags or [], access)}"
        end_with(finished.verdict.exit_status, text)
        return text

    @function(cache="never")
    async def verify(
        self,
        address: Annotated[
            str, Doc("The published image, by tag or digest: registry.example.com/team/model:1")
        ],
        username: Annotated[str, Doc("Who reads, where the registry asks")] = "",
        password: Annotated[dagger.Secret | None, Doc("The password or token that goes with it")] = None,
        registry_service: Annotated[
            dagger.Service | None, Doc("A registry that runs as a service, for tests")
        ] = None,
    ) -> str:
        """Compare a published image with the verdict attached to it; ends with 3 when they disagree."""
        from ml_pipeline.verify import verify_image  # noqa: PLC0415

        with clear_ending():
            verified = await verify_image(address, Access(username, password, registry_service))
        end_with(ExitStatus.PASSED if verified.holds else ExitStatus.FAILED, verified.text())
        return verified.text()

    @function
    @check
    async def lint_check(self) -> None:
        """The source has no findings."""
        (await self._stage("lint")).ensure()

    @function
    @check
    async def test_check(self) -> None:
        """The project's own tests pass."""
        (await self._stage("test")).ensure()

    @function
    @check
    async def data_check(self) -> None:
        """The data holds what the configuration says."""
        (await self._stage("data-validate")).ensure()

    @function(cache="never")
    @check
    async def pipeline_check(self) -> None:
        """The model passes every required gate."""
        finished = await self._run()
        end_with(finished.verdict.exit_status, finished.text)

    async def _chosen(self, source: dagger.Directory, root: dagger.Directory) -> dagger.Directory:
        """A function's own source where one was given, else the constructor's."""
        return self.source if await source.digest() == await root.digest() else source

    async def _run(
        self,
        until: str | None = None,
        source: dagger.Directory | None = None,
        data: dagger.Directory | None = None,
    ) -> Finished:
        from ml_pipeline.order import Order  # noqa: PLC0415
        from ml_pipeline.pipeline import run_pipeline  # noqa: PLC0415

        order = Order(
            source=source or self.source,
            data=data or self.data,
            baseline=self.baseline,
            profile=self.profile,
            commit=self.commit,
            force=self.force,
            retry=self.retry,
            secrets=self.secrets,
            variables=self.variables,
            platforms=self.platforms,
            trained=self.trained,
        )
        with clear_ending():
            return await run_pipeline(order, until)

    async def _stage(self, name: str) -> StageResult:
        finished = await self._run(name)
        result = finished.results.get(name)
        return stage_result(finished.verdict, finished.text, name, result.report if result else None)

    async def _artifact(self, stage: str, artifact: str) -> dagger.Directory:
        finished = await self._run(stage)
        made = finished.results[stage].outputs.get(artifact)
        if made is None:
            end_with(finished.verdict.exit_status, finished.text)
        return made or dag.directory()
