"""The tests, one function each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import dagger
from dagger import check, dag, function, object_type

ADDRESS = "localhost:5000/apples:1"
HIGH_GATE = {"pyproject.toml": ("min = 0.7", "min = 0.999")}
CONVERTED = {"pyproject.toml": ('load = "apples:load"', 'load = "apples:load"\nexport = "apples:export"')}
COMPARING = """
[[tool.ml-pipeline.gates]]
kind = "drift"

[[tool.ml-pipeline.gates]]
kind = "invariance"
column = "colour"
values = ["green", "red"]
"""
AS_QUICK = """
[[tool.ml-pipeline.gates]]
kind = "latency"
quantile = "p50"
max_ratio = 10
"""
ONE_COLUMN_LESS = {"pyproject.toml": ('"red"] }', '"red"], feature = false }')}
SEARCH = """
import gzip, pathlib, sys, tarfile
word = sys.argv[1][::-1].encode()
for file in pathlib.Path("/reports").rglob("*"):
    if file.is_file() and word in file.read_bytes():
        print(file)
with tarfile.open("/image.tar") as image:
    for member in image:
        packed = image.extractfile(member).read() if member.isfile() else b""
        if word in (gzip.decompress(packed) if packed[:2] == bytes([31, 139]) else packed):
            print(member.name)
"""
ASK = """
import json, urllib.request
rows = [{"weight": 1.0, "colour": "red"}, {"weight": 1000.0, "colour": "green"}]
body = json.dumps({"dataframe_records": rows}).encode()
request = urllib.request.Request("http://model:8080/invocations", body, {"Content-Type": "application/json"})
print(json.load(urllib.request.urlopen(request))["predictions"])
"""


def project(changes: Mapping[str, tuple[str, str]] | None = None) -> dagger.Directory:
    """The small project; `changes` exchange one text in a file for another."""
    folder = dag.current_module().source().directory("project")
    for path, (old, new) in (changes or {}).items():
        folder = folder.with_file(path, folder.file(path).with_replaced(old, new, all=True))
    return folder


async def passes_beside_a_baseline(candidate: dagger.Directory, asked: str, gates: Sequence[str]) -> None:
    """Hold a project with more gates, of which some must pass, beside the small one's image."""
    first = dag.ml_pipeline(source=project()).release().image()
    table = await candidate.file("pyproject.toml").contents()
    asking = candidate.with_new_file("pyproject.toml", table + asked)
    found = await verdict(dag.ml_pipeline(source=asking, baseline=first).reports())
    judged = {gate["name"]: (gate["status"], gate["message"]) for gate in found["gates"]}
    for name in gates:
        expect(judged.get(name, ("missing",))[0] == "passed", f"{name}: {judged}")


def registry() -> dagger.Service:
    """An empty registry; one that is not started stops, and forgets, when nobody calls for some seconds."""
    return dag.container().from_("registry:2").with_exposed_port(5000).as_service(use_entrypoint=True)


def expect(condition: object, message: str) -> None:
    """Fail the test unless the condition holds."""
    if not condition:
        raise AssertionError(message)


async def refused(awaited: Any) -> dagger.QueryError:
    """The error of a call that has to fail."""
    try:
        await awaited
    except dagger.QueryError as error:
        return error
    raise AssertionError("the call succeeded; it had to fail")


async def verdict(reports: dagger.Directory) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await reports.file("verdict.json").contents())
    return found


