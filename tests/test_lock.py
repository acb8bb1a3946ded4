"""The project's lock: what counts as one, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_stages.audit.parameters import LockText
from ml_stages.conclude import Conclusion
from ml_stages.config.load import load_config
from ml_stages.config.sections import EnvironmentConfig
from ml_stages.errors import UsageError
from ml_stages.lineage import Lineage
from ml_stages.lock import find_lock, what_is_built_otherwise, what_is_open
from tests.projects import TinyProject

FOLDERS = (
    "-e .",
    "-e file:.",
    "--editable=./apples",
    ".",
    ".[train]",
    "../../libs/weights",
    "./wheels/weights-1.0-py3-none-any.whl",
    "/home/me/weights",
    "weights @ file:///home/me/weights",
    "weights[fast]@file:../weights",
)


@pytest.mark.parametrize("line", FOLDERS)
def test_a_folder_is_no_pin(tmp_path: Path, line: str) -> None:
    """An edit of a package beside the project trained nothing again, and the verdict was green; no container
    and no bundle could install it."""
    (tmp_path / "requirements.lock").write_text(f"six==1.17.0\n{line}\n")
    with pytest.raises(UsageError, match=r"requirements.lock, line 2: .* installs what lies on this machine"):
        find_lock(tmp_path, EnvironmentConfig())


def test_a_folder_in_a_pylock_is_no_pin(tmp_path: Path) -> None:
    """The same, of the other form of lock."""
    package = '[[packages]]\nname = "apples"\ndirectory = { path = ".", editable = true }\n'
    (tmp_path / "pylock.toml").write_text(f'lock-version = "1.0"\n{package}')
    with pytest.raises(UsageError, match=r"pylock.toml, line 4"):
        find_lock(tmp_path, EnvironmentConfig())


def test_pins_of_every_other_kind_are_taken(tmp_path: Path) -> None:
    """A lock that says where its packages come from, or names extras, could not be used."""
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "# -e .\n--index-url https://packages.example\nsix==1.17.0 \\\n    --hash=sha256:00\n    # via ../x\n"
        "a @ https://example/a.whl\n-e git+https://example/b@0a1b#egg=b\nc[d]==1 ; python_version < '3.13'\n"
    )
    assert find_lock(tmp_path, EnvironmentConfig()) == lock


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("uv.lock", "uv export --no-emit-project"),
        ("poetry.lock", "poetry export --all-groups -o"),
        ("pdm.lock", "pdm export -o"),
        ("Pipfile.lock", "pipenv requirements --dev"),
        ("requirements.in", "uv pip compile --universal --generate-hashes requirements.in"),
        ("pyproject.toml", "uv pip compile --universal --generate-hashes pyproject.toml"),
        ("setup.cfg", "uv pip compile --universal --generate-hashes setup.cfg"),
        ("environment.yml", r"requirements.in -o requirements.lock` out of a requirements.in that names"),
    ],
)
def test_the_command_that_writes_a_lock_is_named(tmp_path: Path, file: str, command: str) -> None:
    """Who has a lock of another tool is told that there is none, and not what to do."""
    (tmp_path / file).touch()
    with pytest.raises(UsageError, match=command):
        find_lock(tmp_path, EnvironmentConfig())


@pytest.mark.parametrize(
    ("table", "option"),
    [
        ('[project.optional-dependencies]\ngpu = ["torch"]\ndev = ["ruff", "pytest>=8"]\n', " --extra dev"),
        ('[dependency-groups]\nall = [{include-group = "test"}]\ntest = ["pytest-cov"]\n', " --group test"),
        ('[project.optional-dependencies]\ngpu = ["torch"]\n', ""),
    ],
)
def test_the_command_that_writes_a_lock_takes_pytest_along(tmp_path: Path, table: str, option: str) -> None:
    """Who follows it gets a lock in which no test can run."""
    (tmp_path / "pyproject.toml").write_text(table)
    with pytest.raises(UsageError, match=f"generate-hashes pyproject.toml{option} -o requirements.lock"):
        find_lock(tmp_path, EnvironmentConfig())


def _open(text: str, name: str = "requirements.txt", **environment: str) -> str:
    return what_is_open(LockText(name=name, text=text), EnvironmentConfig.model_validate(environment))


def test_lines_without_a_pin_are_named() -> None:
    """The environment was another one after each release of these packages, and every cache key the same."""
    said = _open("torch  # any\npandas>=2\nnumpy==2.*\nsix==1.17.0\n-r more.txt\na @ git+https://x/a@main\n")
    assert said.startswith(
        "requirements.txt is no real lock: 5 lines have no pin (torch, pandas>=2, numpy==2.* and 2 more), so"
    )
    command = "uv pip compile --universal --generate-hashes requirements.txt -o requirements.lock"
    assert said.endswith(f"write one with `{command}`")
    assert _open("six", "pins.txt", lock="pins.txt").endswith(" and name it in environment.lock")


def test_the_command_takes_what_the_environment_installs_from(tmp_path: Path) -> None:
    """Who follows it gets hashes of torch with CUDA for an environment without, which refuses them."""
    (tmp_path / "requirements.in").write_text("torch\n")
    index = "https://me:hunter2@packages.example.com/simple"
    config = EnvironmentConfig(torch_backend="cpu", extra_indexes=[index])
    with pytest.raises(UsageError) as refused:
        find_lock(tmp_path, config)
    command = (
        "`uv pip compile --universal --torch-backend cpu --index https://***@packages.example.com/simple"
        " --generate-hashes requirements.in -o requirements.lock`"
    )
    assert command in str(refused.value)
    assert command in what_is_open(LockText(name="requirements.in", text="torch\n"), config)


HASHED = "torch=={} \\\n    --hash=sha256:00\n"


@pytest.mark.parametrize(
    ("text", "backend", "is_told"),
    [
        (HASHED.format("2.9.1"), "cpu", True),
        (HASHED.format("2.9.1"), None, False),
        (HASHED.format("2.9.1+cpu"), "cpu", False),
        (HASHED.format("2.9.1 ; sys_platform == 'darwin'") + HASHED.format("2.9.1+cpu"), "cpu", False),
        ("torch==2.9.1\n", "cpu", False),
        (HASHED.format("2.9.1").replace("torch", "six"), "cpu", False),
    ],
)
def test_a_lock_of_other_builds_of_torch_is_told(text: str, backend: str | None, is_told: bool) -> None:
    """uv's "hash mismatch" looks like a broken download, or nothing holds which torch is installed."""
    config = EnvironmentConfig(torch_backend=backend)
    said = what_is_built_otherwise(LockText(name="requirements.lock", text=text), config)
    assert bool(said) == is_told
    if is_told:
        assert said.startswith("requirements.lock has torch 2.9.1 with hashes of a build for any device")
        assert "uv pip compile --universal --torch-backend cpu --generate-hashes" in said


