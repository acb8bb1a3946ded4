"""The CI files that users copy."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ml_stages.host.store import Store
from tests.ci.calls import CI, GITHUB, GITLAB, ROOT, Done, execute, parameters, read

FILES = [*GITHUB, *GITLAB]
ENGINE_GITHUB = CI / "github" / "ml-pipeline.yml"
ENGINE_GITLAB = CI / "gitlab" / "ml-pipeline.gitlab-ci.yml"
NASTY = 'it\'s "fine" $(touch hacked) `touch hacked`; touch hacked'

_GIVEN = {
    "MODULE": "github.com/OWNER/ml-pipeline@v0.1.0",
    "BASELINE": "registry/name:v1",
    "TRAINED": "registry/name-trained",
    "PROFILE": "quick",
    "FORCE": NASTY,
    "GITHUB_SHA": "abc",
    "GITHUB_REPOSITORY": "Owner/Name",
    "GITHUB_REF_NAME": "v1",
    "GITHUB_ACTOR": "somebody",
    "REGISTRY_PASSWORD": "hunter2",
    "CI_COMMIT_SHA": "abc",
    "CI_REGISTRY_USER": "somebody",
    "CI_REGISTRY_PASSWORD": "hunter2",
}


def _id(path: Path) -> str:
    return path.relative_to(CI).as_posix()


def _steps(path: Path) -> list[tuple[str, dict[str, Any]]]:
    return [(name, step) for name, job in read(path)["jobs"].items() for step in job["steps"]]


def _dagger_calls(job: str) -> list[str]:
    steps = [step["with"] for name, step in _steps(ENGINE_GITHUB) if name == job and _is_dagger(step)]
    assert {given["module"] for given in steps} == {"${{ env.MODULE }}"}
    return [f'dagger {given["verb"]} -m "$MODULE" {given["args"]}' for given in steps]


def _is_dagger(step: dict[str, Any]) -> bool:
    return str(step.get("uses")).startswith("dagger/dagger-for-github@")


def _github(job: str, folder: Path, **given: str) -> Done:
    """The job's calls as dagger-for-github v8 makes them: `args` is pasted into a bash script."""
    script = "\n".join(_dagger_calls(job))
    return execute(script, ("bash", "-c"), folder, _GIVEN | given, {})


def _gitlab(folder: Path, statuses: dict[str, int] | None = None, **given: str) -> Done:
    script = "\n".join(read(ENGINE_GITLAB)[".ml-pipeline"]["script"])
    return execute(script, ("sh", "-e", "-c"), folder, _GIVEN | given, statuses or {})


def _calls(kind: str, folder: Path) -> list[list[str]]:
    if kind.startswith("github"):
        return _github(kind.removeprefix("github-"), folder).calls
    return _gitlab(folder, ADDRESS="registry/name:v1").calls