@object_type
class MlPipelineTests:
    """Tests of the ml-pipeline module."""

    @function
    @check
    async def a_good_project_passes(self) -> None:
        """A good project passes, every report is there, and a second look runs nothing again."""
        pipeline = dag.ml_pipeline(source=project())
        text = await pipeline.full_pipeline()
        expect("apples: passed" in text, text)
        reports = await pipeline.reports().sync()  # once: every further question would run it anew
        expected = {"verdict.json", "junit.xml", "summary.md", "results.sarif", "report.html", "stages/"}
        missing = expected - set(await reports.entries())
        expect(not missing, f"reports lack {missing}")
        ran = [
            stage["name"]
            for stage in (await verdict(reports))["stages"]
            if stage["cached"] is not None and not stage["cached"]["hit"]
        ]
        expect(not ran, f"a second look ran {ran} again")

    @function
    @check
    async def stages_are_typed(self) -> None:
        """What stages give is there without parsing text."""
        pipeline = dag.ml_pipeline(source=project())
        for result in (pipeline.lint(), pipeline.test(), pipeline.data_validate(), pipeline.probe()):
            status = await result.status()
            expect(status == "passed", await result.summary())
        gates = {await gate.name(): await gate.status() for gate in await pipeline.evaluate_gate().gates()}
        expect(gates["threshold-accuracy"] == "passed", f"gates: {gates}")
        expect("model.json" in await pipeline.train().entries(), "no model came out of train")
        expect("predictions.csv" in await pipeline.predict().entries(), "no predictions")

    @function
    @check
    async def a_failed_gate_releases_nothing(self) -> None:
        """A model that misses its threshold fails with every report, and there is nothing to publish."""
        pipeline = dag.ml_pipeline(source=project(HIGH_GATE))
        error = await refused(pipeline.full_pipeline(address=ADDRESS, registry_service=registry()))
        expect(getattr(error, "exit_code", 3) == 3, f"exit status {error}")
        await refused(pipeline.release().publish(ADDRESS, registry_service=registry()))
        await refused(pipeline.forced_release().publish(ADDRESS, registry_service=registry()))
        found = await verdict(pipeline.reports())
        expect(found["status"] == "failed" and not found["should_deploy"], str(found["causes"]))
        trained = next(stage for stage in found["stages"] if stage["name"] == "train")
        expect(trained["status"] == "passed", "the gate's edit broke the training")

    @function
    @check
    async def a_forced_release_says_why(self) -> None:
        """Force lets a failed model out, with its reason in verdict and label; the next model hears of it."""
        failing = project(HIGH_GATE)
        pipeline = dag.ml_pipeline(source=failing, force="the old model is broken")
        service = await registry().start()
        address = await pipeline.forced_release().publish(ADDRESS, registry_service=service)
        said = await pipeline.verify(address, registry_service=service)
        expect("forced: the old model is broken" in said, said)
        label = await pipeline.forced_release().image().label("ml-pipeline.force")
        expect(label == "the old model is broken", label)
        after = dag.ml_pipeline(source=project(), baseline=pipeline.forced_release().image())
        stages = {stage["name"]: stage for stage in (await verdict(after.reports()))["stages"]}
        notes = stages["baseline"]["notes"]
        expect(any("published with --force (the old model is broken)" in note for note in notes), str(notes))

    @function
    @check
    async def broken_projects_fail(self) -> None:
        """A failing test, a broken training and wrong data each fail the run and are named."""
        broken = {
            "test": {"tests/test_apples.py": ('["no", "yes"]', '["yes", "yes"]')},
            "train": {"train.py": ("import json", "import jason")},
            "data-validation": {"data/apples.csv": ("green", "blue")},
        }
        for name, change in broken.items():
            pipeline = dag.ml_pipeline(source=project(change))
            await refused(pipeline.full_pipeline())
            found = await verdict(pipeline.reports())
            expect(found["status"] == "failed", f"{name}: {found['status']}")
            expect(any(cause.startswith(name) for cause in found["causes"]), f"{name}: {found['causes']}")

    @function
    @check
    async def wrong_configuration_is_refused(self) -> None:
        """A mistyped key ends the call before anything runs."""
        error = await refused(
            dag.ml_pipeline(source=project({"pyproject.toml": ("label =", "lable =")})).full_pipeline()
        )
        expect(getattr(error, "exit_code", 2) == 2, str(error))

    @function
    @check
    async def publish_and_pull(self) -> None:
        """What is published is what was probed: it verifies, and the pulled image answers."""
        service = await registry().start()
        pipeline = dag.ml_pipeline(source=project())
        address = await pipeline.release().publish(ADDRESS, tags=["latest"], registry_service=service)
        expect("@sha256:" in address, address)
        for name in (address, "localhost:5000/apples:latest"):
            said = await pipeline.verify(name, registry_service=service)
            expect("is what its verdict let out" in said, said)
        pulled = dag.container().from_(address, registry_service=service)
        answer = await (
            dag.container()
            .from_("python:3.11-slim")
            .with_service_binding("model", pulled.as_service(use_entrypoint=True))
            .with_exec(["python", "-c", ASK])
            .stdout()
        )
        expect(answer.strip() == "['no', 'yes']", f"the pulled image answered {answer}")
        expect(await pulled.user() == "65532:65532", "the image runs as root")

    @function
    @check
    async def a_baseline_is_held_beside_the_candidate(self) -> None:
        """Gates on drift, behaviour and latency are judged on a released image, the server of it included."""
        gates = ("no-regression-accuracy", "drift", "invariance-colour", "latency-p50")
        await passes_beside_a_baseline(project(), COMPARING + AS_QUICK, gates)

    @function
    @check
    async def a_baseline_is_asked_with_its_own_columns(self) -> None:
        """A candidate that is given a column less is still held beside what was released with it."""
        gates = ("no-regression-accuracy", "latency-p50")
        await passes_beside_a_baseline(project(ONE_COLUMN_LESS), AS_QUICK, gates)

    @function
    @check
    async def a_converted_model_is_served_without_the_project(self) -> None:
        """A model that becomes ONNX answers as before from an image that holds none of the project's pins."""
        pipeline = dag.ml_pipeline(source=project(CONVERTED))
        expect("apples: passed" in await pipeline.full_pipeline(), "it did not pass")
        image = pipeline.build_image()
        expect('"onnx"' in await image.file("/app/bundle.json").contents(), "it was not converted")
        ran = image.with_exec(["python", "-c", "import pandas"], expect=dagger.ReturnType.ANY)
        expect(await ran.exit_code() != 0, "the image holds pandas")

    @function
    @check
    async def a_secret_is_in_no_layer_log_or_report(self) -> None:
        """A credential that fetches the data reaches its command, and nothing that is kept."""
        word = "w0rd-that-nothing-may-show"
        fetch = '[tool.ml-pipeline.fetch]\ncommand = "python fetch.py {data}"\nsecrets = ["WORD"]\n\n'
        script = (
            "import os\nimport shutil\nimport sys\n\n"
            f"assert len(os.environ['WORD']) == {len(word)}\n"
            "print('the word is', os.environ['WORD'])\n"
            "shutil.copy('orchard.csv', sys.argv[1] + '/apples.csv')\n"
        ).replace("'", '"')
        table = ("[tool.ml-pipeline.train]", f"{fetch}[tool.ml-pipeline.train]")
        source = project({"pyproject.toml": table})
        source = (
            source.with_file("orchard.csv", source.file("data/apples.csv"))
            .without_directory("data")
            .with_new_file("fetch.py", script)
        )
        pipeline = dag.ml_pipeline(source=source, secrets=[dag.set_secret("word", word)])
        text = await pipeline.full_pipeline()
        expect(word not in text, "the verdict shows it")
        image = pipeline.release().image()
        searched = (
            dag.container()
            .from_("python:3.11-slim")
            .with_mounted_directory("/reports", pipeline.reports())
            .with_mounted_file("/image.tar", image.as_tarball())
            .with_exec(["python", "-c", SEARCH, word[::-1]])
        )
        where = (await searched.stdout()).strip()
        expect(not where, f"the secret is in {where}")