def test_a_run_tells_of_a_lock_of_other_builds(project: TinyProject) -> None:
    """The note would be computed and shown nowhere."""
    project.edit("pyproject.toml", 'interpreter = "current"', 'torch_backend = "cpu"')
    project.write("requirements.lock", HASHED.format("2.9.1 ; python_version < '3'"))
    assert "requirements.lock has torch 2.9.1 with hashes of a build" in project.run(command="lint").output


def test_a_password_in_a_lock_is_not_printed() -> None:
    """Reports are uploaded and sent on; a token for a private repository would go with them."""
    said = _open("a @ git+https://me:hunter2@example/a@main\n")
    assert "(a @ git+https://***@example/a@main)" in said


def test_what_is_the_same_package_every_time_needs_no_word() -> None:
    """Who has a lock would be told on every run that it is none, and stop reading notes."""
    assert not _open(
        "--index-url https://packages.example\n# torch\nsix==1.17.0 \\\n    --hash=sha256:00\n"
        "c[d]==1 ; python_version < '3.13'\na @ https://example/a-1.whl\nhttps://example/b-1.whl\n"
        f"d @ git+https://example/d@{'0a' * 20}\n-e git+https://example/b@0a1b2c3#egg=b\n"
    )
    assert not _open('lock-version = "1.0"\n[[packages]]\nname = "a"\n', "pylock.toml")


def test_a_run_says_once_in_every_report_that_its_lock_is_none(project: TinyProject) -> None:
    """A green verdict would be believed to be repeatable, although nothing holds its packages."""
    project.edit("pyproject.toml", 'interpreter = "current"', "")
    project.write("requirements.txt", "six ; python_version < '3'\npandas>=2 ; python_version < '3'\n")
    ran = project.run(command="lint")
    said = "requirements.txt is no real lock: 2 lines have no pin (six, pandas>=2)"
    assert ran.exit_status == 0, ran.output
    assert [said in note for note in ran.stage("lint")["notes"]] == [True]
    assert ran.output.count(said) == 1
    for name in ("summary.md", "report.html"):
        page = (ran.folder / name).read_text(encoding="utf-8").replace("&gt;", ">")
        assert page.count(said) == 1, name


def test_a_whole_run_says_it_of_training(project: TinyProject) -> None:
    """Said of lint it would read as a fault of the code; said of each stage nobody would read it."""
    conclusion = Conclusion(
        config=load_config(project.root).config,
        origins=Lineage(pipeline_version="1", seed=0),
        told=("no real lock",),
    )
    noted = {stage.name: stage.notes for stage in conclusion.verdict({}).stages if stage.notes}
    assert noted == {"train": ["no real lock"]}


@pytest.mark.parametrize("line", ["-r base.txt", "-rbase.txt", "--requirement=base.txt", "-c limits.txt"])
def test_a_lock_that_reads_another_file_is_refused(tmp_path: Path, line: str) -> None:
    """If this fails, an edit of the other file installs nothing, and everything counts as unchanged."""
    (tmp_path / "requirements.txt").write_text(f"six==1.17.0\n{line}\n")
    with pytest.raises(UsageError, match=r"line 2: .* another file, .*uv pip compile .* requirements\.txt"):
        find_lock(tmp_path, EnvironmentConfig())