KINDS = ["github-verdict", "github-release", "gitlab"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_function_and_flag_is_one_of_the_module(kind: str, tmp_path: Path) -> None:
    """If this fails, a copied file ends with `unknown flag` on the first run."""
    known = parameters()
    for call in _calls(kind, tmp_path):
        assert call[:3] == ["call", "-m", _GIVEN["MODULE"]]
        names = [word for word in call[3:] if not word.startswith("--")]
        assert names in (["full-pipeline"], ["reports", "export"])
        split = call.index(names[0])
        assert _flags(call[3:split]) <= known["create"]
        own = call[split + 1 :]
        assert _flags(own) <= ({"path"} if names[-1] == "export" else known[names[0]])


def _flags(words: list[str]) -> set[str]:
    return {word.removeprefix("--").partition("=")[0] for word in words if word.startswith("--")}


@pytest.mark.parametrize("kind", KINDS)
def test_reports_are_asked_of_the_very_run_that_was_judged(kind: str, tmp_path: Path) -> None:
    """If this fails, `reports` trains a second time, or reports on another run."""
    judged, exported = _calls(kind, tmp_path)
    assert judged[: judged.index("full-pipeline")] == exported[: exported.index("reports")]
    assert exported[-2:] == ["export", "--path=.ml-pipeline"]


@pytest.mark.parametrize("kind", ["github-release", "gitlab"])
def test_a_reason_is_one_word_that_is_never_executed(kind: str, tmp_path: Path) -> None:
    """If this fails, who may start a run may also run commands beside its secrets."""
    for call in _calls(kind, tmp_path):
        assert f"--force={NASTY}" in call
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_is_an_argument(kind: str, tmp_path: Path) -> None:
    """If this fails, a registry's password stands in process lists and logs."""
    words = [word for call in _calls(kind, tmp_path) for word in call]
    assert not [word for word in words if "hunter2" in word]
    assert all(word.startswith("--password=env:") for word in words if word.startswith("--password"))


def test_no_secret_is_pasted_into_text() -> None:
    """If this fails, a secret is expanded into a command instead of its environment."""
    for path in GITHUB:
        for _, step in _steps(path):
            assert "secrets." not in str(step.get("run", "")) + str(step.get("with", ""))


def test_nothing_typed_by_a_person_is_pasted_into_a_script() -> None:
    """If this fails, the name of a branch or a reason can run commands."""
    for path in GITHUB:
        for _, step in _steps(path):
            assert "${{" not in str(step.get("run", "")) + step.get("with", {}).get("args", "")


def test_what_is_not_named_is_no_flag(tmp_path: Path) -> None:
    """If this fails, a first run asks the engine for an image without a name."""
    (tmp_path / "gitlab").mkdir()
    (tmp_path / "github").mkdir()
    calls = _gitlab(tmp_path / "gitlab", BASELINE="", TRAINED="", FORCE="").calls
    calls += _github("verdict", tmp_path / "github", BASELINE="", TRAINED="").calls
    assert len(calls) == 4
    assert not [word for call in calls for word in call if word.startswith(("--baseline", "--trained"))]


def test_only_a_tag_publishes(tmp_path: Path) -> None:
    """If this fails, a pull request pushes an image, or a release does not."""
    for name in ("verdict", "release", "branch", "tag"):
        (tmp_path / name).mkdir()
    addresses = [
        _address(_github("verdict", tmp_path / "verdict")),
        _address(_github("release", tmp_path / "release")),
        _address(_gitlab(tmp_path / "branch", FORCE="")),
        _address(_gitlab(tmp_path / "tag", ADDRESS="registry/name:v1")),
    ]
    assert addresses == [[], ["--address=ghcr.io/owner/name:v1"], [], ["--address=registry/name:v1"]]
    jobs = read(ENGINE_GITHUB)["jobs"]
    assert jobs["verdict"]["if"] == "github.ref_type != 'tag'"
    assert jobs["release"]["if"] == "github.ref_type == 'tag'"
    assert [rule["if"] for rule in read(ENGINE_GITLAB)["release"]["rules"]] == ["$CI_COMMIT_TAG =~ /^v/"]


def _address(done: Done) -> list[str]:
    return [word for call in done.calls for word in call if word.startswith("--address")]


@pytest.mark.parametrize(
    ("pipeline", "reports", "status"), [(0, 0, 0), (3, 0, 3), (2, 1, 2), (0, 1, 1), (1, 0, 1)]
)
def test_gitlab_ends_with_one_status(tmp_path: Path, pipeline: int, reports: int, status: int) -> None:
    """If this fails, a failed gate is green, or its reports are missing."""
    done = _gitlab(tmp_path, {"full-pipeline": pipeline, "reports": reports}, FORCE="")
    assert done.status == status, done.output
    assert len(done.calls) == 2


def test_a_reason_without_a_tag_is_refused(tmp_path: Path) -> None:
    """If this fails, somebody forces a release and believes that it went out."""
    done = _gitlab(tmp_path, ADDRESS="")
    assert (done.status, done.calls) == (2, [])
    assert "tag" in done.output
    (refusal,) = [step for _, step in _steps(ENGINE_GITHUB) if step.get("if") == "inputs.force != ''"]
    assert "exit 2" in refusal["run"]


@pytest.mark.parametrize("path", GITHUB, ids=_id)
def test_github_keeps_reports_of_what_failed(path: Path) -> None:
    """If this fails, the reports are missing just when somebody needs them."""
    for job in read(path)["jobs"].values():
        ran = next(at for at, step in enumerate(job["steps"]) if step.get("id") == "pipeline")
        after = job["steps"][ran + 1 :]
        assert all(str(step["if"]).startswith("always()") for step in after)
        assert after[-1]["uses"].startswith("actions/upload-artifact@")
        assert after[-1]["with"]["include-hidden-files"] is True
        assert any("GITHUB_STEP_SUMMARY" in step.get("run", "") for step in after)
        assert not [step for step in job["steps"] if "continue-on-error" in step]


@pytest.mark.parametrize("path", GITLAB, ids=_id)
def test_gitlab_keeps_reports_of_what_failed(path: Path) -> None:
    """If this fails, the reports are missing just when somebody needs them."""
    kept = [job["artifacts"] for job in read(path).values() if "artifacts" in job]
    assert kept
    for artifacts in kept:
        assert artifacts["when"] == "always"
        assert artifacts["paths"] == [".ml-pipeline/"]
        assert artifacts["reports"] == {"junit": ".ml-pipeline/junit.xml"}


@pytest.mark.parametrize("path", GITHUB, ids=_id)
def test_github_gives_least_rights_and_pins_what_it_uses(path: Path) -> None:
    """If this fails, a pull request may write, or an action may change under the user."""
    workflow = read(path)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    assert "concurrency" in workflow
    for name, job in workflow["jobs"].items():
        writes = [key for key, right in job.get("permissions", {}).items() if right != "read"]
        assert writes == (["packages"] if name == "release" else [])
        assert job["timeout-minutes"] > 0
    for _, step in _steps(path):
        assert re.fullmatch(r"[\w-]+/[\w-]+(/[\w-]+)?@[0-9a-f]{40}", step.get("uses", f"a/b@{'0' * 40}"))


def test_host_jobs_keep_what_stages_gave(tmp_path: Path) -> None:
    """If this fails, everything is trained again in every job, or gigabytes of environments are kept."""
    Store(tmp_path / ".ml-pipeline-cache", tmp_path).close()
    workflow, job = read(CI / "github/host.yml"), read(CI / "gitlab/host.gitlab-ci.yml")["verdict"]
    steps = [step for _, step in _steps(CI / "github/host.yml")]
    restore, save = (step for step in steps if "actions/cache/" in str(step.get("uses")))
    assert (save["with"]["key"], save["with"]["path"]) == (restore["with"]["key"], restore["with"]["path"])
    assert save["if"].startswith("always()")
    assert steps.index(restore) < steps.index(next(step for step in steps if step.get("id") == "pipeline"))
    places = save["with"]["path"].split()
    assert places == [path.rstrip("/") for path in job["cache"]["paths"]]
    assert all((tmp_path / place).is_dir() for place in places)
    for variables in (workflow["env"], job["variables"]):
        assert variables["ML_PIPELINE_CACHE"].endswith("/.ml-pipeline-cache")
    assert job["cache"]["when"] == "always"


def test_triggers_are_what_the_readme_says() -> None:
    """If this fails, a nightly run or a run by hand is missing."""
    for path in GITHUB:
        events = read(path)["on"]
        assert set(events) == {"pull_request", "push", "schedule", "workflow_dispatch"}
        assert "'quick'" in read(path)["env"]["PROFILE"]
    for path in GITLAB:
        rules = [rule["if"] for rule in read(path)["verdict"]["rules"]]
        assert [rule for rule in rules if rule != "$CI_COMMIT_TAG"] == [
            '$CI_PIPELINE_SOURCE == "merge_request_event"',
            "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH",
            '$CI_PIPELINE_SOURCE == "schedule"',
            '$CI_PIPELINE_SOURCE == "web"',
        ]


def test_dagger_is_the_version_of_the_module() -> None:
    """If this fails, a user's CI brings an engine that the module was not tried on."""
    engine = re.search(r'"engineVersion": "v([\d.]+)"', (ROOT / "dagger.json").read_text(encoding="utf-8"))
    assert engine is not None
    pinned = [step["with"]["version"] for _, step in _steps(ENGINE_GITHUB) if _is_dagger(step)]
    pinned.append(read(ENGINE_GITLAB)[".ml-pipeline"]["variables"]["DAGGER_VERSION"])
    assert set(pinned) == {engine[1]}


def test_host_files_call_the_command_that_exists() -> None:
    """If this fails, the host job ends with a usage error."""
    from ml_stages.cli import parser  # noqa: PLC0415

    github = next(step for _, step in _steps(CI / "github/host.yml") if step.get("id") == "pipeline")["run"]
    (gitlab,) = read(CI / "gitlab/host.gitlab-ci.yml")["verdict"]["script"]
    assert github == gitlab
    shown = subprocess.run(
        [
            "sh",
            "-c",
            f"ml-pipeline() {{ printf '%s\\n' \"$@\"; }}\n{github}".replace("ml-pipeline", "run_it"),
        ],
        env={"PROFILE": "quick"},
        capture_output=True,
        text=True,
        check=True,
    )
    options = parser().parse_args(shown.stdout.splitlines())
    assert (options.command, options.profile, options.data) == ("run", "quick", Path("data"))


def test_actionlint_has_no_findings() -> None:
    """If this fails, GitHub refuses the file, or reads it otherwise than meant."""
    actionlint = shutil.which("actionlint")
    if actionlint is None:
        pytest.skip(
            "actionlint is not installed: the GitHub files were not checked against GitHub's own rules"
        )
    done = subprocess.run([actionlint, *map(str, GITHUB)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
